import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";

export const Tips = Tooltip.Provider;

interface Props {
  text: string;
  side?: "top" | "right" | "bottom";
  className?: string;
  children: ReactNode;
}

/** What a thing without words is called, beside it, while it is pointed at or has the focus. */
export function Tip({ text, side = "bottom", className = "", children }: Props) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content side={side} sideOffset={6} collisionPadding={8} className={`z-50 rounded-md bg-ink px-2 py-1 text-xs text-canvas ${className}`}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
