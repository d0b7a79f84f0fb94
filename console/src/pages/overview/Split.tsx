import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Stacked } from "~/charts/Stacked";
import { Card } from "~/components/Card";
import { count, money, stepTime } from "~/components/numbers";
import { Segments } from "~/components/Segments";
import { Shown } from "~/components/Shown";
import type { Shapes } from "~/session";
import { type By, type Looked, seriesOf } from "./asked";
import { costOf, tokensOf } from "./figures";

type Figures = Shapes["Figures"];

/** What the large chart may count, and what it may tell apart. */
const MEASURES = {
  Cost: { of: costOf, tell: money },
  Requests: { of: (figures: Figures) => figures.requests ?? 0, tell: count },
  Tokens: { of: tokensOf, tell: count },
} as const;
const NAMES = Object.keys(MEASURES) as (keyof typeof MEASURES)[];
const BY: readonly By[] = ["model", "provider", "key"];

/** What was spent, step by step, and on what. A click looks closer. */
export function Split({ of: looked, onPick }: { of: Looked; onPick: (at: number) => void }) {
  const [measure, setMeasure] = useState<keyof typeof MEASURES>("Cost");
  const [by, setBy] = useState<By>("model");
  const series = useQuery({ ...seriesOf(looked, by), refetchInterval: 15_000, placeholderData: (before: Shapes["Series"] | undefined) => before });
  const { of, tell } = MEASURES[measure];
  const lines = series.data?.lines ?? [];
  return (
    <Card
      title={`${measure} by ${by}`}
      action={
        <div className="flex flex-wrap gap-2">
          <Segments label="What is counted" choices={NAMES} value={measure} onChange={setMeasure} />
          <Segments label="What is told apart" choices={BY} value={by} onChange={setBy} />
        </div>
      }
    >
      <Shown of={series} rows={6}>
        <Stacked
          label={`${measure} by ${by}`}
          times={lines[0]?.points.map(({ at }) => at) ?? []}
          series={lines.map(({ name, points }) => ({ name: name || "(none)", values: points.map(({ figures }) => of(figures)) }))}
          tell={tell}
          tellTime={(at) => stepTime(looked.step, at)}
          onPick={onPick}
        />
      </Shown>
    </Card>
  );
}
