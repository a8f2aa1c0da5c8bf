import type { Catalog } from "../../data/catalog.ts";
import { text, years } from "../../strings.ts";
import { typesNamed } from "../../view/describe.ts";
import { valueOf } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";

/**
 * The ranking as rows of a table, with its header. The first column is the origin of the data: it stays with rows that are
 * sorted, filtered or copied, while a comment above the header would be read as the header.
 */
export function tableOf({ view, answer, ranked }: Shown, { generated: isGenerated, attribution }: Catalog) {
  const { from, to } = answer.question;
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
      isGenerated ? text.generated.data : attribution,
      rank,
      area.id,
      area.name,
      valueOf("count", figures, area.km2),
      valueOf("density", figures, area.km2),
      valueOf("share", figures, area.km2),
      valueOf("change", figures, area.km2),
      typesNamed(view.what),
      view.season,
      view.status,
      view.division,
      years(from, to).replace("–", "-"),
    ]);
  return [header, ...rows];
}
