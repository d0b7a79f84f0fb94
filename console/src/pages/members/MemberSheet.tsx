import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Confirm } from "~/components/Confirm";
import { SelectField } from "~/components/Field";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
import { type Role, useOrg } from "~/session";
import { ROLES } from "./Invite";
import type { Member } from "./Members";

/** A member: which role, and whether at all. */
export function MemberSheet({ shown, onClose }: { shown: Member; onClose: () => void }) {
  const org = useOrg();
  const queries = useQueryClient();
  const [role, setRole] = useState<Role>(shown.role);
  const [asking, setAsking] = useState(false);
  const where = { path: { org, account: shown.account } };
  const done = async () => {
    await queries.invalidateQueries({ queryKey: ["members"] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () => taken(api.PUT("/api/v1/organisations/{org}/members/{account}", { params: where, body: { role, version: shown.version } })),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/members/{account}", { params: where })),
    onSuccess: done,
  });
  return (
    <Sheet
      title={shown.name}
      onClose={onClose}
      footer={
        <>
          <Button kind="danger" onClick={() => setAsking(true)}>
            Remove
          </Button>
          <span className="flex-1" />
          <Button kind="primary" busy={save.isPending} disabled={save.isPending || role === shown.role} onClick={() => save.mutate()}>
            Save
          </Button>
        </>
      }
    >
      <p className="mb-4 text-muted">{shown.email}</p>
      <SelectField label="Role" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as Role)} />
      {save.error !== null && <Trouble error={save.error} />}
      {asking && (
        <Confirm title={`Remove ${shown.name}?`} verb="Remove" busy={remove.isPending} error={remove.error} onClose={() => setAsking(false)} onYes={() => remove.mutate()}>
          They see nothing of this organisation any more. What they have asked stays in the records.
        </Confirm>
      )}
    </Sheet>
  );
}
