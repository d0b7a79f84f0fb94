import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import { Tip } from "./Tip";

interface Props extends Omit<ComponentProps<"button">, "aria-label" | "children"> {
  /** What it does: its name, and its tip. */
  label: string;
  icon: LucideIcon;
}

/** A button that is an icon alone. */
export function IconButton({ label, icon: Icon, className = "", ...rest }: Props) {
  return (
    <Tip text={label}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={`grid size-8 shrink-0 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink disabled:opacity-30 ${className}`}
      >
        <Icon aria-hidden size={16} />
      </button>
    </Tip>
  );
}
