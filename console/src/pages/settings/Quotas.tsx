import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Meanwhile } from "~/components/Meanwhile";
import { SwitchField } from "~/components/SwitchField";
import { TagsField } from "~/components/TagsField";
import { Trouble } from "~/components/Trouble";
import type { Shapes } from "~/session";

type Values = Shapes["Quotas"];
const EVERY = "*";
const COUNTS = { keys: "Keys", providers: "Providers", members: "Members", projects: "Projects" } as const;

/** How much of each an organisation may have: only operators say. */
export function Quotas({ shown, onSaved }: { shown: Shapes["OrganisationShown"]; onSaved: (made: Shapes["OrganisationShown"]) => void }) {
  const [values, setValues] = useState<Values>(shown.quotas);
  const save = useChange(
    ["organisations"],
    (over: boolean) => api.PATCH("/api/v1/organisations/{org}", { params: { path: { org: shown.name } }, body: { quotas: values, version: over ? null : shown.version } }),
    { told: "The quotas are saved", onDone: onSaved },
  );
  // Where nothing is said, it is none; for the organisation that everybody without a key has, it is all.
  const opened = values.operator_providers ?? (shown.name === "default" ? [EVERY] : []);
  const every = opened.includes(EVERY);
  return (
    <Card title="Quotas (operators only)">
      <Form onSubmit={() => save.mutate(false)}>
        <div className="grid grid-cols-2 gap-3">
          {(Object.keys(COUNTS) as (keyof typeof COUNTS)[]).map((name) => (
            <TextField key={name} label={`${COUNTS[name]} at most`} type="number" min={0} placeholder="no limit" value={values[name] ?? ""} onChange={(event) => setValues({ ...values, [name]: event.target.value === "" ? null : Number(event.target.value) })} />
          ))}
        </div>
        <SwitchField label="May use all of the gateway's providers, and you pay" checked={every} onChange={(all) => setValues({ ...values, operator_providers: all ? [EVERY] : [] })} />
        {!every && (
          <TagsField
            label="May use these of the gateway's providers"
            hint="Built-in and configured ones, by name; * stands for any text. Of others it sees nothing."
            placeholder="none"
            value={opened}
            onChange={(next) => setValues({ ...values, operator_providers: next })}
          />
        )}
        <div>
          <Button type="submit" busy={save.isPending}>
            Save
          </Button>
        </div>
        <Meanwhile what={shown.title} how={save.meanwhile} busy={save.isPending} onOver={() => save.mutate(true)} />
        <Trouble error={save.trouble} />
      </Form>
    </Card>
  );
}
