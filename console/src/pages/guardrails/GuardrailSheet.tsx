import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { LongField, SelectField, TextField } from "~/components/Field";
import { JsonField } from "~/components/JsonField";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";
import type { Guardrail } from "./Guardrails";

/** A guardrail: what it looks for, and a text to try it on. */
export function GuardrailSheet({ shown, onClose }: { shown?: Guardrail; onClose: () => void }) {
  const org = useOrg();
  const editable = useMay("admin") && !shown?.read_only;
  const queries = useQueryClient();
  const [name, setName] = useState(shown?.name ?? "");
  const [mode, setMode] = useState(shown?.mode ?? "shadow");
  const [position, setPosition] = useState(String(shown?.position ?? 0));
  const [enabled, setEnabled] = useState(shown?.enabled ?? true);
  const [definition, setDefinition] = useState<Record<string, unknown>>(shown?.definition ?? { kind: "secrets" });
  const [text, setText] = useState("My key is sk-proj-0123456789abcdefghij0123456789, and my mail jo@example.com");
  const done = async () => {
    await queries.invalidateQueries({ queryKey: ["guardrails"] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () =>
      taken(
        api.PUT("/api/v1/organisations/{org}/guardrails/{name}", {
          params: { path: { org, name } },
          body: { definition, mode, enabled, position: Number(position), version: shown?.version ?? 0 },
        }),
      ),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/guardrails/{name}", { params: { path: { org, name } } })),
    onSuccess: done,
  });
  const attempt = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/guardrails/try", { params: { path: { org } }, body: { definition, text } })),
  });
  return (
    <Sheet
      title={shown?.name ?? "New guardrail"}
      onClose={onClose}
      footer={
        editable && (
          <>
            {shown !== undefined && (
              <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
                Delete
              </Button>
            )}
            <span className="flex-1" />
            <Button kind="primary" type="submit" form="guardrail" busy={save.isPending}>
              Save
            </Button>
          </>
        )
      }
    >
      <form
        id="guardrail"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <fieldset disabled={!editable} className="flex flex-col gap-4">
          <TextField label="Name" required disabled={shown !== undefined} value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField
            label="Mode"
            value={mode}
            choices={[
              { value: "shadow", name: "shadow: only tell" },
              { value: "enforce", name: "enforce: act" },
            ]}
            onChange={(event) => setMode(event.target.value as typeof mode)}
          />
          <TextField label="Order" type="number" value={position} hint="Those with a smaller number come first." onChange={(event) => setPosition(event.target.value)} />
          <label className="flex items-center gap-2">
            <input type="checkbox" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} />
            On
          </label>
          <JsonField label="Definition" hint="As a table [[guardrails]] of the configuration has it: kind, action, patterns …" value={definition} onChange={setDefinition} />
        </fieldset>
      </form>
      <section className="mt-6 flex flex-col gap-3">
        <LongField label="A text to try it on" rows={3} value={text} onChange={(event) => setText(event.target.value)} />
        <div>
          <Button busy={attempt.isPending} onClick={() => attempt.mutate()}>
            Try it
          </Button>
        </div>
        {attempt.data !== undefined && (
          <div role="status" className="flex flex-col gap-2">
            <div>{attempt.data.refused ? <Badge tone="bad">would be refused</Badge> : attempt.data.findings.length > 0 ? <Badge tone="warn">found something</Badge> : <Badge tone="good">nothing found</Badge>}</div>
            <pre className="rounded-md border border-line bg-canvas p-3 font-mono text-xs whitespace-pre-wrap">{attempt.data.text}</pre>
          </div>
        )}
      </section>
      {(save.error ?? remove.error ?? attempt.error) !== null && <Trouble error={save.error ?? remove.error ?? attempt.error} />}
    </Sheet>
  );
}
