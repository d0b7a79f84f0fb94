import { useQuery } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import { Lines } from "~/charts/Lines";
import { money, stepTime } from "~/components/numbers";
import { type Shapes, useOrg } from "~/session";
import type { Limit } from "./Limits";

const DAY = 86_400;
/** By what the figures of a limit's subject are filtered. */
const FILTERS = { project: "project", member: "member", key: "key", provider: "provider", model: "model" } as const;

/** What was spent in the period, what it comes to if it goes on like this, and where it ends. */
export function BurnDown({ limit, used }: { limit: Limit; used: Shapes["UsedShown"] }) {
  const org = useOrg();
  const until = used.until ?? Math.floor(Date.now() / 1000);
  const step = until - used.since <= 3 * DAY ? "hour" : "day";
  const filter = limit.kind === "organisation" ? {} : { [FILTERS[limit.kind]]: used.subject };
  const series = useQuery({
    queryKey: ["burn-down", org, limit.id, used.subject],
    queryFn: () =>
      taken(api.GET("/api/v1/organisations/{org}/usage/series", { params: { path: { org }, query: { since: String(used.since), step, ...filter } } })),
    enabled: used.since > 0,
  });
  const points = series.data?.lines[0]?.points ?? [];
  if (points.length < 2) return null;
  const spent = points.reduce<number[]>((sums, { figures }) => [...sums, (sums.at(-1) ?? 0) + (figures.cost_nanousd ?? 0)], []);
  const sum = spent.at(-1) ?? 0;
  const last = points.at(-1)?.at ?? 0;
  const seconds = step === "hour" ? 3600 : DAY;
  const ahead: number[] = [];
  for (let at = last + seconds; at < until && ahead.length < 62; at += seconds) ahead.push(at);
  const goal = used.forecast == null ? null : Number(used.forecast) * 1e9;
  return (
    <div className="mt-4">
      <Lines
        label={`${limit.name}: spent and forecast`}
        height={150}
        times={[...points.map(({ at }) => at), ...ahead]}
        series={[
          { name: "spent", values: [...spent, ...ahead.map(() => null)], colour: "#4f6df5" },
          {
            name: "forecast",
            dashed: true,
            colour: "#8a93a3",
            values: goal === null ? [] : [...spent.map((value, at) => (at === spent.length - 1 ? value : null)), ...ahead.map((_, at) => sum + ((goal - sum) * (at + 1)) / ahead.length)],
          },
        ]}
        marks={[{ at: Number(limit.amount) * 1e9, name: "limit" }]}
        tell={money}
        tellTime={(at) => stepTime("day", at)}
      />
    </div>
  );
}
