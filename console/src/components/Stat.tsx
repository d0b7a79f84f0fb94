import { UNKNOWN } from "./numbers";

interface Props {
  name: string;
  value: string;
  /** The change against the period before: 0.08 is 8 % more. Unknown where there was nothing. */
  trend?: number | null | undefined;
  /** Whether more of it is good; without it the trend has no colour. */
  good?: "up" | "down";
}

/** A figure, and how it has changed. */
export function Stat({ name, value, trend, good }: Props) {
  const up = (trend ?? 0) > 0;
  const better = good !== undefined && (good === "up") === up;
  const tone = trend == null || Math.abs(trend) < 0.005 || good === undefined ? "text-muted" : better ? "text-good" : "text-bad";
  return (
    <div className="rounded-card border border-line bg-surface px-4 py-3">
      <div className="text-xs text-muted">{name}</div>
      <div className="mt-1 flex items-baseline justify-between gap-2">
        <span className="text-xl font-semibold">{value}</span>
        <span className={`text-xs ${tone}`}>{trend == null ? UNKNOWN : `${up ? "▲" : trend < 0 ? "▼" : ""} ${Math.abs(trend * 100).toFixed(0)} %`}</span>
      </div>
    </div>
  );
}
