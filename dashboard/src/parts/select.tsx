/** A value and its name. */
export type Choices = readonly (readonly [value: string, name: string])[];

/** Choices under a heading. */
export interface ChoiceGroup {
  heading: string;
  choices: Choices;
}

/** A list to choose one value from, with its label. */
export function Select({
  id,
  label,
  value,
  choices,
  groups = [],
  help = null,
  onChange,
}: {
  id: string;
  label: string;
  value: string;
  choices: Choices;
  /** Further choices, below these. */
  groups?: readonly ChoiceGroup[];
  /** Why nothing can be chosen, if so. */
  help?: string | null;
  onChange: (value: string) => void;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={help !== null}
        aria-describedby={help === null ? undefined : `${id}-help`}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      >
        <Options {...{ choices, value }} />
        {groups.map(({ heading, choices }) => (
          <optgroup key={heading} label={heading}>
            <Options {...{ choices, value }} />
          </optgroup>
        ))}
      </select>
      {help !== null && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

function Options({ choices, value }: { choices: Choices; value: string }) {
  return (
    <>
      {choices.map(([one, name]) => (
        <option key={one} value={one} selected={one === value}>
          {name}
        </option>
      ))}
    </>
  );
}

/** Returns names as choices, and the chosen one even if the data do not have it. */
export function choicesOf(names: readonly string[], chosen: string | null): Choices {
  const all = chosen === null || names.includes(chosen) ? names : [...names, chosen];
  return all.map((name) => [name, name]);
}
