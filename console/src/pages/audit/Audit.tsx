import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Problem } from "~/components/Problem";
import { Sheet } from "~/components/Sheet";
import { Shown } from "~/components/Shown";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useOrg } from "~/session";

type Line = Shapes["AuditLine"];

const column = columnsOf<Line>();
const columns = column.columns([
  column.accessor("at", { header: "When", cell: ({ getValue }) => time(getValue()) }),
  column.accessor("actor", { header: "Who" }),
  column.accessor((line) => `${line.action} ${line.kind}`, { id: "what", header: "Did" }),
  column.accessor("object", { header: "To", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor((line) => Object.keys(line.difference).join(", "), { id: "fields", header: "Fields" }),
  column.accessor("address", { header: "From", cell: ({ getValue }) => getValue() ?? "" }),
]);

/** Who changed what, and from where. Nobody can change this list. */
export default function Audit() {
  const org = useOrg();
  const [open, setOpen] = useState<Line | null>(null);
  const lines = useList(["audit", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/audit", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  return (
    <>
      <PageHead title="Audit">Every change, by whom and from where; secrets are never in it.</PageHead>
      <Card>
        <Shown of={lines}>
          <Table
            label="Audit log"
            columns={columns}
            rows={lines.rows}
            keyOf={({ id }) => id}
            onOpen={setOpen}
            onNearEnd={lines.more}
            empty={<Empty title="Nothing has been changed yet">Each change of a provider, key, limit or member will be one line here.</Empty>}
          />
        </Shown>
      </Card>
      {open && <Difference line={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function Difference({ line, onClose }: { line: Line; onClose: () => void }) {
  return (
    <Sheet title={`${line.action} ${line.kind} ${line.object}`} onClose={onClose} wide>
      <p className="mb-4 text-muted">
        {line.actor}, {time(line.at)}
        {line.address != null && `, from ${line.address}`}
      </p>
      <Problem text={line.problem} />
      <table className="w-full text-left align-top">
        <thead>
          <tr className="text-xs text-muted">
            <th className="py-1 pr-4 font-medium">Field</th>
            <th className="py-1 pr-4 font-medium">Before</th>
            <th className="py-1 font-medium">After</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(line.difference).map(([name, pair]) => {
            const [before, after] = Array.isArray(pair) ? (pair as unknown[]) : [null, pair];
            return (
              <tr key={name} className="border-t border-line align-top">
                <td className="py-2 pr-4 font-medium">{name}</td>
                <td className="py-2 pr-4">
                  <Value of={before} />
                </td>
                <td className="py-2">
                  <Value of={after} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Sheet>
  );
}

function Value({ of: value }: { of: unknown }) {
  if (value == null) return <span className="text-muted">nothing</span>;
  return <code className="text-xs break-all whitespace-pre-wrap">{typeof value === "string" ? value : JSON.stringify(value, null, 1)}</code>;
}
