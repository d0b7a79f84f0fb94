import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

interface Props {
  label: string;
  /** What each is called, and what it shows. */
  tabs: Readonly<Record<string, ReactNode>>;
}

/** Several views of the same, one at a time. */
export function Tabs({ label, tabs }: Props) {
  const names = Object.keys(tabs);
  return (
    <Radix.Root defaultValue={names[0] ?? ""}>
      <Radix.List aria-label={label} className="my-4 flex gap-1 overflow-x-auto border-b border-line">
        {names.map((name) => (
          <Radix.Trigger key={name} value={name} className="h-9 shrink-0 border-b-2 border-transparent px-3 text-muted hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink">
            {name}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {names.map((name) => (
        <Radix.Content key={name} value={name}>
          {tabs[name]}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
