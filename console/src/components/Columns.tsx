import { Columns3 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "./Button";

interface Props {
  names: Readonly<Record<string, string>>;
  hidden: Readonly<Record<string, boolean>>;
  onChange: (hidden: Record<string, boolean>) => void;
}

/** Which columns of a table are shown. */
export function Columns({ names, hidden, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const around = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !around.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", away);
    };
  }, [open]);
  return (
    <div ref={around} className="relative">
      <Button icon={<Columns3 aria-hidden size={14} />} aria-expanded={open} onClick={() => setOpen(!open)}>
        Columns
      </Button>
      {open && (
        <fieldset className="absolute right-0 z-20 mt-1 w-48 rounded-card border border-line bg-surface p-2">
          <legend className="sr-only">Columns</legend>
          {Object.entries(names).map(([id, name]) => (
            <label key={id} className="flex h-7 cursor-pointer items-center gap-2 rounded px-2 hover:bg-raised">
              <input type="checkbox" checked={!hidden[id]} onChange={(event) => onChange({ ...hidden, [id]: !event.target.checked })} />
              {name}
            </label>
          ))}
        </fieldset>
      )}
    </div>
  );
}
