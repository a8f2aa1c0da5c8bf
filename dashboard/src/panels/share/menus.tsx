import { useState } from "preact/hooks";

import type { Catalog } from "../../data/catalog.ts";
import { hasMart } from "../../data/catalog.ts";
import { Select } from "../../parts/select.tsx";
import { format, text } from "../../strings.ts";
import { described, periodNamed, placesNamed } from "../../view/describe.ts";
import { addressOf, lasting } from "../../view/lasting.ts";
import type { Shown } from "../../view/shown.ts";
import type { Embed, Theme } from "../../view/view.ts";
import { EMBEDS, THEMES } from "../../view/view.ts";
import { sentenceOf } from "../answer.tsx";
import { save, toCsv, toPng } from "./download.ts";
import { pictureOf } from "./picture.ts";
import type { TableFile } from "./table.ts";
import {
  categoriesTable,
  daysTable,
  divisionTable,
  durationsTable,
  mapName,
  monthsTable,
  statusTable,
  tableOf,
} from "./table.ts";

/** Pixels that an embedded part needs on a page of usual width. Its message says how high it is. */
const HEIGHTS: Record<Embed, number> = { answer: 200, map: 660, ranking: 760, trend: 360, all: 1500 };

/** The properties of each menu. */
export type MenuProps = Shown & { catalog: Catalog };

/** The address of the view, and how to cite it. */
export function Link(props: MenuProps) {
  const [said, say] = useState("");
  const address = addressOf(lasting(props));
  const { catalog } = props;
  const source = catalog.generated ? text.generated.notice : (catalog.attribution ?? "");
  const cited = {
    what: described(props.view),
    where: placesNamed(props) ?? text.city,
    when: periodNamed(props.answer.question),
  };
  const through = format.day(props.store.dataThrough);
  const citation = text.share.citation(cited, source, through, address, format.day(new Date()));
  return (
    <>
      <label class="code">
        {text.share.link}
        <textarea readOnly rows={3} value={address} />
      </label>
      <p class="help">{props.answer.question.days ? text.share.linkNoteOfDays : text.share.linkNote}</p>
      <div class="buttons">
        <button type="button" onClick={() => void copy(address).then(say)}>
          {text.share.copyLink}
        </button>
        <button
          type="button"
          onClick={() => {
            print();
          }}
        >
          {text.share.print}
        </button>
        <span role="status">{said}</span>
      </div>
      <label class="code">
        {text.share.cite}
        <textarea readOnly rows={6} value={citation} />
      </label>
    </>
  );
}

/** Buttons that save tables as CSV, and the map as SVG and PNG. */
export function Downloads(props: MenuProps) {
  const [said, say] = useState("");
  const { catalog } = props;
  const finish = (name: string, content: Blob) => {
    save(name, content);
    say(text.share.saved(name));
  };
  const picture = mapName(props, catalog);
  const csv = (label: string, fileOf: (shown: Shown, catalog: Catalog) => TableFile | Promise<TableFile>) => (
    <button
      type="button"
      onClick={() => {
        Promise.resolve(fileOf(props, catalog)).then(
          ({ name, table }) => {
            finish(`${name}.csv`, new Blob([toCsv(table)], { type: "text/csv" }));
          },
          () => {
            say(text.share.tableFailed);
          },
        );
      }}
    >
      {label}
    </button>
  );
  return (
    <>
      <div class="menu">
        {csv(text.share.areas, tableOf)}
        {props.answer.question.days === null && csv(text.share.months, monthsTable)}
        {csv(text.share.categories, categoriesTable)}
        {csv(text.share.statusTable, statusTable)}
        {csv(text.share.divisionTable, divisionTable)}
        {csv(text.share.daysTable, daysTable)}
        {hasMart(catalog, "time_to_close") && csv(text.share.durationsTable, durationsTable)}
        <button
          type="button"
          onClick={() => {
            finish(`${picture}.svg`, new Blob([pictureOf(props, catalog)], { type: "image/svg+xml" }));
          }}
        >
          {text.share.svg}
        </button>
        <button
          type="button"
          onClick={() => {
            toPng(pictureOf(props, catalog)).then(
              (png) => {
                finish(`${picture}.png`, png);
              },
              () => {
                say(text.share.pictureFailed);
              },
            );
          }}
        >
          {text.share.png}
        </button>
      </div>
      <p role="status">{said}</p>
    </>
  );
}

/** The code that embeds a part of the page in another. */
export function Embedding(props: MenuProps) {
  const [part, setPart] = useState<Embed>("map");
  const [theme, setTheme] = useState<Theme>("light");
  const view = { ...lasting(props), embed: part, theme, zoom: props.view.zoom };
  const title = props.catalog.generated ? text.generated.title(sentenceOf(props)) : sentenceOf(props);
  const code = `<iframe src="${escaped(addressOf(view))}" title="${escaped(title)}" width="100%" height="${HEIGHTS[part]}" loading="lazy"></iframe>`;
  return (
    <>
      <Select
        id="embed-part"
        label={text.share.embedWhat}
        value={part}
        choices={EMBEDS.map((one) => [one, text.share.embeds[one]])}
        onChange={(value) => {
          setPart(EMBEDS.find((one) => one === value) ?? "map");
        }}
      />
      <Select
        id="embed-theme"
        label={text.share.theme}
        value={theme}
        choices={THEMES.map((one) => [one, text.share.themes[one]])}
        onChange={(value) => {
          setTheme(THEMES.find((one) => one === value) ?? "light");
        }}
      />
      <label class="code">
        {text.share.embedHelp}
        <textarea readOnly rows={5} value={code} />
      </label>
      <p class="help">{text.share.embedNote}</p>
    </>
  );
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

/** Copies an address, and returns what to say about it. */
async function copy(address: string): Promise<string> {
  try {
    // The clipboard exists on https and on loopback only.
    await navigator.clipboard.writeText(address);
    return text.share.copied;
  } catch {
    return text.share.copyFailed;
  }
}
