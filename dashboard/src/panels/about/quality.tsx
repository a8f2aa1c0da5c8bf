import { Failure } from "../../parts/failure.tsx";
import type { YearQuality } from "../../data/quality.ts";
import { readQuality } from "../../data/quality.ts";
import { readRefusals } from "../../data/refusals.ts";
import type { Store } from "../../data/store.ts";
import { format, text } from "../../strings.ts";
import { oneLine } from "../../data/untrusted.ts";
import { useRead } from "../../view/use_read.ts";
import "./quality.css";

/** Characters of a cause that are shown. */
const CAUSE = 300;
/** Characters of an unexpected column or value that are shown. */
const SUBJECT = 80;

/** What happened to the published rows, and which publications were refused. */
export function Quality({ store }: { store: Store }) {
  const { value: years, error, retry } = useRead(store, "quality", readQuality);
  const { as_of, generated: isGenerated } = store.catalog;
  const through = format.day(store.dataThrough);
  return (
    <div id="quality" tabIndex={-1}>
      <h3 id="quality-title">{text.quality.title}</h3>
      <p>
        {isGenerated
          ? text.generated.qualityIntro(through)
          : text.quality.intro(through, as_of === null ? null : format.day(new Date(as_of)))}
      </p>
      <Refusals store={store} />
      {error !== null && <Failure error={error} onRetry={retry} />}
      {error === null && (years ? <Years years={years} /> : <p role="status">{text.quality.loading}…</p>)}
    </div>
  );
}

/** The data that are older than their publication, or missing, with the reason. */
function Refusals({ store }: { store: Store }) {
  const { value: refusals, error, retry } = useRead(store, "refusals", readRefusals);
  if (error === null && !refusals?.length) return null;
  return (
    <div class="refusals">
      <h4 id="refusals" tabIndex={-1}>
        {text.refusals}
      </h4>
      {error !== null && <Failure error={error} onRetry={retry} />}
      {error === null && (
        <ul>
          {refusals?.map((refusal) => {
            const cause = oneLine(refusal.cause, CAUSE);
            return (
              <li key={refusal.partition} data-partition={refusal.partition}>
                <strong>{text.refusalOf(refusal)}</strong>: {text.refusal(refusal)}
                {cause && (
                  <>
                    : <bdi class="cause">{cause}</bdi>
                  </>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

/** What differs from the contract, in words. The subjects are untrusted text of the published file. */
function driftOf({ drift }: YearQuality): string[] {
  return drift.map((one) => text.driftOf({ ...one, subject: oneLine(one.subject, SUBJECT) }));
}

function Years({ years }: { years: YearQuality[] }) {
  const sum = (of: (quality: YearQuality) => number) => years.reduce((all, quality) => all + of(quality), 0);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it
    <div class="scroll-x" tabIndex={0} role="group" aria-labelledby="quality-title">
      <table class="quality">
        <thead>
          <tr>
            <th scope="col">{text.quality.year}</th>
            <th scope="col" class="number">
              {text.quality.read}
            </th>
            <th scope="col" class="number">
              {text.quality.kept}
            </th>
            <th scope="col" class="number">
              {text.quality.repaired}
            </th>
            <th scope="col" class="number">
              {text.quality.quarantined}
            </th>
            <th scope="col">{text.quality.reasons}</th>
            <th scope="col">{text.quality.drift}</th>
          </tr>
        </thead>
        <tbody>
          {[...years].reverse().map((quality) => (
            <tr key={quality.year} data-year={quality.year}>
              <th scope="row">{quality.year}</th>
              <td class="number">{format.integer(quality.read)}</td>
              <td class="number">{format.integer(quality.kept)}</td>
              <td class="number">{format.integer(quality.repaired)}</td>
              <td class="number">{format.integer(quality.quarantined)}</td>
              <td>
                {[...quality.reasons]
                  .map(([reason, rows]) => `${text.quality.reason[reason] ?? reason} ${format.integer(rows)}`)
                  .join(", ")}
              </td>
              <td>{driftOf(quality).join(", ") || text.quality.noDrift}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{text.quality.total}</th>
            <td class="number">{format.integer(sum(({ read }) => read))}</td>
            <td class="number">{format.integer(sum(({ kept }) => kept))}</td>
            <td class="number">{format.integer(sum(({ repaired }) => repaired))}</td>
            <td class="number">{format.integer(sum(({ quarantined }) => quarantined))}</td>
            <td />
            <td />
          </tr>
        </tfoot>
      </table>
    </div>
  );
}
