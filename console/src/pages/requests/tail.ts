import { useEffect, useState } from "react";
import { PREFIX } from "~/base";
import type { Filters } from "./filters";
import type { Line } from "./Requests";

const KEPT = 500;
const NOTHING: { by: string; lines: readonly Line[] } = { by: "", lines: [] };

/** Requests as they end, the latest first. The browser asks again by itself when the stream is over. */
export function useTail(org: string, filters: Filters, live: boolean): readonly Line[] {
  const query = new URLSearchParams(Object.entries(filters).map(([name, value]) => [name, String(value)])).toString();
  const address = `${PREFIX}/api/v1/organisations/${encodeURIComponent(org)}/requests/tail?${query}`;
  const [told, setTold] = useState(NOTHING);
  useEffect(() => {
    if (!live) return;
    const source = new EventSource(address);
    let lines: readonly Line[] = [];
    source.addEventListener("request", (event: MessageEvent<string>) => {
      const line = JSON.parse(event.data) as Line;
      lines = [line, ...lines.filter(({ id }) => id !== line.id)].slice(0, KEPT);
      setTold({ by: address, lines });
    });
    return () => {
      source.close();
      setTold(NOTHING);
    };
  }, [address, live]);
  return live && told.by === address ? told.lines : NOTHING.lines;
}
