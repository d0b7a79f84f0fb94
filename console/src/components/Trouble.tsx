import { Failure } from "~/api/client";
import { Button } from "./Button";

/** What went wrong, if anything: what, why, and what can be done. */
export function Trouble({ error, onAgain }: { error: unknown; onAgain?: () => void }) {
  if (error == null) return null;
  const refusal = error instanceof Failure ? error.refusal : null;
  return (
    <div role="alert" className="rounded-card border border-line bg-bad-tint p-4">
      <p className="font-medium text-bad">{refusal?.message ?? String(error)}</p>
      {refusal?.hint !== undefined && <p className="mt-1 text-sm">{refusal.hint}</p>}
      {onAgain && (
        <Button className="mt-3" onClick={onAgain}>
          Try again
        </Button>
      )}
    </div>
  );
}
