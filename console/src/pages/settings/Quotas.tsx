import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { TagsField } from "~/components/TagsField";
import { Trouble } from "~/components/Trouble";
import type { Shapes } from "~/session";

type Values = Shapes["Quotas"];
const COUNTS = { keys: "Keys", providers: "Providers", members: "Members", projects: "Projects" } as const;

/** How much of each an organisation may have: only operators say. */
export function Quotas({ shown }: { shown: Shapes["OrganisationShown"] }) {
  const queries = useQueryClient();
  const [values, setValues] = useState<Values>(shown.quotas);
  const save = useMutation({
    mutationFn: () => taken(api.PATCH("/api/v1/organisations/{org}", { params: { path: { org: shown.name } }, body: { quotas: values, version: shown.version } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["organisations"] }),
  });
  const opened = values.operator_providers;
  return (
    <Card title="Quotas (operators only)">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <div className="grid grid-cols-2 gap-3">
          {(Object.keys(COUNTS) as (keyof typeof COUNTS)[]).map((name) => (
            <TextField key={name} label={`${COUNTS[name]} at most`} type="number" min={0} placeholder="no limit" value={values[name] ?? ""} onChange={(event) => setValues({ ...values, [name]: event.target.value === "" ? null : Number(event.target.value) })} />
          ))}
        </div>
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={opened == null} onChange={(event) => setValues({ ...values, operator_providers: event.target.checked ? null : [] })} />
          May use every provider of the configuration
        </label>
        {opened != null && <TagsField label="May use these" value={opened} onChange={(next) => setValues({ ...values, operator_providers: next })} />}
        <div>
          <Button type="submit" busy={save.isPending}>
            Save
          </Button>
        </div>
      </form>
      {save.error !== null && <Trouble error={save.error} />}
    </Card>
  );
}
