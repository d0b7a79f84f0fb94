import { type ReactNode, useId } from "react";
import type { Change } from "~/api/change";
import { Button } from "./Button";
import { Form } from "./Form";
import { Meanwhile } from "./Meanwhile";
import { Sheet } from "./Sheet";
import { Trouble } from "./Trouble";

interface Props {
  title: string;
  wide?: boolean;
  onClose: () => void;
  /** What saves it; it is told whether to save over what somebody else has changed meanwhile. */
  save: Pick<Change<unknown, boolean, never>, "isPending" | "meanwhile" | "trouble"> & { mutate: (over: boolean) => void };
  /** Whether what is changed has a token or secret, which nobody reads back. */
  sealed?: boolean;
  /** What saving is called. */
  verb?: string;
  /** Whether one may change it, or only look. */
  editable?: boolean;
  /** What else can be done with it: at the left of the foot, and beside the button that saves. */
  actions?: ReactNode;
  beside?: ReactNode;
  /** The fields. */
  children: ReactNode;
  /** What stands below the form. */
  below?: ReactNode;
}

/** A sheet in which something is made or changed. */
export function FormSheet({ title, wide = false, onClose, save, sealed = false, verb = "Save", editable = true, actions, beside, children, below }: Props) {
  const form = useId();
  return (
    <Sheet
      title={title}
      wide={wide}
      onClose={onClose}
      footer={
        editable && (
          <>
            {actions}
            <span className="flex-1" />
            {beside}
            <Button kind="primary" type="submit" form={form} busy={save.isPending}>
              {verb}
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-4">
        <Form id={form} disabled={!editable} onSubmit={() => save.mutate(false)}>
          {children}
          <Meanwhile what={title} how={save.meanwhile} sealed={sealed} busy={save.isPending} onOver={() => save.mutate(true)} />
        </Form>
        <Trouble error={save.trouble} />
        {below}
      </div>
    </Sheet>
  );
}
