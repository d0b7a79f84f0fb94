import { useQuery } from "@tanstack/react-query";
import { type Health, Strip } from "~/charts/Strip";
import { Card } from "~/components/Card";
import { percent, stepTime } from "~/components/numbers";
import { healthOf, type Looked } from "./asked";

const BAD = 0.2;
const WARN = 0.02;

/** One row for each provider that was asked in the last day, one cell for each hour. */
export function ProviderHealth({ of: looked }: { of: Looked }) {
  const series = useQuery({ ...healthOf(looked), refetchInterval: 60_000 });
  const lines = (series.data?.lines ?? []).filter(({ name, id }) => name !== "" && id !== "others");
  if (lines.length === 0) return null;
  return (
    <Card title="Providers in the last 24 hours">
      <ul className="grid grid-cols-1 gap-x-8 gap-y-2 lg:grid-cols-2">
        {lines.map(({ id, name, points }) => (
          <li key={id} className="grid grid-cols-[8rem_1fr] items-center gap-3">
            <span className="truncate">{name}</span>
            <Strip
              label={`${name}, hour by hour`}
              cells={points.map(({ at, figures }) => {
                const bad = figures.attempts ? (figures.failed_attempts ?? 0) / figures.attempts : null;
                const state: Health = bad === null ? "none" : bad >= BAD ? "bad" : bad >= WARN ? "warn" : "good";
                return { state, told: `${stepTime("hour", at)}: ${figures.attempts ?? 0} attempts, ${percent(bad)} failed` };
              })}
            />
          </li>
        ))}
      </ul>
    </Card>
  );
}
