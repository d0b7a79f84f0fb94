import { Plus, WalletCards } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { type Shapes, useMay, useOrg } from "~/session";
import { BurnDown } from "./BurnDown";
import { LimitSheet } from "./LimitSheet";
import { amountOf, Meter } from "./Meter";

export type Limit = Shapes["LimitShown"];

/** What may be used, and how much of it is left. */
export default function Limits() {
  const org = useOrg();
  const admin = useMay("admin");
  const [open, setOpen] = useState<Limit | "new" | null>(null);
  const limits = useList(["limits", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/limits", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const add = admin && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => setOpen("new")}>
      New limit
    </Button>
  );
  return (
    <>
      <PageHead title="Budgets and limits" action={add}>
        Requests, tokens, money: of the organisation, a project, a member, a key, a provider or a model.
      </PageHead>
      <Shown of={limits}>
        {limits.rows.length === 0 ? (
          <Empty icon={WalletCards} title="No limit yet" action={add}>
            A strict budget is never exceeded, however many programs ask at once: what a request may cost is set aside before it is
            let through.
          </Empty>
        ) : (
          <ul className="grid gap-4 xl:grid-cols-2">
            {limits.rows.map((limit) => (
              <li key={limit.id}>
                <Card
                  title={
                    <span className="flex items-center gap-2">
                      {limit.name}
                      <Badge tone={limit.mode === "strict" ? "accent" : "plain"}>{limit.mode}</Badge>
                      {limit.read_only ? <Badge>from the configuration</Badge> : limit.operator && <Badge>set by the operator</Badge>}
                      {limit.problem != null && <Badge tone="warn">limits nothing</Badge>}
                    </span>
                  }
                  action={admin && !limit.read_only && <Button onClick={() => setOpen(limit)}>Change</Button>}
                >
                  <p className="mb-3 text-muted">
                    {amountOf(limit, limit.amount)} {limit.measure === "spend" ? "" : limit.measure} {per(limit)}, for {whose(limit)}
                  </p>
                  {limit.used.length === 0 && <p className="text-muted">Nothing was used in this period.</p>}
                  <ul className="flex flex-col gap-2">
                    {limit.used.map((used) => (
                      <li key={used.subject}>
                        <Meter limit={limit} used={used} />
                      </li>
                    ))}
                  </ul>
                  {limit.measure === "spend" && limit.used[0] !== undefined && <BurnDown limit={limit} used={limit.used[0]} />}
                </Card>
              </li>
            ))}
          </ul>
        )}
      </Shown>
      {open !== null && <LimitSheet {...(open === "new" ? {} : { shown: open })} onClose={() => setOpen(null)} />}
    </>
  );
}

function per({ period }: Limit): string {
  if (period === "now") return "at a time";
  return period === "total" ? "in all" : `a ${period}`;
}

function whose({ kind, subject, read_only }: Limit): string {
  if (subject === "*") return `each ${kind}`;
  if (subject != null) return `${kind} ${subject}`;
  return read_only ? "everybody together" : `the ${kind}`;
}
