import { count, money, time } from "~/components/numbers";
import type { Shapes } from "~/session";
import type { Limit } from "./Limits";

type Used = Shapes["UsedShown"];

/** Say an amount of a limit; it comes as a decimal. */
export function amountOf(limit: Pick<Limit, "measure">, amount: string): string {
  return limit.measure === "spend" ? money(Math.round(Number(amount) * 1e9)) : count(Number(amount));
}

/** How much of a limit is used, with marks at 80 and 100 %. */
export function Meter({ limit, used }: { limit: Limit; used: Used }) {
  const part = Number(limit.amount) > 0 ? Number(used.used) / Number(limit.amount) : 0;
  const tone = part >= 1 ? "var(--bad)" : part >= 0.8 ? "var(--warn)" : "var(--accent)";
  return (
    <div>
      <div className="flex flex-wrap justify-between gap-x-3">
        <span className="truncate">{used.subject || "all"}</span>
        <span className="text-muted">
          {amountOf(limit, used.used)} of {amountOf(limit, limit.amount)}
          {used.until != null && `, until ${time(used.until)}`}
        </span>
      </div>
      <div
        role="meter"
        aria-label={`${limit.name}, ${used.subject || "all"}`}
        aria-valuemin={0}
        aria-valuemax={Number(limit.amount)}
        aria-valuenow={Math.min(Number(used.used), Number(limit.amount))}
        className="relative mt-1 h-2 rounded bg-raised"
      >
        <span className="absolute h-2 rounded" style={{ width: `${Math.min(100, part * 100)}%`, background: tone }} />
        <span aria-hidden className="absolute top-[-2px] left-[80%] h-3 w-px bg-muted" />
      </div>
    </div>
  );
}
