/** A value and its name. */
export type Choices = readonly (readonly [value: string, name: string])[];

/** A list to choose one value from, with its label. */
export function Select({
  id,
  label,
  value,
  choices,
  onChange,
}: {
  id: string;
  label: string;
  value: string;
  choices: Choices;
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
        {choices.map(([one, name]) => (
          <option key={one} value={one} selected={one === value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Returns names as choices, and the chosen one even if the data do not have it. */
export function choicesOf(names: readonly string[], chosen: string | null): Choices {
  const all = chosen === null || names.includes(chosen) ? names : [...names, chosen];
  return all.map((name) => [name, name]);
}
