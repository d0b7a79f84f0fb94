/** Eight colours that people tell apart whatever they see of red and green (after Okabe and Ito). */
const SERIES = ["#4f6df5", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#9a8c00", "#8a63d2"];

export const OTHER = "#8a93a3";

/** A name has the same colour on every page and every day. */
export function colourOf(name: string): string {
  if (name === "Other") return OTHER;
  let hash = 2166136261;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  return SERIES[(hash >>> 0) % SERIES.length] ?? OTHER;
}

export const OUTCOMES: Record<string, string> = {
  ok: "#009e73",
  fallback: "#e69f00",
  limited: "#8a63d2",
  error: "#d55e00",
};
