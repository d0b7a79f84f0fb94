import { CartesianGrid, Line, LineChart, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { amountsAxis, MARGIN, momentsAxis } from "./axis";
import { colourOf } from "./palette";
import { Legend, type Series } from "./Stacked";

interface Props {
  label: string;
  times: readonly number[];
  /** A value that is not known leaves a gap. */
  series: readonly (Omit<Series, "values"> & { values: readonly (number | null)[]; dashed?: boolean })[];
  tell: (value: number) => string;
  tellTime: (at: number) => string;
  height?: number;
  /** Lines across, e.g. a budget. */
  marks?: readonly { at: number; name: string }[];
}

/** Lines over time. */
export function Lines({ label, times, series, tell, tellTime, height = 200, marks = [] }: Props) {
  const data = times.map((at, index) => ({
    at,
    ...Object.fromEntries(series.map(({ values }, which) => [`s${which}`, values[index] ?? null])),
  }));
  return (
    <figure aria-label={label}>
      <ResponsiveContainer width="100%" height={height}>
        <LineChart data={data} margin={MARGIN} accessibilityLayer>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis {...momentsAxis(times.length)} tickFormatter={tellTime} />
          <YAxis {...amountsAxis(tell)} />
          <Tooltip
            contentStyle={{ background: "var(--surface)", border: "1px solid var(--line)", borderRadius: 8, fontSize: 12 }}
            labelFormatter={(at) => tellTime(Number(at))}
            formatter={(value, name) => [tell(Number(value)), name]}
            isAnimationActive={false}
          />
          {marks.map(({ at, name }) => (
            <ReferenceLine key={name} y={at} ifOverflow="extendDomain" stroke="var(--bad)" strokeDasharray="4 4" label={{ value: name, position: "insideTopLeft", fontSize: 11, fill: "var(--muted)" }} />
          ))}
          {series.map(({ name, colour, dashed }, which) => (
            <Line
              key={name}
              dataKey={`s${which}`}
              name={name}
              stroke={colour ?? colourOf(name)}
              strokeWidth={1.75}
              {...(dashed ? { strokeDasharray: "4 3" } : {})}
              dot={false}
              connectNulls={false}
              isAnimationActive={false}
            />
          ))}
        </LineChart>
      </ResponsiveContainer>
      <Legend series={series} />
    </figure>
  );
}
