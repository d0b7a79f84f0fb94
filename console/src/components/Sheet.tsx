import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";

interface Props {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
}

/**
 * What comes in from the right over a page: details, or a form. The browser's own `dialog` keeps the
 * focus in it, closes it at Escape and gives the focus back.
 */
export function Sheet({ title, onClose, children, footer, wide }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
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
      onClick={(event) => event.target === dialog.current && onClose()}
      className={`m-0 ml-auto h-dvh max-h-none w-full border-l border-line bg-surface text-ink backdrop:bg-black/40 ${wide ? "max-w-[960px]" : "max-w-[560px]"}`}
    >
      <div className="flex h-full flex-col">
        <header className="flex min-h-14 items-center justify-between gap-4 border-b border-line px-6">
          <h2 id={heading} className="truncate font-semibold">
            {title}
          </h2>
          <button
            type="button"
            aria-label="Close"
            onClick={onClose}
            className="grid size-8 shrink-0 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink"
          >
            <X aria-hidden size={16} />
          </button>
        </header>
        <div className="flex-1 overflow-y-auto p-6">{children}</div>
        {footer !== undefined && (
          <footer className="flex items-center justify-end gap-2 border-t border-line px-6 py-3">{footer}</footer>
        )}
      </div>
    </dialog>
  );
}
