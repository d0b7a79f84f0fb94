import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { ConfirmButton } from "~/components/ConfirmButton";
import { TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { ago, time } from "~/components/numbers";
import { Sheet } from "~/components/Sheet";
import { useOrg } from "~/session";
import type { Key } from "./Keys";
import { KeyText } from "./KeyText";
import { RuleFields } from "./RuleFields";
import { State } from "./State";

const DAY = 86_400;

/** A key: its rules, its rotation, its end. */
export function KeySheet({ shown, onClose }: { shown: Key; onClose: () => void }) {
  const org = useOrg();
  const [name, setName] = useState(shown.name);
  const [rules, setRules] = useState(shown.rules);
  const where = { params: { path: { org, key_id: shown.id } } };
  const save = useChange(
    ["keys"],
    (over: boolean) => api.PATCH("/api/v1/organisations/{org}/keys/{key_id}", { ...where, body: { name, rules, version: over ? null : shown.version } }),
    { fields: ["name"], told: `The key ${name} is saved`, onDone: onClose },
  );
  const rotate = useChange(["keys"], () => api.POST("/api/v1/organisations/{org}/keys/{key_id}/rotate", { ...where, body: { overlap_s: DAY, version: shown.version } }));
  const revoke = useChange(["keys"], () => api.DELETE("/api/v1/organisations/{org}/keys/{key_id}", where), { told: `The key ${shown.name} is revoked`, onDone: onClose });
  if (rotate.data !== undefined)
    return (
      <Sheet title={`Key ${shown.name}`} onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <p className="mb-4 text-muted">The old text opens until tomorrow at this time.</p>
        <KeyText text={rotate.data.key} />
      </Sheet>
    );
  const over = shown.revoked_at != null;
  return (
    <FormSheet
      title={`Key ${shown.name}`}
      onClose={onClose}
      save={save}
      editable={!over && !shown.read_only}
      actions={
        <>
          <ConfirmButton kind="danger" label="Revoke" title={`Revoke ${shown.name}?`} verb="Revoke it" onYes={revoke.mutateAsync}>
            Programs that use it are refused within a second, and it cannot be given back.
          </ConfirmButton>
          <ConfirmButton label="Rotate" title={`Rotate ${shown.name}?`} verb="Make the new text" onYes={rotate.mutateAsync}>
            It gets a new text, which is shown once. The old one opens for a day more.
          </ConfirmButton>
        </>
      }
    >
      <dl className="grid grid-cols-[8rem_1fr] gap-y-1.5">
        <dt className="text-muted">State</dt>
        <dd>
          <State of={shown} /> {shown.problem}
        </dd>
        {!shown.read_only && (
          <>
            <dt className="text-muted">Key</dt>
            <dd>
              <code className="text-xs">{shown.prefix}</code>
            </dd>
            <dt className="text-muted">Project</dt>
            <dd>{shown.project ?? "none"}</dd>
            <dt className="text-muted">Member</dt>
            <dd>{shown.member ?? "nobody's own"}</dd>
            <dt className="text-muted">Last used</dt>
            <dd>{ago(shown.used_at)}</dd>
            <dt className="text-muted">Made</dt>
            <dd>
              {time(shown.created_at)} {shown.created_by != null && `by ${shown.created_by}`}
            </dd>
            <dt className="text-muted">Valid until</dt>
            <dd>{over ? `it was revoked, ${time(shown.revoked_at)}` : shown.expires_at == null ? "it is revoked" : time(shown.expires_at)}</dd>
          </>
        )}
      </dl>
      {shown.read_only && <p className="text-muted">It is changed in the gateway&rsquo;s configuration, by whoever runs it.</p>}
      <TextField label="Name" value={name} error={save.at("name")} onChange={(event) => setName(event.target.value)} />
      <RuleFields value={rules} onChange={setRules} />
    </FormSheet>
  );
}
