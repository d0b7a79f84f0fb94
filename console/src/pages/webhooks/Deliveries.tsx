import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge, type Tone } from "~/components/Badge";
import { Card } from "~/components/Card";
import { Copy } from "~/components/Copy";
import { Empty } from "~/components/Empty";
import { BOX } from "~/components/Field";
import { time, UNKNOWN } from "~/components/numbers";
import { Sheet } from "~/components/Sheet";
import { Shown } from "~/components/Shown";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useOrg } from "~/session";
import type { Webhook } from "./Webhooks";

type Delivery = Shapes["Delivery"];
type State = Delivery["state"];
const TONES: Readonly<Record<State, Tone>> = { delivered: "good", waiting: "warn", failed: "bad" };
const STATES = Object.keys(TONES) as State[];
/** What waits is tried again after a second, and then ever later. */
const AGAIN_MS = 5_000;

const column = columnsOf<Delivery>();
const columns = column.columns([
  column.accessor("at", { header: "When", cell: ({ getValue }) => time(getValue()) }),
  column.accessor("event", { header: "Event", cell: ({ getValue }) => <span className="font-medium">{getValue()}</span> }),
  column.accessor("webhook", { header: "Webhook" }),
  column.accessor("state", { header: "State", cell: ({ getValue }) => <Badge tone={TONES[getValue()]}>{getValue()}</Badge> }),
  column.accessor("tries", { header: "Tries", meta: { align: "right" } }),
  column.accessor(resultOf, { id: "result", header: "What came of it" }),
  column.accessor((one) => (one.state === "waiting" ? time(one.due_at) : ""), { id: "next", header: "Tried next" }),
]);

/** What webhooks were told in the last two weeks, and are still to be told. */
export function Deliveries({ of: webhooks }: { of: readonly Webhook[] }) {
  const org = useOrg();
  const search = useSearch({ strict: false }) as { webhook?: unknown; state?: unknown };
  const navigate = useNavigate();
  const [open, setOpen] = useState<Delivery | null>(null);
  const webhook = webhooks.find(({ name }) => name === search.webhook)?.name ?? null;
  const state = STATES.find((one) => one === search.state) ?? null;
  const set = (name: "webhook" | "state", value: string) =>
    void navigate({ to: ".", search: (view: Record<string, unknown>) => ({ ...view, [name]: value || undefined }), replace: true });
  const found = useList(
    ["deliveries", org, webhook, state],
    (cursor) => taken(api.GET("/api/v1/organisations/{org}/deliveries", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null, webhook, state } } })),
    AGAIN_MS,
  );
  return (
    <Card
      title="Deliveries"
      action={
        <span className="flex flex-wrap gap-2">
          <Choose label="Webhook" all="every webhook" value={webhook} choices={webhooks.map(({ name }) => name)} onChange={(value) => set("webhook", value)} />
          <Choose label="State" all="every state" value={state} choices={STATES} onChange={(value) => set("state", value)} />
        </span>
      }
    >
      <Shown of={found}>
        <Table
          label="Deliveries"
          columns={columns}
          rows={found.rows}
          keyOf={({ id }) => id}
          onOpen={setOpen}
          onNearEnd={found.more}
          empty={<Empty title={webhook === null && state === null ? "Nothing was to be told yet" : "No delivery fits"}>What was told in the last two weeks is listed here; tests are not.</Empty>}
        />
      </Shown>
      {open && <Whole of={found.rows.find(({ id }) => id === open.id) ?? open} onClose={() => setOpen(null)} />}
    </Card>
  );
}

interface Choosing {
  label: string;
  all: string;
  value: string | null;
  choices: readonly string[];
  onChange: (value: string) => void;
}

function Choose({ label, all, value, choices, onChange }: Choosing) {
  return (
    <select aria-label={label} value={value ?? ""} onChange={(event) => onChange(event.target.value)} className={`${BOX} h-8 max-w-44 !w-auto truncate`}>
      <option value="">{all}</option>
      {choices.map((choice) => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}

function Whole({ of: one, onClose }: { of: Delivery; onClose: () => void }) {
  const rows: readonly (readonly [string, string])[] = [
    ["Webhook", one.webhook],
    ["Happened", time(one.at)],
    ["Tries", String(one.tries)],
    ["Tried last", time(one.tried_at)],
    ...(one.state === "waiting" ? [["Tried next", time(one.due_at)] as const] : []),
    ["Answered with", one.status == null ? UNKNOWN : String(one.status)],
    ...(one.reason == null ? [] : [["Why not", one.reason] as const]),
  ];
  return (
    <Sheet title={one.event} onClose={onClose}>
      <dl className="grid grid-cols-[8rem_1fr] gap-y-1.5">
        <dt className="text-muted">State</dt>
        <dd>
          <Badge tone={TONES[one.state]}>{one.state}</Badge>
        </dd>
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="break-words">{value}</dd>
          </div>
        ))}
        <dt className="text-muted">Id</dt>
        <dd className="-my-1.5 flex min-w-0 items-center">
          <code className="truncate text-xs">{one.id}</code>
          <Copy text={one.id} label="Copy the id" />
        </dd>
      </dl>
      <p className="mt-4 text-xs text-muted">
        The id is in the body and in the header <code>dragoman-delivery</code>: what arrives twice has the same.
      </p>
    </Sheet>
  );
}

function resultOf({ reason, status }: Delivery): string {
  return reason ?? (status == null ? "" : `it was answered with ${status}`);
}
