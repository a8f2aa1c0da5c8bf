import { LENGTHS, dayId, isWhole } from "../../data/calendar.ts";
import { hasMart, lastDaysMart } from "../../data/catalog.ts";
import type { Span } from "../../data/span.ts";
import { isWholeYears, monthAt, monthOf, numberOf, yearOf } from "../../data/span.ts";
import { Popover } from "../../parts/popover.tsx";
import { format, text } from "../../strings.ts";
import type { View } from "../../view/view.ts";
import { spanOf } from "../../view/view.ts";
import type { AskProps } from "./props.ts";

/** The numbers of whole months at the end of the data that can be chosen. */
const LAST_MONTHS = [1, 3, 12];

/** The choice of months or days: a year, the last months, the last days, or any months. */
export function When({ store, view, change }: AskProps) {
  const span = spanOf(view, store.years);
  const named = view.days ? text.when.lastDays(view.days.length) : format.span(span);
  return (
    <div class="field when">
      <span class="label">{text.ask.when}</span>
      <Popover id="when" label={<span>{named}</span>}>
        {(close) => (
          <>
            <Quick
              {...{ store, view, span }}
              onChoose={(next) => {
                change(next);
                close();
              }}
            />
            <Own
              span={span}
              years={store.years}
              onChoose={(next) => {
                change({ span: next, days: null });
              }}
            />
          </>
        )}
      </Popover>
    </div>
  );
}

/** Years, the last months and the last days, to choose with one click. */
function Quick({
  store: { years, dataThrough, catalog },
  view: { by, days },
  span,
  onChoose,
}: Pick<AskProps, "store" | "view"> & {
  span: Span;
  onChoose: (chosen: Pick<View, "span" | "days"> & Partial<View>) => void;
}) {
  const [first = 1970, last = first] = [years[0], years.at(-1)];
  const end = monthOf(dataThrough);
  const lastWhole = isWhole(yearOf(end), numberOf(end), dataThrough) ? end : end - 1;
  const all = { from: monthAt(first, 1), to: monthAt(last, 12) };
  const button = (label: string, to: Span) => (
    <button
      key={label}
      type="button"
      aria-pressed={days === null && span.from === to.from && span.to === to.to}
      onClick={() => {
        onChoose({ span: to, days: null });
      }}
    >
      {label}
    </button>
  );
  return (
    <fieldset class="plain">
      <legend class="hidden">{text.when.quick}</legend>
      <div class="menu years">
        {[...years]
          .reverse()
          .map((year) => button(`${year}`, { from: monthAt(year, 1), to: monthAt(year, 12) }))}
      </div>
      <div class="menu">
        {LAST_MONTHS.map((count) =>
          button(text.when.lastMonths(count), { from: lastWhole - count + 1, to: lastWhole }),
        )}
        {button(text.when.all, all)}
      </div>
      {hasMart(catalog, lastDaysMart(by)) && (
        <div class="menu">
          {LENGTHS.map((length) => (
            <button
              key={length}
              type="button"
              aria-pressed={days?.length === length}
              onClick={() => {
                // Days have no seasons.
                onChoose({ days: { length, last: dayId(dataThrough) }, span: null, season: null });
              }}
            >
              {text.when.lastDays(length)}
            </button>
          ))}
        </div>
      )}
    </fieldset>
  );
}

/** The first and the last month. */
function Own({
  span,
  years,
  onChoose,
}: {
  span: Span;
  years: readonly number[];
  onChoose: (span: Span) => void;
}) {
  const months = Array.from({ length: 12 }, (_, at) => at + 1);
  const row = (end: "from" | "to") => {
    const month = span[end];
    const set = (next: number) => {
      onChoose(
        end === "from"
          ? { from: next, to: Math.max(span.to, isWholeYears(span) ? monthAt(yearOf(next), 12) : next) }
          : { from: Math.min(span.from, isWholeYears(span) ? monthAt(yearOf(next), 1) : next), to: next },
      );
    };
    return (
      <>
        <span>{text.when[end]}</span>
        <select
          id={`${end}-month`}
          aria-label={end === "from" ? text.when.fromMonth : text.when.toMonth}
          value={`${numberOf(month)}`}
          onChange={({ currentTarget }) => {
            set(monthAt(yearOf(month), Number(currentTarget.value)));
          }}
        >
          {months.map((one) => (
            <option key={one} value={`${one}`} selected={one === numberOf(month)}>
              {format.monthLong(one)}
            </option>
          ))}
        </select>
        <select
          id={`${end}-year`}
          aria-label={end === "from" ? text.when.fromYear : text.when.toYear}
          value={`${yearOf(month)}`}
          onChange={({ currentTarget }) => {
            set(monthAt(Number(currentTarget.value), numberOf(month)));
          }}
        >
          {years.map((year) => (
            <option key={year} value={`${year}`} selected={year === yearOf(month)}>
              {year}
            </option>
          ))}
        </select>
      </>
    );
  };
  return (
    <fieldset class="plain when-own">
      <legend>{text.when.own}</legend>
      {row("from")}
      {row("to")}
    </fieldset>
  );
}
