import { Link } from "@tanstack/react-router";
import { Card } from "~/components/Card";
import { count, money } from "~/components/numbers";
import type { Shapes } from "~/session";
import { costOf } from "./figures";

interface Props {
  title: string;
  groups: readonly Shapes["Group"][];
  filter: "model" | "key";
}

/** Who took the most, with a bar for how much that is of the largest. */
export function Top({ title, groups, filter }: Props) {
  const most = Math.max(1, ...groups.map(({ figures }) => costOf(figures)));
  return (
    <Card title={title}>
      {groups.length === 0 && <p className="text-muted">Nothing in this time.</p>}
      <ul className="flex flex-col gap-2">
        {groups.slice(0, 8).map(({ id, name, figures }) => (
          <li key={id}>
            <Link to="/requests" search={(view: Record<string, unknown>) => ({ ...view, [filter]: filter === "model" ? (name.split("/").slice(1).join("/") || name) : name })} className="block rounded hover:bg-raised">
              <span className="flex justify-between gap-3">
                <span className="truncate">{name || "(none)"}</span>
                <span className="shrink-0 text-muted">
                  {money(costOf(figures))} · {count(figures.requests)}
                </span>
              </span>
              <span aria-hidden className="mt-0.5 block h-1 rounded bg-raised">
                <span className="block h-1 rounded bg-accent" style={{ width: `${(100 * costOf(figures)) / most}%` }} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
