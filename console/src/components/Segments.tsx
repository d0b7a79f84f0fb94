import { ToggleGroup } from "radix-ui";

interface Props<Value extends string> {
  label: string;
  choices: readonly Value[];
  /** What is chosen; null where it is none of them. */
  value: Value | null;
  onChange: (value: Value) => void;
}

/** One of a few, all in sight. Arrows go from one to the next. */
export function Segments<Value extends string>({ label, choices, value, onChange }: Props<Value>) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value ?? ""}
      // A second click on the same says nothing new.
      onValueChange={(next) => next !== "" && onChange(next as Value)}
      className="flex rounded-md border border-line bg-surface p-0.5"
    >
      {choices.map((choice) => (
        <ToggleGroup.Item key={choice} value={choice} className="h-6 rounded px-2 text-xs text-muted hover:text-ink data-[state=on]:bg-tint data-[state=on]:font-medium data-[state=on]:text-accent">
          {choice}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
