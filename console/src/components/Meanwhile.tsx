import type { Meanwhile as How } from "~/api/change";
import { Button } from "./Button";

interface Props {
  what: string;
  how: How | null;
  /** Whether it has a token or secret, which nobody reads back. */
  sealed?: boolean;
  busy: boolean;
  onOver: () => void;
}

const SAID: Record<How, { choice: string; verb: string }> = {
  changed: { choice: "Close this to see what it is now, or save yours over it", verb: "Save mine over it" },
  deleted: { choice: "Close this, or make it anew", verb: "Make it anew" },
};

/** Somebody else was quicker: nothing is lost, and one chooses whose word holds. It stands in its form. */
export function Meanwhile({ what, how, sealed = false, busy, onOver }: Props) {
  if (how === null) return null;
  const { choice, verb } = SAID[how];
  const lost = sealed && how === "deleted" ? ": a token or secret that it had is gone" : "";
  return (
    <div role="alert" className="rounded-card border border-line bg-bad-tint p-4">
      <p className="font-medium text-bad">
        {what} has been {how} meanwhile
      </p>
      <p className="mt-1 text-sm">Nothing was saved, and what you entered is still here. {choice}{lost}.</p>
      {/* It sends no form: then the enter key in a field would be taken for this choice. */}
      <Button className="mt-3" busy={busy} onClick={({ currentTarget: { form } }) => form?.reportValidity() && onOver()}>
        {verb}
      </Button>
    </div>
  );
}
