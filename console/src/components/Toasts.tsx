import { X } from "lucide-react";
import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";
import { forget, listen, readTold } from "~/told";

const SHOWN_MS = 4000;

/** Where the results of one's own actions are told. F8 goes to them. */
export function Toasts() {
  const told = useSyncExternalStore(listen, readTold);
  return (
    <Toast.Provider duration={SHOWN_MS} swipeDirection="right">
      {told.map(({ id, text }) => (
        <Toast.Root key={id} onOpenChange={(open) => !open && forget(id)} className="flex items-center gap-3 rounded-card border border-line bg-surface py-2 pr-2 pl-4">
          <Toast.Description>{text}</Toast.Description>
          <Toast.Close aria-label="Close" className="grid size-7 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink">
            <X aria-hidden size={14} />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="fixed right-4 bottom-18 z-40 flex flex-col gap-2 outline-none sm:bottom-4" />
    </Toast.Provider>
  );
}
