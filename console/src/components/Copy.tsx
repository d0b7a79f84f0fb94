import { Check, Copy as CopyIcon, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./IconButton";

const SHOWN_MS = 1500;

/** A text to take along: a key, a command. Without a secure context there is no clipboard. */
export function Copy({ text, label = "Copy", icon = CopyIcon }: { text: string; label?: string; icon?: LucideIcon }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), SHOWN_MS);
  };
  return (
    <>
      <IconButton label={label} icon={done ? Check : icon} onClick={() => void copy()} />
      <span role="status" className="sr-only">
        {done ? "Copied" : ""}
      </span>
    </>
  );
}

export function Code({ text, label }: { text: string; label?: string }) {
  return (
    <div className="relative rounded-md border border-line bg-canvas">
      <pre className="overflow-x-auto p-3 pr-10 font-mono text-xs" tabIndex={0}>
        {text}
      </pre>
      <div className="absolute top-1.5 right-1.5 rounded-md bg-canvas">
        <Copy text={text} label={label ?? "Copy"} />
      </div>
    </div>
  );
}
