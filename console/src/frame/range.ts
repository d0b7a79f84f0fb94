import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

/** The stretches of time one can look at, in seconds. */
export const RANGES = { "1h": 3600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400 } as const;
export type RangeName = keyof typeof RANGES;

export interface Range {
  name: RangeName | "custom";
  from: number;
  to: number;
}

const MINUTE = 60;

/** The stretch that an address names, in Unix seconds; its end is this minute's, so that queries stay the same. */
export function rangeOf({ range, from, to }: { range?: string; from?: number; to?: number }): Range {
  if (from !== undefined && to !== undefined) return { name: "custom", from: Number(from), to: Number(to) };
  const name: RangeName = range !== undefined && range in RANGES ? (range as RangeName) : "24h";
  const until = (Math.floor(Date.now() / 1000 / MINUTE) + 1) * MINUTE;
  return { name, from: until - RANGES[name], to: until };
}

/** The stretch at which one looks, and how to look at another. */
export function useRange(): [Range, (next: RangeName | { from: number; to: number }) => void] {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = (next: RangeName | { from: number; to: number }) =>
    void navigate({
      to: ".",
      search: (before: Record<string, unknown>) => {
        const { range: _range, from: _from, to: _to, ...rest } = before;
        return typeof next === "string" ? { ...rest, range: next } : { ...rest, ...next };
      },
    });
  return [rangeOf(search), set];
}

/** Where a stretch began when it was chosen: a list that somebody reads does not begin anew every minute. */
export function useBeginning({ name, from }: Range): number {
  const [chosen, choose] = useState({ name, from });
  const other = chosen.name !== name || (name === "custom" && chosen.from !== from);
  if (other) choose({ name, from });
  return other ? from : chosen.from;
}
