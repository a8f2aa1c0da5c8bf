import type { Catalog } from "../../data/catalog.ts";
import { format, text } from "../../strings.ts";
import { described, periodNamed, questionOnMap, rateOf } from "../../view/describe.ts";
import { leftOutOf } from "../../view/left_out.ts";
import type { Shown } from "../../view/shown.ts";
import { toSvg } from "./download.ts";

/** The map as SVG, with its unit, and with the banner of generated data or the attribution of the City's. */
export function pictureOf(shown: Shown, { generated: isGenerated, attribution }: Catalog): string {
  const { view, answer, measure, store } = shown;
  const map = document.getElementById("map");
  if (!(map instanceof SVGSVGElement)) throw new Error("the page has no map");
  const { notice } = text.generated;
  const through = text.share.source(format.day(store.dataThrough));
  const title = text.map.title(measure, view.by, periodNamed(questionOnMap(answer)));
  return toSvg(map, document.querySelector(".map-legend .legend"), {
    title: `${described(view)}: ${title.charAt(0).toLowerCase()}${title.slice(1)}`,
    subtitle: `${text.title} · ${text.measureUnit(measure, rateOf(answer))} · ${through}`,
    notes: [leftOutOf(shown), attribution ?? notice].flatMap((one) => one ?? []),
    notice: isGenerated ? notice : null,
  });
}
