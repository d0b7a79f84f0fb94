import { Plus, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { Standing } from "~/components/Standing";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useMay, useOrg } from "~/session";
import { GuardrailSheet } from "./GuardrailSheet";

export type Guardrail = Shapes["GuardrailShown"];

const column = columnsOf<Guardrail>();
const columns = column.columns([
  column.accessor("position", { header: "Order" }),
  column.accessor("name", { header: "Name", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor((one) => String(one.definition.kind ?? ""), { id: "kind", header: "Looks for" }),
  column.accessor("mode", { header: "Mode", cell: ({ getValue }) => <Badge tone={getValue() === "enforce" ? "accent" : "plain"}>{getValue()}</Badge> }),
  column.accessor("enabled", { header: "State", cell: ({ row }) => <Standing of={row.original} /> }),
  column.accessor("read_only", { header: "From", cell: ({ getValue }) => (getValue() ? "the configuration" : "here") }),
]);

/** What is looked for in requests and answers, and what is done about it. */
export default function Guardrails() {
  const org = useOrg();
  const admin = useMay("admin");
  const [open, setOpen] = useState<Guardrail | "new" | null>(null);
  const found = useList(["guardrails", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/guardrails", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const add = admin && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => setOpen("new")}>
      New guardrail
    </Button>
  );
  return (
    <>
      <PageHead title="Guardrails" action={add}>
        What is said is looked at in this order, on its way in and out.
      </PageHead>
      <Card>
        <Shown of={found}>
          <Table
            label="Guardrails"
            columns={columns}
            rows={found.rows}
            keyOf={({ name }) => name}
            onOpen={setOpen}
            empty={
              <Empty icon={ShieldCheck} title="None yet" action={add}>
                A guardrail takes secrets and personal data out, refuses what fits a pattern, or only tells (shadow), until you trust it.
              </Empty>
            }
          />
        </Shown>
      </Card>
      {open !== null && <GuardrailSheet {...(open === "new" ? {} : { shown: open })} onClose={() => setOpen(null)} />}
    </>
  );
}
