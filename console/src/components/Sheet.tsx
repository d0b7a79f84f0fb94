import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog, DialogClose, DialogTitle } from "./Dialog";
import { IconButton } from "./IconButton";

interface Props {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
}

/** What comes in from the right over a page: details, or a form. */
export function Sheet({ title, onClose, children, footer, wide }: Props) {
  return (
    <Dialog onClose={onClose} className={`inset-y-0 right-0 flex w-full flex-col border-l ${wide ? "max-w-[960px]" : "max-w-[560px]"}`}>
      <header className="flex min-h-14 items-center justify-between gap-4 border-b border-line px-6">
        <DialogTitle className="truncate font-semibold">{title}</DialogTitle>
        <DialogClose asChild>
          <IconButton label="Close" icon={X} />
        </DialogClose>
      </header>
      <div className="flex-1 overflow-y-auto p-6">{children}</div>
      {footer !== undefined && footer !== false && <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-6 py-3">{footer}</footer>}
    </Dialog>
  );
}
