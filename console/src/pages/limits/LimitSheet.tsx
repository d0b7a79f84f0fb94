import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, Failure, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Confirm } from "~/components/Confirm";
import { SelectField, TextField } from "~/components/Field";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
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

/** A limit, to make or to change. */
export function LimitSheet({ shown, onClose }: { shown?: Limit; onClose: () => void }) {
  const org = useOrg();
  const operator = useMe().data?.operator === true;
  const queries = useQueryClient();
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
  const [deleting, setDeleting] = useState(false);
  const set = (change: Partial<Body>) => setLimit({ ...limit, ...change });
  const done = async () => {
    await queries.invalidateQueries({ queryKey: ["limits"] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () =>
      taken(
        api.PUT("/api/v1/organisations/{org}/limits/{name}", {
          params: { path: { org, name } },
          body: { ...limit, period: limit.measure === "concurrency" ? "now" : limit.period, version: shown?.version ?? 0 },
        }),
      ),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/limits/{name}", { params: { path: { org, name } } })),
    onSuccess: done,
  });
  const refusal = save.error instanceof Failure ? save.error.refusal : null;
  const at = (param: string) => (refusal?.param === param ? refusal.message : undefined);
  return (
    <Sheet
      title={shown === undefined ? "New limit" : `Limit ${shown.name}`}
      onClose={onClose}
      footer={
        <>
          {shown !== undefined && (
            <Button kind="danger" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          )}
          <span className="flex-1" />
          <Button kind="primary" type="submit" form="limit" busy={save.isPending}>
            Save
          </Button>
        </>
      }
    >
      <form
        id="limit"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField label="Name" required disabled={shown !== undefined} value={name} error={at("name")} placeholder="team-month" onChange={(event) => setName(event.target.value)} />
        <SelectField label="What is limited" value={limit.measure} choices={MEASURES} onChange={(event) => set({ measure: event.target.value as Body["measure"] })} />
        <TextField label="How much" required inputMode="decimal" value={limit.amount} error={at("amount")} onChange={(event) => set({ amount: event.target.value })} />
        {limit.measure !== "concurrency" && <SelectField label="In each" value={limit.period} choices={PERIODS} onChange={(event) => set({ period: event.target.value as Body["period"] })} />}
        <SelectField label="Of" value={limit.kind ?? "organisation"} choices={KINDS} onChange={(event) => set({ kind: event.target.value as NonNullable<Body["kind"]> })} />
        {limit.kind !== "organisation" && (
          <TextField label="Which" value={limit.subject ?? ""} hint="A name, an e-mail address, a model ref; * is each for itself." error={at("subject")} onChange={(event) => set({ subject: event.target.value || null })} />
        )}
        <SelectField
          label="When it is reached"
          value={limit.mode ?? "strict"}
          choices={[
            { value: "strict", name: "strict: nothing more is let through" },
            { value: "soft", name: "soft: it is told, and counted on" },
          ]}
          onChange={(event) => set({ mode: event.target.value as NonNullable<Body["mode"]> })}
        />
        {limit.measure === "spend" && (
          <SelectField
            label="Models whose price is not known"
            value={limit.unknown ?? "allow"}
            choices={[
              { value: "allow", name: "may be asked, and count nothing" },
              { value: "block", name: "may not be asked" },
              { value: "assume", name: "count as so much a request" },
            ]}
            onChange={(event) => set({ unknown: event.target.value as NonNullable<Body["unknown"]> })}
          />
        )}
        {limit.measure === "spend" && limit.unknown === "assume" && <TextField label="USD a request" inputMode="decimal" value={limit.assumed_usd ?? ""} onChange={(event) => set({ assumed_usd: event.target.value || null })} />}
        {operator && (
          <label className="flex items-center gap-2">
            <input type="checkbox" checked={limit.operator ?? false} onChange={(event) => set({ operator: event.target.checked })} />
            Only operators may change it
          </label>
        )}
        {save.error !== null && !["name", "amount", "subject"].includes(refusal?.param ?? "") && <Trouble error={save.error} />}
      </form>
      {deleting && (
        <Confirm title={`Delete the limit ${name}?`} verb="Delete it" busy={remove.isPending} error={remove.error} onClose={() => setDeleting(false)} onYes={() => remove.mutate()}>
          From then on only the other limits hold.
        </Confirm>
      )}
    </Sheet>
  );
}
