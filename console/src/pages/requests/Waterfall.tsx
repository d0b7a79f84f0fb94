import { duration } from "~/components/numbers";
import type { Shapes } from "~/session";

const COLOURS: Record<string, string> = { ok: "var(--good)", truncated: "var(--warn)", client_closed: "var(--muted)", interrupted: "var(--muted)", error: "var(--bad)" };

/** One bar for each attempt, where it lies in time: waiting for the first token is pale, then the answer. */
export function Waterfall({ of: { line, attempts } }: { of: Shapes["RequestWhole"] }) {
  const whole = Math.max(line.duration_s, ...attempts.map((one) => one.started_at - line.started_at + (one.duration_s ?? 0)), 0.001);
  const percent = (seconds: number) => `${Math.min(100, Math.max(0, (100 * seconds) / whole))}%`;
  return (
    <ol className="flex flex-col gap-3">
      {attempts.map((attempt, index) => {
        const { id, kind, provider, model, status, error, reason, outcome = "error", credential } = attempt;
        const took = attempt.duration_s ?? 0;
        const waited = attempt.first_token_s ?? took;
        const start = attempt.started_at - line.started_at;
        const next = attempts[index + 1];
        const colour = COLOURS[outcome] ?? "var(--bad)";
        return (
          <li key={id} data-outcome={outcome}>
            <div className="flex flex-wrap justify-between gap-x-3">
              <span>
                <span className="font-medium">
                  {provider}/{model}
                </span>{" "}
                <span className="text-muted">
                  {kind}
                  {credential != null && `, key ${credential}`}
                </span>
              </span>
              <span className="text-muted">
                {status ?? ""} {error ?? outcome} · {duration(took)}
              </span>
            </div>
            <div className="relative mt-1 h-3 rounded bg-raised" role="img" aria-label={`${provider}/${model}: after ${duration(start)}, ${duration(waited)} to the first token, ${duration(took)} in all`}>
              <span className="absolute h-3 rounded-l opacity-40" style={{ left: percent(start), width: percent(waited), background: colour }} />
              <span className="absolute h-3 rounded-r" style={{ left: percent(start + waited), width: percent(Math.max(took - waited, whole / 200)), background: colour }} />
            </div>
            {reason != null && (
              <p className="mt-1 text-xs text-muted">
                {reason}
                {next !== undefined && (next.provider === provider && next.model === model ? " → asked again" : ` → next: ${next.provider}/${next.model}`)}
              </p>
            )}
          </li>
        );
      })}
    </ol>
  );
}
