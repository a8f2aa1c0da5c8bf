import { Combobox } from "../parts/combobox.tsx";
import { SEASONS } from "../data/calendar.ts";
import type { Store } from "../data/store.ts";
import { text } from "../strings.ts";
import type { View } from "../view/view.ts";
import { KINDS, STATUS_GROUPS, isStatusGroup, yearsOfView } from "../view/view.ts";
import "./filters.css";

const NO_FILTERS = {
  what: [],
  from: null,
  to: null,
  season: null,
  status: null,
  division: null,
  pins: [],
} satisfies Partial<View>;

interface FiltersProps {
  view: View;
  change: (change: Partial<View>) => void;
  store: Store;
  /** Names of all divisions. */
  divisions: readonly string[];
}

/** The choice of request types, areas, years, season, status and division. */
export function Filters({ view, change, store, divisions }: FiltersProps) {
  return (
    <form
      class="filters"
      aria-label={text.filters}
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <div class="field wide">
        <label for="search">{text.search}</label>
        <Combobox
          vocabulary={store.vocabulary}
          chosen={view.what}
          onChoose={(choice) => {
            change({ what: [...view.what, choice] });
          }}
        />
      </div>
      <fieldset class="field toggle">
        <legend>{text.by}</legend>
        <div class="segments">
          {KINDS.map((kind) => (
            <button
              key={kind}
              type="button"
              aria-pressed={view.by === kind}
              onClick={() => {
                if (view.by !== kind) change({ by: kind, pins: [] });
              }}
            >
              {text.areas[kind]}
            </button>
          ))}
        </div>
      </fieldset>
      <Lists {...{ view, change, store, divisions }} />
      <Chips {...{ view, change }} />
    </form>
  );
}

/** The filters that are lists: years, season, status and division. */
function Lists({ view, change, store, divisions }: FiltersProps) {
  const { from, to } = yearsOfView(view, store.years);
  const years = store.years.map(String);
  const statuses = store.vocabulary.statuses.map(({ name }) => name);
  const isGroup = view.status !== null && isStatusGroup(view.status);
  return (
    <>
      <Choose
        id="from"
        label={text.yearFrom}
        value={`${from}`}
        options={namesWith(years, `${from}`)}
        onChange={(value) => {
          change({ from: Number(value), to: Math.max(to, Number(value)) });
        }}
      />
      <Choose
        id="to"
        label={text.yearTo}
        value={`${to}`}
        options={namesWith(years, `${to}`)}
        onChange={(value) => {
          change({ from: Math.min(from, Number(value)), to: Number(value) });
        }}
      />
      <Choose
        id="season"
        label={text.season}
        value={view.season ?? ""}
        options={[["", text.allSeasons], ...SEASONS.map((one): Option => [one, text.seasons[one]])]}
        onChange={(value) => {
          change({ season: SEASONS.find((one) => one === value) ?? null });
        }}
      />
      <Choose
        id="status"
        label={text.status}
        value={view.status ?? ""}
        options={[
          ["", text.allStatuses],
          ...STATUS_GROUPS.map((group): Option => [group, text.statusGroupOf(group)]),
          ...namesWith(statuses, isGroup ? null : view.status),
        ]}
        onChange={(value) => {
          change({ status: value || null });
        }}
      />
      <Choose
        id="division"
        label={text.division}
        value={view.division ?? ""}
        options={[["", text.allDivisions], ...namesWith(divisions, view.division)]}
        onChange={(value) => {
          change({ division: value || null });
        }}
      />
    </>
  );
}

/** The chosen types and groups, each with a button to remove it, and a button that clears all filters. */
function Chips({ view, change }: Pick<FiltersProps, "view" | "change">) {
  return (
    <div class="chips">
      {view.what.map(({ kind, name }) => (
        <button
          key={`${kind} ${name}`}
          type="button"
          class="chip"
          aria-label={text.remove(name)}
          onClick={({ currentTarget }) => {
            focusAfter(currentTarget);
            change({ what: view.what.filter((one) => one.kind !== kind || one.name !== name) });
          }}
        >
          {name} <span aria-hidden="true">×</span>
        </button>
      ))}
      {isFiltered(view) && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            focusSearch();
            change(NO_FILTERS);
          }}
        >
          {text.reset}
        </button>
      )}
    </div>
  );
}

/** Moves the focus from a chip that is about to disappear to the one beside it, or to the search. */
function focusAfter(chip: Element) {
  const beside = [chip.nextElementSibling, chip.previousElementSibling].find((one) => one?.matches(".chip"));
  if (beside instanceof HTMLElement) beside.focus();
  else focusSearch();
}

function focusSearch() {
  document.getElementById("search")?.focus();
}

function isFiltered({ what, from, season, status, division, pins }: View): boolean {
  return what.length + pins.length > 0 || [from, season, status, division].some((one) => one !== null);
}

type Option = [value: string, label: string];

/** Returns the names as options, and the chosen one even if the data do not have it. */
function namesWith(names: readonly string[], chosen: string | null): Option[] {
  const all = chosen === null || names.includes(chosen) ? names : [...names, chosen];
  return all.map((name) => [name, name]);
}

function Choose({
  id,
  label,
  value,
  options,
  onChange,
}: {
  id: string;
  label: string;
  value: string;
  options: Option[];
  onChange: (value: string) => void;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      >
        {options.map(([one, name]) => (
          <option key={one} value={one} selected={one === value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
