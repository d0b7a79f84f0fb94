/** Eight colours that people tell apart whatever they see of red and green (after Okabe and Ito). */
const SERIES = ["#4f6df5", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#9a8c00", "#8a63d2"];

export const OTHER = "#8a93a3";

const others = new Set(["others", "Other", "(none)"]);
const given = new Map<string, number>();

function wish(name: string): number {
  let hash = 2166136261;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  return (hash >>> 0) % SERIES.length;
}

/**
 * A name has the same colour on every page, for as long as the console is open. It is the one that the
 * name asks for, unless another name of the last few has that one.
 */
export function colourOf(name: string): string {
  if (others.has(name)) return OTHER;
  let colour = given.get(name);
  if (colour === undefined) {
    const recent = new Set([...given.values()].slice(1 - SERIES.length));
    colour = wish(name);
    while (recent.has(colour)) colour = (colour + 1) % SERIES.length;
    given.set(name, colour);
  }
  return SERIES[colour] ?? OTHER;
}

export const OUTCOMES: Record<string, string> = {
  ok: "#009e73",
  fallback: "#e69f00",
  limited: "#8a63d2",
  error: "#d55e00",
  stopped: "#56b4e9",
};
