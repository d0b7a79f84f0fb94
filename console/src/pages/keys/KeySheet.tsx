import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Confirm } from "~/components/Confirm";
import { TextField } from "~/components/Field";
import { ago, time } from "~/components/numbers";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";
import { type Key, State } from "./Keys";
import { KeyText } from "./KeyText";
import { RuleFields } from "./RuleFields";

const DAY = 86_400;

/** A key: its rules, its rotation, its end. */
export function KeySheet({ shown, onClose }: { shown: Key; onClose: () => void }) {
  const org = useOrg();
  const queries = useQueryClient();
  const [name, setName] = useState(shown.name);
  const [rules, setRules] = useState(shown.rules);
  const [asking, setAsking] = useState(false);
  const where = { path: { org, key_id: shown.id } };
  const again = { onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }) };
  const save = useMutation({
    mutationFn: () => taken(api.PATCH("/api/v1/organisations/{org}/keys/{key_id}", { params: where, body: { name, rules, version: shown.version } })),
    onSuccess: async () => {
      await again.onSuccess();
      onClose();
    },
  });
  const rotate = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/keys/{key_id}/rotate", { params: where, body: { overlap_s: DAY, version: shown.version } })),
    ...again,
  });
  const revoke = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/keys/{key_id}", { params: where })),
    onSuccess: async () => {
      await again.onSuccess();
      onClose();
    },
  });
  if (rotate.data !== undefined)
    return (
      <Sheet title={`Key ${shown.name}`} onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <p className="mb-4 text-muted">The old text opens until tomorrow at this time.</p>
        <KeyText text={rotate.data.key} />
      </Sheet>
    );
  const over = shown.revoked_at != null;
  return (
    <Sheet
      title={`Key ${shown.name}`}
      onClose={onClose}
      footer={
        !over && (
          <>
            <Button kind="danger" onClick={() => setAsking(true)}>
              Revoke
            </Button>
            <Button busy={rotate.isPending} onClick={() => rotate.mutate()}>
              Rotate
            </Button>
            <span className="flex-1" />
            <Button kind="primary" busy={save.isPending} onClick={() => save.mutate()}>
              Save
            </Button>
          </>
        )
      }
    >
      <dl className="mb-4 grid grid-cols-[8rem_1fr] gap-y-1.5">
        <dt className="text-muted">State</dt>
        <dd>
          <State of={shown} />
        </dd>
        <dt className="text-muted">Key</dt>
        <dd>
          <code className="text-xs">{shown.prefix}</code>
        </dd>
        <dt className="text-muted">Last used</dt>
        <dd>{ago(shown.used_at)}</dd>
        <dt className="text-muted">Made</dt>
        <dd>
          {time(shown.created_at)} {shown.created_by != null && `by ${shown.created_by}`}
        </dd>
        <dt className="text-muted">Valid until</dt>
        <dd>{shown.expires_at == null ? "it is revoked" : time(shown.expires_at)}</dd>
      </dl>
      <div className="flex flex-col gap-4">
        <TextField label="Name" value={name} disabled={over} onChange={(event) => setName(event.target.value)} />
        <RuleFields value={rules} onChange={setRules} />
        {(save.error ?? rotate.error) !== null && <Trouble error={save.error ?? rotate.error} />}
      </div>
      {asking && (
        <Confirm title={`Revoke ${shown.name}?`} verb="Revoke it" busy={revoke.isPending} error={revoke.error} onClose={() => setAsking(false)} onYes={() => revoke.mutate()}>
          Programs that use it are refused within a second, and it cannot be given back.
        </Confirm>
      )}
    </Sheet>
  );
}
