const PHONE_PX = 640;

/** Room for the name of the last moment, half of which stands beyond it. */
export const MARGIN = { top: 5, right: 20, bottom: 5, left: 5 };

/** How an axis of moments looks; so many of them are named that they do not touch. To see how many fit, each would be measured. */
export function momentsAxis(moments: number) {
  const named = window.innerWidth < PHONE_PX ? 4 : 8;
  return { dataKey: "at", stroke: "var(--muted)", tickLine: false, fontSize: 11, interval: Math.ceil(moments / named) - 1 };
}

/** How an axis of amounts looks; all of its few are named, for the same reason. */
export function amountsAxis(tell: (value: number) => string) {
  return { tickFormatter: rounded(tell), stroke: "var(--muted)", tickLine: false, axisLine: false, fontSize: 11, width: "auto" as const, interval: 0 };
}

/** As an axis says it: "6 s", not "6.00 s". */
function rounded(tell: (value: number) => string): (value: number) => string {
  return (value) => tell(value).replace(/\.0+(?!\d)/, "");
}
