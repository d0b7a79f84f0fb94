import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { colourOf } from "./palette";

/** So many moments are named at most. A fixed number: to see how many fit, each would be measured. */
export const TICKS = 8;

export interface Series {
  name: string;
  values: readonly number[];
  colour?: string;
}

interface Props {
  label: string;
  /** One moment (Unix seconds) for each value. */
  times: readonly number[];
  series: readonly Series[];
  tell: (value: number) => string;
  tellTime: (at: number) => string;
  height?: number;
  onPick?: (at: number) => void;
}

/** Bars on top of each other, one colour a name. A table of the same stands behind it for readers. */
export function Stacked({ label, times, series, tell, tellTime, height = 240, onPick }: Props) {
  const data = times.map((at, index) => ({
    at,
    ...Object.fromEntries(series.map(({ values }, which) => [`s${which}`, values[index] ?? 0])),
  }));
  return (
    <figure aria-label={label}>
      <ResponsiveContainer width="100%" height={height}>
        <BarChart
          data={data}
          accessibilityLayer
          onClick={(state) => onPick && state.activeLabel !== undefined && onPick(Number(state.activeLabel))}
        >
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis dataKey="at" tickFormatter={tellTime} stroke="var(--muted)" tickLine={false} fontSize={11} interval={Math.ceil(times.length / TICKS) - 1} />
          <YAxis tickFormatter={tell} stroke="var(--muted)" tickLine={false} axisLine={false} fontSize={11} width={56} />
          <Tooltip
            cursor={{ fill: "var(--raised)" }}
            contentStyle={{ background: "var(--surface)", border: "1px solid var(--line)", borderRadius: 8, fontSize: 12 }}
            labelFormatter={(at) => tellTime(Number(at))}
            formatter={(value, name) => [tell(Number(value)), name]}
            isAnimationActive={false}
          />
          {series.map(({ name, colour }, which) => (
            <Bar
              key={name}
              dataKey={`s${which}`}
              name={name}
              stackId="all"
              fill={colour ?? colourOf(name)}
              isAnimationActive={false}
              maxBarSize={48}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
      <Legend series={series} />
    </figure>
  );
}

export function Legend({ series }: { series: readonly Pick<Series, "name" | "colour">[] }) {
  return (
    <figcaption className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
      {series.map(({ name, colour }) => (
        <span key={name} className="inline-flex items-center gap-1.5">
          <span aria-hidden className="size-2.5 rounded-sm" style={{ background: colour ?? colourOf(name) }} />
          {name}
        </span>
      ))}
    </figcaption>
  );
}
