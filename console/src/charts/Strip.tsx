export type Health = "good" | "warn" | "bad" | "none";

const COLOUR: Record<Health, string> = {
  good: "var(--good)",
  warn: "var(--warn)",
  bad: "var(--bad)",
  none: "var(--line)",
};

interface Props {
  label: string;
  cells: readonly { state: Health; told: string }[];
}

/** One cell for each stretch of time: how it went then. */
export function Strip({ label, cells }: Props) {
  return (
    <div role="img" aria-label={label} className="flex h-5 gap-px">
      {cells.map(({ state, told }, index) => (
        <span key={index} title={told} className="min-w-0 flex-1 rounded-[1px]" style={{ background: COLOUR[state] }} />
      ))}
    </div>
  );
}
