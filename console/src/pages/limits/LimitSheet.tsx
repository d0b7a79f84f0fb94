import { useState } from "react";
import { api } from "~/api/client";
import { useChange } from "~/api/change";
import { ConfirmButton } from "~/components/ConfirmButton";
import { NAME, NUMBER, SelectField, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { Problem } from "~/components/Problem";
import { SwitchField } from "~/components/SwitchField";
import { type Shapes, useMe, useOrg } from "~/session";
import type { Limit } from "./Limits";

type Body = Shapes["LimitBody"];
const words = (names: readonly string[]) => names.map((value) => ({ value, name: value }));
const KINDS = words(["organisation", "project", "member", "key", "provider", "model"]);
const MEASURES = [
  { value: "spend", name: "money (USD)" },
  { value: "requests", name: "requests" },
  { value: "tokens", name: "tokens" },
  { value: "concurrency", name: "requests at a time" },
];
const PERIODS = words(["minute", "hour", "day", "week", "month", "total"]);
const MODES = [
  { value: "strict", name: "strict: nothing more is let through" },
  { value: "soft", name: "soft: it is told, and counted on" },
];
const UNPRICED = [
  { value: "allow", name: "may be asked, and count nothing" },
  { value: "block", name: "may not be asked" },
  { value: "assume", name: "count as so much a request" },
];

/** A limit, to make or to change. */
export function LimitSheet({ shown, onClose }: { shown?: Limit; onClose: () => void }) {
  const org = useOrg();
  const operator = useMe().data?.operator === true;
  const [name, setName] = useState(shown?.name ?? "");
  const [limit, setLimit] = useState<Body>({
    kind: shown?.kind ?? "organisation",
    subject: shown?.subject ?? null,
    measure: shown?.measure ?? "spend",
    period: shown?.period ?? "month",
    amount: shown?.amount ?? "",
    mode: shown?.mode ?? "strict",
    unknown: shown?.unknown ?? "allow",
    assumed_usd: shown?.assumed_usd ?? null,
    operator: shown?.operator ?? false,
  });
  const set = (change: Partial<Body>) => setLimit({ ...limit, ...change });
  const where = { params: { path: { org, name } } };
  const priced = limit.measure === "spend";
  const assumed = priced && limit.unknown === "assume";
  const save = useChange(
    ["limits"],
    (over: boolean) =>
      api.PUT("/api/v1/organisations/{org}/limits/{name}", {
        ...where,
        // What the form does not show any more is not said either.
        body: {
          ...limit,
          period: limit.measure === "concurrency" ? "now" : limit.period,
          ...(limit.kind === "organisation" && { subject: null }),
          ...(!priced && { unknown: "allow" as const }),
          ...(!assumed && { assumed_usd: null }),
          version: over ? null : (shown?.version ?? 0),
        },
      }),
    { fields: ["name", "amount", "subject", "assumed_usd"], isNew: shown === undefined, told: `The limit ${name} is saved`, onDone: onClose },
  );
  const remove = useChange(["limits"], () => api.DELETE("/api/v1/organisations/{org}/limits/{name}", where), { told: `The limit ${name} is deleted`, onDone: onClose });
  return (
    <FormSheet
      title={shown === undefined ? "New limit" : `Limit ${shown.name}`}
      onClose={onClose}
      save={save}
      actions={
        shown !== undefined && (
          <ConfirmButton kind="danger" label="Delete" title={`Delete the limit ${name}?`} verb="Delete it" onYes={remove.mutateAsync}>
            From then on only the other limits hold.
          </ConfirmButton>
        )
      }
    >
      <Problem text={shown?.problem} />
      <TextField label="Name" required {...NAME} disabled={shown !== undefined} value={name} hint={NAME.title} error={save.at("name")} placeholder="team-month" onChange={(event) => setName(event.target.value)} />
      <SelectField label="What is limited" value={limit.measure} choices={MEASURES} onChange={(event) => set({ measure: event.target.value as Body["measure"] })} />
      <TextField label="How much" required {...NUMBER} value={limit.amount} error={save.at("amount")} onChange={(event) => set({ amount: event.target.value })} />
      {limit.measure !== "concurrency" && <SelectField label="In each" value={limit.period} choices={PERIODS} onChange={(event) => set({ period: event.target.value as Body["period"] })} />}
      <SelectField label="Of" value={limit.kind ?? "organisation"} choices={KINDS} onChange={(event) => set({ kind: event.target.value as NonNullable<Body["kind"]> })} />
      {limit.kind !== "organisation" && (
        <TextField label="Which" value={limit.subject ?? ""} hint="A name, an e-mail address, a model ref; * is each for itself." error={save.at("subject")} onChange={(event) => set({ subject: event.target.value || null })} />
      )}
      <SelectField label="When it is reached" value={limit.mode ?? "strict"} choices={MODES} onChange={(event) => set({ mode: event.target.value as NonNullable<Body["mode"]> })} />
      {priced && (
        <SelectField label="Models whose price is not known" value={limit.unknown ?? "allow"} choices={UNPRICED} onChange={(event) => set({ unknown: event.target.value as NonNullable<Body["unknown"]> })} />
      )}
      {assumed && <TextField label="USD a request" {...NUMBER} value={limit.assumed_usd ?? ""} error={save.at("assumed_usd")} onChange={(event) => set({ assumed_usd: event.target.value || null })} />}
      {operator && <SwitchField label="Only operators may change it" checked={limit.operator ?? false} onChange={(next) => set({ operator: next })} />}
    </FormSheet>
  );
}
