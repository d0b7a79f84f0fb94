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

/** The stretch that the address names, in Unix seconds; its end is this minute's, so that queries stay the same. */
export function useRange(): [Range, (next: RangeName | { from: number; to: number }) => void] {
  const search = useSearch({ strict: false }) as { range?: string; from?: number; to?: number };
  const navigate = useNavigate();
  const set = (next: RangeName | { from: number; to: number }) =>
    void navigate({
      to: ".",
      search: (before: Record<string, unknown>) => {
        const { range: _range, from: _from, to: _to, ...rest } = before;
        return typeof next === "string" ? { ...rest, range: next } : { ...rest, ...next };
      },
    });
  if (search.from !== undefined && search.to !== undefined)
    return [{ name: "custom", from: Number(search.from), to: Number(search.to) }, set];
  const name: RangeName = search.range !== undefined && search.range in RANGES ? (search.range as RangeName) : "24h";
  const to = (Math.floor(Date.now() / 1000 / MINUTE) + 1) * MINUTE;
  return [{ name, from: to - RANGES[name], to }, set];
}

/** Where a stretch began when it was chosen: a list that somebody reads does not begin anew every minute. */
export function useBeginning({ name, from }: Range): number {
  const [chosen, choose] = useState({ name, from });
  const other = chosen.name !== name || (name === "custom" && chosen.from !== from);
  if (other) choose({ name, from });
  return other ? from : chosen.from;
}
