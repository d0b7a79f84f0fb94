import type { Shapes } from "~/session";

type Figures = Shapes["Figures"];

/** Known costs, and those that were made up where all traffic is. */
export function costOf(figures: Figures): number {
  return (figures.cost_nanousd ?? 0) + (figures.demo_nanousd ?? 0);
}

export function tokensOf(figures: Figures): number {
  return (figures.prompt_tokens ?? 0) + (figures.completion_tokens ?? 0);
}

export function answeredOf(figures: Figures): number {
  return (figures.requests ?? 0) - (figures.failed ?? 0) - (figures.stopped ?? 0);
}

export function rate(part: number | undefined, whole: number | undefined): number | null {
  return whole ? (part ?? 0) / whole : null;
}

export function change(now: number | null | undefined, before: number | null | undefined): number | null {
  return now == null || !before ? null : now / before - 1;
}
