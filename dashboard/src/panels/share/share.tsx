import { useState } from "preact/hooks";

import type { Shown } from "../../dashboard.tsx";
import type { Catalog } from "../../data/catalog.ts";
import { save, toCsv, toPng, toSvg } from "./download.ts";
import { asked, described, text, years } from "../../strings.ts";
import { valueOf } from "../../view/measures.ts";
import { formatView } from "../../view/view.ts";

/** Ways to take what is shown elsewhere. */
export function Share({ catalog, ...shown }: Shown & { catalog: Catalog }) {
  const { view, answer, ranked, measure } = shown;
  const { generated: isGenerated, attribution } = catalog;
  const [said, say] = useState("");
  const [isEmbedding, setEmbedding] = useState(false);
  const { from, to } = answer.question;
  const title = `${described(view)}, ${years(from, to)}, ${text.measures[measure].toLowerCase()}`;
  const plainName = `toronto-311-${view.by}-${years(from, to).replace("–", "-")}`;
  const name = isGenerated ? text.generated.fileName(plainName) : plainName;
  const finish = (file: string, content: Blob) => {
    save(file, content);
    say(text.saved(file));
  };
  const csv = () => {
    // In a column, where it stays with rows that are sorted, filtered or copied; a line of comment would be read as the
    // header. It is the first, so that it is seen.
    const origin = isGenerated ? text.generated.data : attribution;
    const header = [
      "data",
      "rank",
      view.by,
      "name",
      "requests",
      "per_km2",
      "share_of_area",
      "change",
      "what",
      "season",
      "status",
      "division",
      "years",
    ];
    const rows = [...ranked]
      .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity))
      .map(({ area, figures, rank }) => [
        origin,
        rank,
        area.id,
        area.name,
        valueOf("count", figures, area.km2),
        valueOf("density", figures, area.km2),
        valueOf("share", figures, area.km2),
        valueOf("change", figures, area.km2),
        asked(view.what),
        view.season,
        view.status,
        view.division,
        years(from, to).replace("–", "-"),
      ]);
    finish(`${name}.csv`, new Blob([toCsv([header, ...rows])], { type: "text/csv" }));
  };
  const picture = () => {
    const map = document.getElementById("map");
    if (!(map instanceof SVGSVGElement)) throw new Error("there is no map");
    const { notice } = text.generated;
    return toSvg(map, document.querySelector(".map-panel .legend"), {
      title,
      source: attribution ?? notice,
      notice: isGenerated ? notice : null,
    });
  };
  const copy = async () => {
    try {
      // There is none but on https and on loopback.
      await navigator.clipboard.writeText(location.href);
      say(text.copied);
    } catch {
      say(text.copyFailed);
    }
  };
  const address = location.origin + location.pathname + formatView({ ...view, embed: true });
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
        <button type="button" onClick={() => void copy()}>
          {text.copyLink}
        </button>
        <button type="button" onClick={csv}>
          {text.csv}
        </button>
        <button
          type="button"
          onClick={() => {
            finish(`${name}.svg`, new Blob([picture()], { type: "image/svg+xml" }));
          }}
        >
          {text.svg}
        </button>
        <button
          type="button"
          onClick={() => {
            toPng(picture()).then(
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
          <textarea
            readOnly
            rows={3}
            value={`<iframe src="${address.replaceAll("&", "&amp;")}" title="${isGenerated ? text.generated.title(text.title) : text.title}" width="100%" height="1100" loading="lazy"></iframe>`}
          />
        </label>
      )}
    </section>
  );
}
