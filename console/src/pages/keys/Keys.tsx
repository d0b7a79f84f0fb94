import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { ago, time, UNKNOWN } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { SwitchField } from "~/components/SwitchField";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useMay, useOrg } from "~/session";
import { KeySheet } from "./KeySheet";
import { NewKey } from "./NewKey";
import { State } from "./State";

export type Key = Shapes["KeyShown"];

const column = columnsOf<Key>();
const columns = column.columns([
  column.accessor("name", { header: "Name", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor("prefix", { header: "Key", cell: ({ getValue }) => <code className="text-xs">{getValue()}</code> }),
  column.display({ id: "state", header: "State", cell: ({ row }) => <State of={row.original} /> }),
  column.accessor(({ project, member }) => [project, member].filter(Boolean).join(", "), { id: "whose", header: "Whose" }),
  column.accessor((key) => rulesOf(key), { id: "rules", header: "May ask" }),
  column.accessor("used_at", { header: "Last used", cell: ({ row }) => (row.original.read_only ? UNKNOWN : ago(row.original.used_at)) }),
  column.accessor("created_at", { header: "Made", cell: ({ getValue }) => time(getValue()) }),
]);

/** Gateway keys: who may ask, and for what. */
export default function Keys() {
  const org = useOrg();
  const [making, setMaking] = useState(false);
  const [open, setOpen] = useState<Key | null>(null);
  const [ended, setEnded] = useState(false);
  const keys = useList(["keys", org, ended], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/keys", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null, revoked: ended, expired: ended } } })),
  );
  const add = useMay("member") && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => setMaking(true)}>
      New key
    </Button>
  );
  return (
    <>
      <PageHead title="Keys" action={add}>
        Programs send one of these to the gateway; what each may ask and spend is its own.
      </PageHead>
      <Card title={ended ? "All keys" : "Keys in force"} action={<SwitchField label="Ended ones too" checked={ended} onChange={setEnded} />}>
        <Shown of={keys}>
          <Table
            label="Keys"
            columns={columns}
            rows={keys.rows}
            keyOf={({ id }) => id}
            onOpen={setOpen}
            onNearEnd={keys.more}
            empty={
              <Empty icon={KeyRound} title={ended ? "No key yet" : "No key in force"} action={add}>
                A key is shown once, when it is made. Hand out one per program: then the charts tell them apart,
                and one can be taken back without the others.
              </Empty>
            }
          />
        </Shown>
      </Card>
      {making && <NewKey onClose={() => setMaking(false)} />}
      {open && <KeySheet shown={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function rulesOf({ rules }: Key): string {
  const said = [...(rules.models ?? []), ...(rules.providers ?? []).map((name) => `${name}/*`)];
  return said.length === 0 ? "everything" : said.join(", ");
}
