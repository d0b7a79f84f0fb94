import type { ReactNode } from "react";

interface Props<Item> {
  of: readonly Item[];
  keyOf: (item: Item) => string;
  children: (item: Item) => ReactNode;
}

/** A short list, a line for each. */
export function Rows<Item>({ of: items, keyOf, children }: Props<Item>) {
  return (
    <ul className="divide-y divide-line">
      {items.map((item) => (
        <li key={keyOf(item)} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
          {children(item)}
        </li>
      ))}
    </ul>
  );
}
