import { Link } from "@tanstack/react-router";
import { Badge } from "~/components/Badge";
import { Card } from "~/components/Card";
import { ago } from "~/components/numbers";
import type { Shapes } from "~/session";

/** What failed last. */
export function Failures({ failures }: { failures: readonly Shapes["Failing"][] }) {
  return (
    <Card title="Recent failures">
      {failures.length === 0 && <p className="text-muted">None in this time.</p>}
      <ul className="divide-y divide-line">
        {failures.map(({ id, asked, error, outcome, started_at, status }) => (
          <li key={id}>
            <Link to="/requests" search={(view: Record<string, unknown>) => ({ ...view, request: id })} className="flex items-center gap-2 py-1.5 hover:bg-raised">
              <Badge tone="bad">{status ?? outcome}</Badge>
              <span className="flex-1 truncate">
                {asked} <span className="text-muted">{error}</span>
              </span>
              <span className="shrink-0 text-muted">{ago(started_at)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
