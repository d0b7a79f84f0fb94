import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "./Button";
import { TextField } from "./Field";
import { Trouble } from "./Trouble";

interface Props {
  title: string;
  /** What has to be typed, where it cannot be undone. */
  type?: string;
  verb: string;
  busy: boolean;
  error?: unknown;
  onClose: () => void;
  onYes: () => void;
  children: ReactNode;
}

/** A question before something is lost. */
export function Confirm({ title, type, verb, busy, error, onClose, onYes, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [typed, setTyped] = useState("");
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      className="m-auto w-full max-w-md rounded-card border border-line bg-surface p-6 text-ink backdrop:bg-black/40"
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onYes();
        }}
      >
        <h2 id={heading} className="font-semibold">
          {title}
        </h2>
        <div className="text-muted">{children}</div>
        {type !== undefined && <TextField label={`Type “${type}” to go on`} value={typed} onChange={(event) => setTyped(event.target.value)} />}
        {error != null && <Trouble error={error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={busy || (type !== undefined && typed !== type)}>
            {verb}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
