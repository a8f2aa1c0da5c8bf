/** Properties of the style sheets that are written into a picture. */
const KEPT = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "font-size",
  "font-weight",
  "font-style",
  "text-anchor",
  "letter-spacing",
  "paint-order",
  "vector-effect",
];
/** Pixels of a PNG per pixel of the page. */
const SHARPNESS = 3;
/** Of the words, the legend and the margins of a picture. */
const FONT = "system-ui, sans-serif";
const LINE_HEIGHT = 1.3;
const MARGIN = 16;
const SWATCH = 14;
const LEGEND_SIZE = 13;
const SVG = "http://www.w3.org/2000/svg";

/**
 * Writes a table as CSV (RFC 4180). Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP
 * advises.
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

/** Saves a file through the browser. */
export function save(name: string, content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}

/** Breaks words into lines of at most `width`. A longer word has its own line. */
export function wrap(words: string, width: number, widthOf: (words: string) => number): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1) ?? ""} ${word}` : word;
    if (lines.length > 0 && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The words of a picture. */
export interface Words {
  title: string;
  /** Where it is from, its unit, and the date of its data. */
  subtitle: string;
  /** What it leaves out, and its source: each below the one before. */
  notes: readonly string[];
  /** The banner at the top, if any. */
  notice: string | null;
}

/** Returns a map with its title, legend and source as SVG, with all styles written into it. */
export function toSvg(
  map: SVGSVGElement,
  legend: HTMLElement | null,
  { title, subtitle, notes, notice }: Words,
): string {
  const { width, height } = map.viewBox.baseVal;
  const page = getComputedStyle(document.body);
  const picture = document.createElementNS(SVG, "svg");
  const append = (tag: string, attributes: Record<string, string | number>, content = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
    element.textContent = content;
    picture.append(element);
    return element;
  };
  /** Writes lines below `top`, and returns where they end. */
  const write = (words: string, top: number, size: number, weight = 400, fill = page.color): number => {
    const lines = wrap(words, width - 2 * MARGIN, (line) => widthOf(line, size, weight));
    const y = (line: number) => top + line * size * LINE_HEIGHT;
    lines.forEach((line, at) => {
      const style = { "font-size": size, "font-weight": weight, fill };
      append("text", { x: MARGIN, y: y(at + 1), ...style }, line);
    });
    return y(lines.length);
  };
  append("rect", { width: "100%", height: "100%", fill: page.backgroundColor });

  let top = 4;
  if (notice !== null) {
    const band = append("rect", { width: "100%", fill: page.getPropertyValue("--notice") });
    const height = write(notice, 4, 16, 600, page.getPropertyValue("--on-notice")) + 10;
    band.setAttribute("height", `${height}`);
    top += height;
  }
  top = write(title, top, 17, 600);
  top = write(subtitle, top, 12) + 10;
  const frame = append("svg", { y: top, width, height, viewBox: `0 0 ${width} ${height}` });
  frame.append(...styled(map).childNodes);

  let x = MARGIN;
  let y = top + height + 10;
  for (const item of legend?.querySelectorAll("li") ?? []) {
    const label = item.textContent;
    const end = x + SWATCH + 6 + widthOf(label, LEGEND_SIZE);
    if (end > width - MARGIN && x > MARGIN) {
      // The legend continues in the next row.
      y += SWATCH + 8;
      x = MARGIN;
    }
    const swatch = item.querySelector(".swatch");
    if (swatch) {
      const { backgroundColor, borderTopColor: stroke } = getComputedStyle(swatch);
      const fill = swatch.classList.contains("fill-few") ? "url(#hatch-few)" : backgroundColor;
      append("rect", { x, y, width: SWATCH, height: SWATCH, fill, stroke });
    }
    append("text", { x: x + SWATCH + 6, y: y + 12, "font-size": LEGEND_SIZE, fill: page.color }, label);
    x += SWATCH + 6 + widthOf(label, LEGEND_SIZE) + MARGIN;
  }

  const end = notes.reduce((from, note) => write(note, from, 11), y + SWATCH + 4);
  const total = Math.ceil(end) + 12;
  for (const [name, value] of Object.entries({
    xmlns: SVG,
    viewBox: `0 0 ${width} ${total}`,
    width: `${width}`,
    height: `${total}`,
    "font-family": FONT,
  })) {
    picture.setAttribute(name, value);
  }
  return new XMLSerializer().serializeToString(picture);
}

/** Copies a map, with its computed styles as attributes and without attributes that only the page needs. */
function styled(map: SVGSVGElement): Node {
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
  return drawing;
}

/** The width of words in a line, in pixels. */
function widthOf(words: string, size: number, weight = 400): number {
  const paper = document.createElement("canvas").getContext("2d");
  if (!paper) return words.length * size * 0.6;
  paper.font = `${weight} ${size}px ${FONT}`;
  return paper.measureText(words).width;
}

/** Renders an SVG as PNG. */
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
