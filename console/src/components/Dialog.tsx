import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";

interface Props {
  /** What it is called, for whoever cannot see it; a heading inside is a `DialogTitle`. */
  label?: string;
  onClose: () => void;
  className: string;
  children: ReactNode;
}

export const OVERLAY = "fixed inset-0 z-30 bg-black/40";
export const DialogTitle = Radix.Title;
export const DialogClose = Radix.Close;

/**
 * What lies over the page until it is closed, by Escape or a click beside it. The focus stays in it,
 * and goes back to where it came from.
 */
export function Dialog({ label, onClose, className, children }: Props) {
  const [opener] = useState(() => document.activeElement);
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={OVERLAY} />
        <Radix.Content
          aria-describedby={undefined}
          className={`fixed z-30 border-line bg-surface text-ink outline-none ${className}`}
          onOpenAutoFocus={(event) => {
            // Whoever listens hears the title first; the first button would be the one that closes.
            event.preventDefault();
            (event.currentTarget as HTMLElement).focus();
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (opener instanceof HTMLElement) opener.focus();
          }}
        >
          {label !== undefined && <DialogTitle className="sr-only">{label}</DialogTitle>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
