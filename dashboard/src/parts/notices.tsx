import type { Catalog } from "../data/catalog.ts";
import { DAY_MS } from "../data/calendar.ts";
import { text } from "../strings.ts";

/** Days after which the newest file is older than a monthly publication explains. */
const OLD_AFTER_DAYS = 45;

/** Warnings above the figures: the data are old, or the address has choices that do not exist. */
export function Notices({ catalog, unknown }: { catalog: Catalog; unknown: readonly string[] }) {
  const { as_of, generated: isGenerated } = catalog;
  const age = as_of === null ? 0 : Math.floor((Date.now() - new Date(as_of).getTime()) / DAY_MS);
  const isOld = !isGenerated && age > OLD_AFTER_DAYS;
  return (
    <>
      {[...(isOld ? [text.oldData(age)] : []), ...unknown].map((sentence) => (
        <p key={sentence} class="note warning">
          {sentence}
        </p>
      ))}
    </>
  );
}
