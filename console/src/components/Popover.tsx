import { Popover as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";

interface Props {
  /** What it is called. */
  label: string;
  /** The button that opens it. */
  trigger: ReactNode;
  children: (close: () => void) => ReactNode;
}

/** A small form under the button that opens it. */
export function Popover({ label, trigger, children }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Radix.Root open={open} onOpenChange={setOpen}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content aria-label={label} align="start" sideOffset={4} collisionPadding={8} className="z-30 w-72 rounded-card border border-line bg-surface p-4 text-ink">
          {children(() => setOpen(false))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
