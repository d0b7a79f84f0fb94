import { Plus, Webhook as Icon } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { Standing } from "~/components/Standing";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useMay, useOrg } from "~/session";
import { Deliveries } from "./Deliveries";
import { NAMES } from "./events";
import { WebhookSheet } from "./WebhookSheet";

export type Webhook = Shapes["WebhookShown"];

const column = columnsOf<Webhook>();
const columns = column.columns([
  column.accessor("name", { header: "Name", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor("url", { header: "URL" }),
  column.accessor(({ events }) => (events.length === NAMES.length ? "everything" : events.join(", ")), { id: "events", header: "Is told of" }),
  column.accessor("enabled", { header: "State", cell: ({ row }) => <Standing of={row.original} /> }),
  column.accessor("created_at", { header: "Made", cell: ({ getValue }) => time(getValue()) }),
]);

/** Who is told of budgets that are used up and providers that are down, and what became of it. */
export default function Webhooks() {
  const org = useOrg();
  const admin = useMay("admin");
  const [open, setOpen] = useState<Webhook | "new" | null>(null);
  const found = useList(["webhooks", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/webhooks", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const add = admin && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => setOpen("new")}>
      New webhook
    </Button>
  );
  return (
    <>
      <PageHead title="Webhooks" action={add}>
        Who is told when a budget is nearly or wholly used up, and when a provider goes down or is back.
      </PageHead>
      <div className="flex flex-col gap-4">
        <Card>
          <Shown of={found} rows={3}>
            <Table
              label="Webhooks"
              columns={columns}
              rows={found.rows}
              keyOf={({ name }) => name}
              onOpen={setOpen}
              empty={
                <Empty icon={Icon} title="No webhook yet" action={add}>
                  A program of yours gets a signed POST when something happens, and gets it also when the gateway was killed in between.
                </Empty>
              }
            />
          </Shown>
        </Card>
        {found.rows.length > 0 && <Deliveries of={found.rows} />}
      </div>
      {open !== null && <WebhookSheet {...(open === "new" ? {} : { shown: open })} onClose={() => setOpen(null)} />}
    </>
  );
}
