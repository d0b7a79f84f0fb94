import type { ButtonHTMLAttributes, ReactNode } from "react";

type Kind = "primary" | "plain" | "quiet" | "danger";

const LOOK: Record<Kind, string> = {
  primary: "bg-accent text-on-accent border-transparent hover:opacity-90",
  plain: "bg-surface text-ink border-line hover:bg-raised",
  quiet: "bg-transparent text-muted border-transparent hover:bg-raised hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-tint",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  icon?: ReactNode;
  busy?: boolean;
}

/** A button. `busy` keeps it from being pressed twice. */
export function Button({ kind = "plain", icon, busy, children, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      aria-busy={busy}
      {...rest}
      disabled={rest.disabled ?? busy}
      className={`inline-flex h-8 items-center justify-center gap-1.5 rounded-md border px-3 text-sm font-medium whitespace-nowrap disabled:opacity-50 ${LOOK[kind]} ${className}`}
    >
      {icon}
      {children}
    </button>
  );
}
