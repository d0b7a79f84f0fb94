import { useEffect, useState } from "react";
import { PREFIX } from "~/base";
import type { Filters } from "./filters";
import type { Line } from "./Requests";

const KEPT = 500;

/** Requests as they end, the latest first. The browser asks again by itself when the stream is over. */
export function useTail(org: string, filters: Filters, live: boolean): readonly Line[] {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const query = new URLSearchParams(Object.entries(filters).map(([name, value]) => [name, String(value)])).toString();
  useEffect(() => {
    setLines([]);
    if (!live) return;
    const source = new EventSource(`${PREFIX}/api/v1/organisations/${encodeURIComponent(org)}/requests/tail?${query}`);
    source.addEventListener("request", (event: MessageEvent<string>) => {
      const line = JSON.parse(event.data) as Line;
      setLines((before) => [line, ...before.filter(({ id }) => id !== line.id)].slice(0, KEPT));
    });
    return () => source.close();
  }, [org, query, live]);
  return lines;
}
