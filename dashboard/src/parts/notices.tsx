import type { Catalog } from "../data/catalog.ts";
import { DAY_MS } from "../data/calendar.ts";
import { format, text } from "../strings.ts";

/** Days after which the newest file is older than a monthly publication explains. */
const OLD_FILE_DAYS = 45;
/** Days after which the latest request is older than that. A file of one month may be published a month later. */
const OLD_DATA_DAYS = 75;

/** Warnings above the figures: the data are old or incomplete, or the address has choices that do not exist. */
export function Notices({
  catalog,
  dataThrough,
  others,
}: {
  catalog: Catalog;
  dataThrough: Date;
  others: readonly string[];
}) {
  const { as_of, generated: isGenerated } = catalog;
  const ageOf = (date: Date) => Math.floor((Date.now() - date.getTime()) / DAY_MS);
  const age = as_of === null ? 0 : ageOf(new Date(as_of));
  const old = isGenerated
    ? []
    : ageOf(dataThrough) > OLD_DATA_DAYS
      ? [text.oldData(format.day(dataThrough))]
      : age > OLD_FILE_DAYS
        ? [text.oldFile(age)]
        : [];
  return (
    <>
      {[...old, ...others].map((sentence) => (
        <p key={sentence} class="note warning">
          {sentence}
        </p>
      ))}
    </>
  );
}
