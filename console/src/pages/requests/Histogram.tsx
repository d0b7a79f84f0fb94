import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { api, taken } from "~/api/client";
import { OUTCOMES } from "~/charts/palette";
import { Stacked } from "~/charts/Stacked";
import { useRange } from "~/frame/range";
import { count, stepTime } from "~/components/numbers";
import { useOrg } from "~/session";
import type { Filters } from "./filters";

const HOURS_UP_TO_S = 3 * 86_400;

/** How many requests there were over time; a click looks closer. A chart is not made anew with each page of the list. */
export const Histogram = memo(({ filters }: { filters: Filters }) => {
  const org = useOrg();
  const [range, setRange] = useRange();
  const step = range.to - range.from <= HOURS_UP_TO_S ? "hour" : "day";
  const { model, provider, key, project, member, tag } = filters;
  const chosen = Object.fromEntries(Object.entries({ model, provider, key, project, member, tag }).filter(([, value]) => value !== undefined));
  const series = useQuery({
    queryKey: ["histogram", org, range.from, range.to, chosen],
    queryFn: () =>
      taken(api.GET("/api/v1/organisations/{org}/usage/series", { params: { path: { org }, query: { since: String(range.from), until: String(range.to), step, quantiles: false, ...chosen } } })),
    placeholderData: (before) => before,
  });
  const points = series.data?.lines[0]?.points ?? [];
  if (points.length < 2) return null;
  return (
    <Stacked
      label="Requests over time"
      height={110}
      times={points.map(({ at }) => at)}
      series={[
        { name: "answered", values: points.map(({ figures }) => (figures.requests ?? 0) - (figures.failed ?? 0)), colour: OUTCOMES.ok ?? "" },
        { name: "failed", values: points.map(({ figures }) => figures.failed ?? 0), colour: OUTCOMES.error ?? "" },
      ]}
      tell={count}
      tellTime={(at) => stepTime(step, at)}
      onPick={(at) => setRange({ from: at, to: at + (step === "hour" ? 3600 : 86_400) })}
    />
  );
});
