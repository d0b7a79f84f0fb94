import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download, Radio } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { PREFIX } from "~/base";
import { useBeginning, useRange } from "~/frame/range";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Columns } from "~/components/Columns";
import { Empty } from "~/components/Empty";
import { count, duration, money, time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useOrg } from "~/session";
import { FilterBar, type Filters, readFilters } from "./filters";
import { Histogram } from "./Histogram";
import { Outcome } from "./Outcome";
import { RequestSheet } from "./RequestSheet";
import { useTail } from "./tail";

export type Line = Shapes["RequestLine"];

const column = columnsOf<Line>();
const columns = column.columns([
  column.accessor("started_at", { header: "When", meta: { width: 128 }, cell: ({ getValue }) => time(getValue()) }),
  column.display({ id: "outcome", header: "Outcome", meta: { width: 132 }, cell: ({ row }) => <Outcome of={row.original} /> }),
  column.accessor("asked", { header: "Asked for", meta: { width: 130 }, cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor((line) => (line.provider == null ? "" : `${line.provider}/${line.model ?? ""}`), { id: "answered", header: "Answered by", meta: { width: 164 } }),
  column.accessor((line) => line.gateway_key ?? line.source, { id: "key", header: "Key", meta: { width: 84 } }),
  column.accessor("attempt_count", { header: "Attempts", meta: { align: "right", width: 76 } }),
  column.accessor("prompt_tokens", { header: "In", meta: { align: "right", width: 62 }, cell: ({ getValue }) => count(getValue()) }),
  column.accessor("completion_tokens", { header: "Out", meta: { align: "right", width: 62 }, cell: ({ getValue }) => count(getValue()) }),
  column.accessor("cost_nanousd", { header: "Cost", meta: { align: "right", width: 96 }, cell: ({ getValue }) => money(getValue()) }),
  column.accessor("first_token_s", { header: "First token", meta: { align: "right", width: 86 }, cell: ({ getValue }) => duration(getValue()) }),
  column.accessor("duration_s", { header: "Took", meta: { align: "right", width: 66 }, cell: ({ getValue }) => duration(getValue()) }),
  column.accessor("endpoint", { header: "Endpoint", meta: { width: 160 }, cell: ({ getValue }) => getValue() ?? "" }),
  column.accessor("id", { header: "Id", meta: { width: 220 }, cell: ({ getValue }) => <code className="text-xs">{getValue()}</code> }),
]);
const NAMES = { started_at: "When", outcome: "Outcome", asked: "Asked for", answered: "Answered by", key: "Key", attempt_count: "Attempts", prompt_tokens: "In", completion_tokens: "Out", cost_nanousd: "Cost", first_token_s: "First token", duration_s: "Took", endpoint: "Endpoint", id: "Id" };

/** Every request: filtered by what stands in the address, live where wanted. */
export default function Requests() {
  const org = useOrg();
  const [range] = useRange();
  const since = useBeginning(range);
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const filters = useMemo(() => readFilters(search), [search]);
  const [live, setLive] = useState(false);
  const [hidden, setHidden] = useState<Record<string, boolean>>({ endpoint: true, id: true });
  const query = { ...filters, since: String(since), ...(range.name === "custom" ? { until: String(range.to) } : {}) };
  const list = useList(["requests", org, query], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/requests", { params: { path: { org }, query: { ...query, limit: 200, ...(cursor === undefined ? {} : { cursor }) } } })).then(
      (page) => page as unknown as { items: Line[]; next: string | null },
    ),
  );
  const fresh = useTail(org, filters, live);
  const turn = () => {
    if (!live) void list.refetch(); // what has ended since the list was read
    setLive(!live);
  };
  const known = new Set(fresh.map(({ id }) => id));
  const rows = live ? [...fresh, ...list.rows.filter(({ id }) => !known.has(id))] : list.rows;
  const show = useCallback(
    (id: string | undefined) =>
      void navigate({ to: ".", search: ({ request: _, ...view }: Record<string, unknown>) => (id === undefined ? view : { ...view, request: id }) }),
    [navigate],
  );
  const open = useCallback(({ id }: Line) => show(id), [show]);
  const setFilters = (next: Filters) =>
    void navigate({ to: ".", search: (view: Record<string, unknown>) => ({ ...Object.fromEntries(Object.entries(view).filter(([name]) => !(name in filters))), ...next }), replace: true });
  const exported = (format: string) =>
    `${PREFIX}/api/v1/organisations/${encodeURIComponent(org)}/requests?${new URLSearchParams({ ...Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])), format })}`;
  return (
    <>
      <PageHead
        title="Requests"
        action={
          <>
            <Button icon={<Radio aria-hidden size={14} className={live ? "text-good" : ""} />} aria-pressed={live} onClick={turn}>
              {live ? "Live" : "Go live"}
            </Button>
            <Columns names={NAMES} hidden={hidden} onChange={setHidden} />
            {(["csv", "jsonl"] as const).map((format) => (
              <a key={format} href={exported(format)} download className="inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-3 text-sm font-medium hover:bg-raised">
                <Download aria-hidden size={14} />
                {format.toUpperCase()}
              </a>
            ))}
          </>
        }
      />
      <Card>
        <div className="flex flex-col gap-4">
          <FilterBar value={filters} onChange={setFilters} />
          <Histogram filters={filters} />
          <Shown of={list}>
            <Table
              label="Requests"
              columns={columns}
              rows={rows}
              keyOf={({ id }) => id}
              hidden={hidden}
              onOpen={open}
              onNearEnd={list.more}
              empty={<Empty title="No request fits">Widen the time at the top, or take a filter away.</Empty>}
            />
          </Shown>
        </div>
      </Card>
      {typeof search.request === "string" && <RequestSheet id={search.request} onClose={() => show(undefined)} />}
    </>
  );
}
