import { useMutation } from "@tanstack/react-query";
import { AlertDialog } from "radix-ui";
import { type ReactNode, useState } from "react";
import { Button } from "./Button";
import { OVERLAY } from "./Dialog";
import { TextField } from "./Field";
import { Form } from "./Form";
import { Trouble } from "./Trouble";

interface Props {
  /** What stands on the button. */
  label: string;
  kind?: "danger" | "plain";
  /** The question, e.g. "Delete acme?". */
  title: string;
  /** What yes is called. */
  verb: string;
  /** What has to be typed, where it cannot be undone. */
  type?: string;
  onYes: () => Promise<unknown>;
  /** What is lost. */
  children: ReactNode;
}

/** A button that asks before something is lost. */
export function ConfirmButton({ label, kind = "plain", title, verb, type, onYes, children }: Props) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const act = useMutation({ mutationFn: onYes, onSuccess: () => setOpen(false) });
  const turn = (next: boolean) => {
    setOpen(next);
    setTyped("");
    act.reset();
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={turn}>
      <AlertDialog.Trigger asChild>
        <Button kind={kind}>{label}</Button>
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className={OVERLAY} />
        <AlertDialog.Content className="fixed top-1/2 left-1/2 z-30 w-[calc(100%-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 rounded-card border border-line bg-surface p-6 text-ink outline-none">
          <Form onSubmit={() => act.mutate()}>
            <AlertDialog.Title className="font-semibold">{title}</AlertDialog.Title>
            <AlertDialog.Description asChild>
              <div className="text-muted">{children}</div>
            </AlertDialog.Description>
            {type !== undefined && <TextField label={`Type “${type}” to go on`} value={typed} onChange={(event) => setTyped(event.target.value)} />}
            <Trouble error={act.error} />
            <div className="flex justify-end gap-2">
              <AlertDialog.Cancel asChild>
                <Button>Cancel</Button>
              </AlertDialog.Cancel>
              <Button kind="danger" type="submit" busy={act.isPending} disabled={type !== undefined && typed !== type}>
                {verb}
              </Button>
            </div>
          </Form>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
