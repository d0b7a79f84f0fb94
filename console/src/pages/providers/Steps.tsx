import type { UseMutationResult } from "@tanstack/react-query";
import { Check, LoaderCircle, Minus, X } from "lucide-react";
import { duration } from "~/components/numbers";
import { Trouble } from "~/components/Trouble";
import type { Shapes } from "~/session";

export type Trial = Shapes["Trial"];

const ICONS: Record<string, typeof Check> = { ok: Check, failed: X, skipped: Minus };
const TONES: Record<string, string> = { ok: "text-good", failed: "text-bad" };

/** The steps of a connection test, as they went. */
export function Steps({ of: test }: { of: UseMutationResult<Trial, unknown, void> }) {
  if (test.isPending)
    return (
      <p role="status" className="mt-6 flex items-center gap-2 text-muted">
        <LoaderCircle aria-hidden size={16} className="animate-spin" /> Asking the provider …
      </p>
    );
  if (test.error !== null) return <Trouble error={test.error} />;
  if (test.data === undefined) return null;
  return (
    <section role="status" aria-label="Test" className="mt-6">
      <h3 className={`mb-2 font-semibold ${test.data.ok ? "text-good" : "text-bad"}`}>
        {test.data.ok ? `It works${test.data.model ? `: ${test.data.model} has answered` : ""}` : "It does not work yet"}
      </h3>
      <ol className="flex flex-col gap-1.5">
        {test.data.steps.map(({ name, verdict, detail, fix, seconds }) => {
          const Icon = ICONS[verdict] ?? Minus;
          return (
            <li key={name} className="grid grid-cols-[1.25rem_6rem_1fr_auto] gap-2">
              <Icon aria-label={verdict} size={16} className={`mt-0.5 ${TONES[verdict] ?? "text-muted"}`} />
              <span className="font-medium">{name}</span>
              <span>
                {detail}
                {fix != null && <span className="block text-muted">{fix}</span>}
              </span>
              <span className="text-muted">{seconds == null ? "" : duration(seconds)}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
