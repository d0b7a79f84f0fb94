import type { QueryClient, QueryObserverOptions } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import { rangeOf } from "~/frame/range";
import { projectOf } from "~/frame/view";
import { orgAhead, type Shapes } from "~/session";

export type By = "model" | "provider" | "key";

/** What is looked at: a stretch of time, by steps, of one project or all. */
export interface Looked {
  org: string;
  step: "hour" | "day";
  query: { since: string; until: string; timezone: string; project?: string };
}

const HOURS_UP_TO_S = 3 * 86_400;
const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What an address leads one to look at. */
export function lookedAt(org: string, search: object): Looked {
  const { from, to } = rangeOf(search);
  const project = projectOf(search);
  const step = to - from <= HOURS_UP_TO_S ? "hour" : "day";
  return { org, step, query: { since: String(from), until: String(to), timezone, ...(project === undefined ? {} : { project }) } };
}

export function overviewOf({ org, query }: Looked) {
  return {
    queryKey: ["overview", org, query],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/overview", { params: { path: { org }, query } })),
  } satisfies QueryObserverOptions<Shapes["Overview"]>;
}

export function seriesOf({ org, step, query }: Looked, by: By = "model") {
  return {
    queryKey: ["series", org, query, by],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/usage/series", { params: { path: { org }, query: { ...query, step, by, top: 6, quantiles: false } } })),
  } satisfies QueryObserverOptions<Shapes["Series"]>;
}

/** How providers have been in the last day, whatever time one looks at. */
export function healthOf({ org, query: { project } }: Looked) {
  const chosen = project === undefined ? {} : { project };
  return {
    queryKey: ["health", org, project],
    queryFn: () =>
      taken(api.GET("/api/v1/organisations/{org}/usage/series", { params: { path: { org }, query: { since: "24h", step: "hour", by: "provider", top: 12, quantiles: false, ...chosen } } })),
  } satisfies QueryObserverOptions<Shapes["Series"]>;
}

/** Ask for what the page shows, while the page itself is still on its way. */
export async function askOverview(queries: QueryClient, search: object): Promise<void> {
  const looked = lookedAt(await orgAhead(queries, search), search);
  void queries.prefetchQuery(overviewOf(looked));
  void queries.prefetchQuery(seriesOf(looked));
  void queries.prefetchQuery(healthOf(looked));
}
