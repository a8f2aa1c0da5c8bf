/** Properties that a picture keeps of the style sheet. */
const KEPT = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "font-size",
  "vector-effect",
];
/** Pixels of a PNG for one of the page. */
const SHARPNESS = 2;
const SVG = "http://www.w3.org/2000/svg";

/**
 * A table as CSV (RFC 4180) that no spreadsheet takes for formulas: text that begins with what begins a formula gets an
 * apostrophe before it, as OWASP advises.
 */
export function toCsv(rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null): string => {
    if (value === null) return "";
    if (typeof value === "number") return `${value}`;
    const safe = /^[\s]*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Has the browser save a file. */
export function save(name: string, content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}

/** A map with its title, legend and source, as a picture of its own: the styles are written into it. */
export function toSvg(map: SVGSVGElement, title: string, legend: HTMLElement | null, source: string): string {
  const { width, height } = map.viewBox.baseVal;
  const header = 44;
  const footer = 64;
  const page = getComputedStyle(document.body);
  const picture = document.createElementNS(SVG, "svg");
  const total = height + header + footer;
  picture.setAttribute("xmlns", SVG);
  picture.setAttribute("viewBox", `0 0 ${width} ${total}`);
  picture.setAttribute("width", `${width}`);
  picture.setAttribute("height", `${total}`);
  picture.setAttribute("font-family", "system-ui, sans-serif");
  const append = (tag: string, attributes: Record<string, string | number>, content = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
    element.textContent = content;
    picture.append(element);
  };
  append("rect", { width, height: total, fill: page.backgroundColor });
  append("text", { x: 16, y: 29, "font-size": 20, "font-weight": 600, fill: page.color }, title);

  const drawing = map.cloneNode(true) as SVGSVGElement;
  const originals = map.querySelectorAll("*");
  drawing.querySelectorAll("*").forEach((element, at) => {
    const original = originals[at];
    if (!original) return;
    const style = getComputedStyle(original);
    for (const property of KEPT) element.setAttribute(property, style.getPropertyValue(property));
    for (const name of [...element.getAttributeNames()]) {
      if (/^(class|role|tabindex|data-.*|aria-.*)$/.test(name)) element.removeAttribute(name);
    }
  });
  const frame = document.createElementNS(SVG, "svg");
  frame.setAttribute("y", `${header}`);
  frame.setAttribute("width", `${width}`);
  frame.setAttribute("height", `${height}`);
  frame.setAttribute("viewBox", `0 0 ${width} ${height}`);
  frame.append(...drawing.childNodes);
  picture.append(frame);

  let x = 16;
  for (const item of legend?.querySelectorAll("li") ?? []) {
    const swatch = item.querySelector(".swatch");
    const label = item.textContent;
    if (swatch) {
      const fill = getComputedStyle(swatch).backgroundColor;
      append("rect", { x, y: header + height + 10, width: 14, height: 14, fill });
    }
    append("text", { x: x + 20, y: header + height + 22, "font-size": 13, fill: page.color }, label);
    x += 40 + label.length * 7.5;
  }
  append("text", { x: 16, y: total - 14, "font-size": 11, fill: page.color }, source);
  return new XMLSerializer().serializeToString(picture);
}

/** A picture as PNG. */
export async function toPng(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * SHARPNESS;
    canvas.height = image.naturalHeight * SHARPNESS;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob) resolve(blob);
        else reject(new Error("the browser made no PNG"));
      }, "image/png");
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
