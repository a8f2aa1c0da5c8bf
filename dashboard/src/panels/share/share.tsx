import { useState } from "preact/hooks";

import type { Catalog } from "../../data/catalog.ts";
import { text, years } from "../../strings.ts";
import { described } from "../../view/describe.ts";
import type { Shown } from "../../view/shown.ts";
import { formatView } from "../../view/view.ts";
import { save, toCsv, toPng, toSvg } from "./download.ts";
import { tableOf } from "./table.ts";
import "./share.css";

/** The link, the files and the code for embedding of what is shown. An embedded page has a link to the full one instead. */
export function Share({ catalog, ...shown }: Shown & { catalog: Catalog }) {
  const { view } = shown;
  const [said, say] = useState("");
  const [isEmbedding, setEmbedding] = useState(false);
  if (view.embed) {
    return (
      <p class="open-full">
        <a href={location.pathname + formatView({ ...view, embed: false })} target="_blank" rel="noreferrer">
          {text.openFull}
        </a>
      </p>
    );
  }
  return (
    <section class="panel share" aria-label={text.shareTitle}>
      <h2>{text.shareTitle}</h2>
      <div class="buttons">
        <button type="button" onClick={() => void copyLink().then(say)}>
          {text.copyLink}
        </button>
        <Downloads {...shown} catalog={catalog} say={say} />
        <button
          type="button"
          onClick={() => {
            print();
          }}
        >
          {text.print}
        </button>
        <button
          type="button"
          aria-expanded={isEmbedding}
          onClick={() => {
            setEmbedding(!isEmbedding);
          }}
        >
          {text.embed}
        </button>
        <span role="status">{said}</span>
      </div>
      {isEmbedding && (
        <label class="embed-code">
          {text.embedHelp}
          <textarea readOnly rows={3} value={embedCode(shown, catalog)} />
        </label>
      )}
    </section>
  );
}

/** Buttons that save the ranking as CSV and the map as SVG and PNG. */
function Downloads({ catalog, say, ...shown }: Shown & { catalog: Catalog; say: (words: string) => void }) {
  const { from, to } = shown.answer.question;
  const plainName = `toronto-311-${shown.view.by}-${years(from, to).replace("–", "-")}`;
  const name = catalog.generated ? text.generated.fileName(plainName) : plainName;
  const finish = (file: string, content: Blob) => {
    save(file, content);
    say(text.saved(file));
  };
  return (
    <>
      <button
        type="button"
        onClick={() => {
          finish(`${name}.csv`, new Blob([toCsv(tableOf(shown, catalog))], { type: "text/csv" }));
        }}
      >
        {text.csv}
      </button>
      <button
        type="button"
        onClick={() => {
          finish(`${name}.svg`, new Blob([pictureOf(shown, catalog)], { type: "image/svg+xml" }));
        }}
      >
        {text.svg}
      </button>
      <button
        type="button"
        onClick={() => {
          toPng(pictureOf(shown, catalog)).then(
            (png) => {
              finish(`${name}.png`, png);
            },
            () => {
              say(text.pictureFailed);
            },
          );
        }}
      >
        {text.png}
      </button>
    </>
  );
}

/** The map as SVG, with the banner of generated data or the attribution of the City's. */
function pictureOf(
  { view, answer, measure }: Shown,
  { generated: isGenerated, attribution }: Catalog,
): string {
  const map = document.getElementById("map");
  if (!(map instanceof SVGSVGElement)) throw new Error("the page has no map");
  const { from, to } = answer.question;
  const { notice } = text.generated;
  return toSvg(map, document.querySelector(".map-panel .legend"), {
    title: `${described(view)}, ${years(from, to)}, ${text.measures(measure, to).toLowerCase()}`,
    source: attribution ?? notice,
    notice: isGenerated ? notice : null,
  });
}

/** Copies the address of the page, and returns what to say about it. */
async function copyLink(): Promise<string> {
  try {
    // The clipboard exists on https and on loopback only.
    await navigator.clipboard.writeText(location.href);
    return text.copied;
  } catch {
    return text.copyFailed;
  }
}

function embedCode({ view }: Shown, { generated: isGenerated }: Catalog): string {
  const address = location.origin + location.pathname + formatView({ ...view, embed: true });
  const title = isGenerated ? text.generated.title(text.title) : text.title;
  return `<iframe src="${address.replaceAll("&", "&amp;")}" title="${title}" width="100%" height="1100" loading="lazy"></iframe>`;
}
