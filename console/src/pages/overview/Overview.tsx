import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { askAnew } from "~/api/anew";
import { api, taken } from "~/api/client";
import { Lines } from "~/charts/Lines";
import { OUTCOMES } from "~/charts/palette";
import { Stacked } from "~/charts/Stacked";
import { useRange } from "~/frame/range";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { count, duration, money, percent, stepTime } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { Stat } from "~/components/Stat";
import { Trouble } from "~/components/Trouble";
import { type Shapes, useMay, useOrg } from "~/session";
import { lookedAt, overviewOf } from "./asked";
import { Begin } from "./Begin";
import { Failures } from "./Failures";
import { answeredOf, change, costOf, rate, tokensOf } from "./figures";
import { ProviderHealth } from "./ProviderHealth";
import { Split } from "./Split";
import { Top } from "./Top";

/** How things are: six figures, what was spent, how it went, who asked, what failed. */
export default function Overview() {
  const looked = lookedAt(useOrg(), useSearch({ strict: false }));
  const { step } = looked;
  const { project } = looked.query;
  const [, setRange] = useRange();
  const navigate = useNavigate();
  const admin = useMay("admin");
  const overview = useQuery({ ...overviewOf(looked), refetchInterval: 15_000, placeholderData: (before: Shapes["Overview"] | undefined) => before });
  const tellTime = (at: number) => stepTime(step, at);
  const now = overview.data?.now;
  const before = overview.data?.before;
  const points = overview.data?.points ?? [];
  const times = points.map(({ at }) => at);
  const zoom = (at: number) => setRange({ from: at, to: at + (step === "hour" ? 3600 : 86_400) });
  return (
    <Shown of={overview}>
      <PageHead title="Overview" />
      {now !== undefined && before !== undefined && now.requests === 0 && before.requests === 0 ? (
        <NothingYet />
      ) : (
        <div className="flex flex-col gap-4">
          {admin && <Begin />}
          {now !== undefined && before !== undefined && (
            <div className="grid grid-cols-2 gap-4 md:grid-cols-3 xl:grid-cols-6">
              <Stat name="Requests" value={count(now.requests)} trend={change(now.requests, before.requests)} />
              <Stat name="Cost" value={money(costOf(now))} trend={change(costOf(now), costOf(before))} good="down" />
              <Stat name="Tokens" value={count(tokensOf(now))} trend={change(tokensOf(now), tokensOf(before))} />
              <Stat name="p95 latency" value={duration(now.took_p95_s)} trend={change(now.took_p95_s, before.took_p95_s)} good="down" />
              <Stat name="Errors" value={percent(rate(now.failed, now.requests))} trend={change(rate(now.failed, now.requests), rate(before.failed, before.requests))} good="down" />
              <Stat
                name="Fallbacks"
                value={percent(rate(now.fallbacks, now.requests))}
                trend={change(rate(now.fallbacks, now.requests), rate(before.fallbacks, before.requests))}
                good="down"
              />
            </div>
          )}
          <Split of={looked} onPick={zoom} />
          <div className="grid grid-cols-1 gap-4 xl:grid-cols-2">
            <Card title="Latency and first token">
              {project === undefined ? (
                <Lines
                  label="Latency and first token"
                  times={times}
                  series={[
                    { name: "p50", values: points.map(({ figures }) => figures.took_p50_s ?? null), colour: "#56b4e9" },
                    { name: "p95", values: points.map(({ figures }) => figures.took_p95_s ?? null), colour: "#4f6df5" },
                    { name: "first token p95", values: points.map(({ figures }) => figures.first_token_p95_s ?? null), colour: "#e69f00", dashed: true },
                  ]}
                  tell={duration}
                  tellTime={tellTime}
                />
              ) : (
                <p className="text-muted">How long requests took is known of all projects together.</p>
              )}
            </Card>
            <Card title="Outcomes">
              <Stacked
                label="Outcomes"
                height={200}
                times={times}
                series={[
                  { name: "answered", values: points.map(({ figures }) => answeredOf(figures) - (figures.fallbacks ?? 0)), colour: OUTCOMES.ok ?? "" },
                  { name: "after a fallback", values: points.map(({ figures }) => figures.fallbacks ?? 0), colour: OUTCOMES.fallback ?? "" },
                  { name: "client left", values: points.map(({ figures }) => figures.stopped ?? 0), colour: OUTCOMES.stopped ?? "" },
                  { name: "failed", values: points.map(({ figures }) => figures.failed ?? 0), colour: OUTCOMES.error ?? "" },
                ]}
                tell={count}
                tellTime={tellTime}
                onPick={(at) => void navigate({ to: "/requests", search: (view: Record<string, unknown>) => ({ ...view, from: at, to: at + (step === "hour" ? 3600 : 86_400), failed: true }) })}
              />
            </Card>
          </div>
          <ProviderHealth of={looked} />
          <div className="grid grid-cols-1 gap-4 xl:grid-cols-3">
            <Top title="Top models" groups={overview.data?.models ?? []} filter="model" />
            <Top title="Top keys" groups={overview.data?.keys ?? []} filter="key" />
            <Failures failures={overview.data?.failures ?? []} />
          </div>
        </div>
      )}
    </Shown>
  );
}

function NothingYet() {
  const org = useOrg();
  const admin = useMay("admin");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const fill = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/demo-traffic", { params: { path: { org } }, body: {} })),
    onSuccess: async () => {
      await navigate({ to: ".", search: (view: Record<string, unknown>) => ({ ...view, range: "7d" }) });
      await askAnew(queries);
    },
  });
  return (
    <Empty
      title="Nothing was asked in this time"
      action={
        admin && (
          <>
            <Button kind="primary" onClick={() => void navigate({ to: "/first", search: true })}>
              Make the first request
            </Button>
            <Button busy={fill.isPending} onClick={() => fill.mutate()}>
              Fill with demo traffic
            </Button>
          </>
        )
      }
    >
      Requests, costs and failures will be here as they happen. Demo traffic shows what that looks like; one click in Settings deletes it.
      <Trouble error={fill.error} />
    </Empty>
  );
}
