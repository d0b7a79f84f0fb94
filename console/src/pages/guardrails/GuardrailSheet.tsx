import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { ConfirmButton } from "~/components/ConfirmButton";
import { LongField, NAME, SelectField, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { JsonField } from "~/components/JsonField";
import { Problem } from "~/components/Problem";
import { SwitchField } from "~/components/SwitchField";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";
import type { Guardrail } from "./Guardrails";

/** A guardrail: what it looks for, and a text to try it on. */
export function GuardrailSheet({ shown, onClose }: { shown?: Guardrail; onClose: () => void }) {
  const org = useOrg();
  const editable = useMay("admin") && !shown?.read_only;
  const [name, setName] = useState(shown?.name ?? "");
  const [mode, setMode] = useState(shown?.mode ?? "shadow");
  const [position, setPosition] = useState(String(shown?.position ?? 0));
  const [enabled, setEnabled] = useState(shown?.enabled ?? true);
  const [definition, setDefinition] = useState<Record<string, unknown>>(shown?.definition ?? { kind: "secrets" });
  const written = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("My key is sk-proj-0123456789abcdefghij0123456789, and my mail jo@example.com");
  const where = { params: { path: { org, name } } };
  const save = useChange(
    ["guardrails"],
    (over: boolean) =>
      api.PUT("/api/v1/organisations/{org}/guardrails/{name}", {
        ...where,
        body: { definition, mode, enabled, position: Number(position), version: over ? null : (shown?.version ?? 0) },
      }),
    { fields: ["name"], isNew: shown === undefined, told: `The guardrail ${name} is saved`, onDone: onClose },
  );
  const remove = useChange(["guardrails"], () => api.DELETE("/api/v1/organisations/{org}/guardrails/{name}", where), { told: `The guardrail ${name} is deleted`, onDone: onClose });
  const attempt = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/guardrails/try", { params: { path: { org } }, body: { definition, text } })),
  });
  return (
    <FormSheet
      title={shown?.name ?? "New guardrail"}
      onClose={onClose}
      save={save}
      editable={editable}
      actions={
        shown !== undefined && (
          <ConfirmButton kind="danger" label="Delete" title={`Delete the guardrail ${name}?`} verb="Delete it" onYes={remove.mutateAsync}>
            What it has looked for passes from then on.
          </ConfirmButton>
        )
      }
      below={
        <section className="mt-2 flex flex-col gap-3">
          <LongField label="A text to try it on" rows={3} value={text} onChange={(event) => setText(event.target.value)} />
          <div>
            <Button busy={attempt.isPending} onClick={() => (written.current?.reportValidity() ? attempt.mutate() : attempt.reset())}>
              Try it
            </Button>
          </div>
          {attempt.data !== undefined && (
            <div role="status" className="flex flex-col gap-2">
              <div>{attempt.data.refused ? <Badge tone="bad">would be refused</Badge> : attempt.data.findings.length > 0 ? <Badge tone="warn">found something</Badge> : <Badge tone="good">nothing found</Badge>}</div>
              <pre className="rounded-md border border-line bg-canvas p-3 font-mono text-xs whitespace-pre-wrap">{attempt.data.text}</pre>
            </div>
          )}
          <Trouble error={attempt.error} />
        </section>
      }
    >
      <Problem text={shown?.problem} />
      <TextField label="Name" required {...NAME} disabled={shown !== undefined} value={name} hint={NAME.title} error={save.at("name")} onChange={(event) => setName(event.target.value)} />
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
      <SwitchField label="On" checked={enabled} onChange={setEnabled} />
      <JsonField ref={written} label="Definition" hint="As a table [[guardrails]] of the configuration has it: kind, action, patterns …" value={definition} onChange={setDefinition} />
    </FormSheet>
  );
}
