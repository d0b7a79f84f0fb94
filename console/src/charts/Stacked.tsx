import { Bar, BarChart, type BarShapeProps, CartesianGrid, DefaultTooltipContent, ResponsiveContainer, Tooltip, type TooltipContentProps, XAxis, YAxis } from "recharts";
import { amountsAxis, MARGIN, momentsAxis } from "./axis";
import { colourOf } from "./palette";

export interface Series {
  name: string;
  values: readonly number[];
  colour?: string;
}

interface Pile {
  at: number;
  values: readonly number[];
  total: number;
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

/** Bars on top of each other, one colour a name. To Recharts a pile is one bar: each costs it far more than its drawing. */
export function Stacked({ label, times, series, tell, tellTime, height = 240, onPick }: Props) {
  const parts = series.map(({ name, colour }) => ({ name, color: colour ?? colourOf(name) }));
  const data: Pile[] = times.map((at, index) => {
    const values = series.map((one) => one.values[index] ?? 0);
    return { at, values, total: values.reduce((sum, value) => sum + value, 0) };
  });
  return (
    <figure aria-label={label}>
      <ResponsiveContainer width="100%" height={height}>
        <BarChart
          data={data}
          margin={MARGIN}
          accessibilityLayer
          onClick={(state) => onPick && state.activeLabel !== undefined && onPick(Number(state.activeLabel))}
        >
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis {...momentsAxis(times.length)} tickFormatter={tellTime} />
          <YAxis {...amountsAxis(tell)} />
          <Tooltip
            cursor={{ fill: "var(--raised)" }}
            contentStyle={{ background: "var(--surface)", border: "1px solid var(--line)", borderRadius: 8, fontSize: 12 }}
            labelFormatter={(at) => tellTime(Number(at))}
            formatter={(value, name) => [tell(Number(value)), name]}
            isAnimationActive={false}
            content={<Told parts={parts} />}
          />
          <Bar dataKey="total" isAnimationActive={false} maxBarSize={48} shape={<Drawn parts={parts} />} />
        </BarChart>
      </ResponsiveContainer>
      <Legend series={series} />
    </figure>
  );
}

interface Parts {
  parts: readonly { name: string; color: string }[];
}

/** The parts of a pile, from below, in the place that Recharts has found for it. */
function Drawn({ parts, ...bar }: Parts & Partial<BarShapeProps>) {
  const { x, y, width, height, payload } = bar as BarShapeProps;
  const { values, total } = payload as Pile;
  let top = y + height;
  return parts.map(({ name, color }, which) => {
    const part = ((values[which] ?? 0) / total) * height;
    if (!(part > 0)) return null;
    top -= part;
    return <path key={name} fill={color} d={`M${x},${top}h${width}v${part}h${-width}z`} />;
  });
}

/** What each part of the pile is that is pointed at. */
function Told({ parts, payload = [], ...rest }: Parts & Partial<TooltipContentProps>) {
  const pile = payload[0]?.payload as Pile | undefined;
  return <DefaultTooltipContent {...rest} payload={pile?.values.map((value, which) => ({ ...parts[which], value, graphicalItemId: "" })) ?? []} />;
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
