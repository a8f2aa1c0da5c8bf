/** Buttons of which one is pressed. */
export function Segments<T extends string>({
  label,
  values,
  chosen,
  name,
  onChoose,
}: {
  label: string;
  values: readonly T[];
  chosen: T;
  name: (value: T) => string;
  onChoose: (value: T) => void;
}) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{label}</legend>
      {values.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === chosen}
          onClick={() => {
            onChoose(one);
          }}
        >
          {name(one)}
        </button>
      ))}
    </fieldset>
  );
}
