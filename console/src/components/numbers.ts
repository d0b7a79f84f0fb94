/** Numbers as people read them. What is not known is a dash, never a zero. */
export const UNKNOWN = "—";

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 100_000 ? whole.format(value) : short.format(value);
}

/** Money is nano-dollars. Small sums keep two digits that say something. */
export function money(nano: number | null | undefined): string {
  if (nano == null) return UNKNOWN;
  const dollars = nano / 1e9;
  if (dollars === 0) return "$0";
  const size = Math.abs(dollars);
  if (size >= 1000) return `$${short.format(dollars)}`;
  if (size >= 0.01) return `$${dollars.toFixed(2)}`;
  return `$${dollars.toPrecision(2).replace(/e.*/, "") === "0" ? "0" : Number(dollars.toPrecision(2)).toFixed(Math.min(9, 1 - Math.floor(Math.log10(size))))}`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return UNKNOWN;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function percent(part: number | null | undefined): string {
  if (part == null) return UNKNOWN;
  const hundredths = part * 100;
  return `${hundredths.toFixed(hundredths !== 0 && hundredths < 10 ? 1 : 0)} %`;
}

const moment = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

/** A moment is Unix seconds; it is shown in the time zone of whoever looks. */
export function time(at: number | null | undefined): string {
  return at == null ? UNKNOWN : moment.format(at * 1000);
}

export function ago(at: number | null | undefined, now = Date.now() / 1000): string {
  if (at == null) return "never";
  const seconds = Math.max(0, now - at);
  for (const [size, word] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const)
    if (seconds >= size) return `${Math.floor(seconds / size)} ${word} ago`;
  return "just now";
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** The beginning of an hour or a day, as the axis of a chart has it. Formats are made once: that is what takes long. */
export function stepTime(step: "hour" | "day", at: number): string {
  return (step === "hour" ? hour : day).format(at * 1000);
}
