import { Button } from "./Button";

interface Props {
  what: string;
  busy: boolean;
  onOver: () => void;
}

/** Somebody else was quicker: nothing is lost, and one chooses whose word holds. */
export function Meanwhile({ what, busy, onOver }: Props) {
  return (
    <div role="alert" className="rounded-card border border-line bg-bad-tint p-4">
      <p className="font-medium text-bad">{what} has been changed meanwhile</p>
      <p className="mt-1 text-sm">Nothing was saved, and what you entered is still here. Close this to see what it is now, or save yours over it.</p>
      <Button className="mt-3" busy={busy} onClick={onOver}>
        Save mine over it
      </Button>
    </div>
  );
}
