import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { ConfirmButton } from "~/components/ConfirmButton";
import { SelectField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { type Role, useOrg } from "~/session";
import { ROLES } from "./Invite";
import type { Member } from "./Members";

/** A member: which role, and whether at all. */
export function MemberSheet({ shown, onClose }: { shown: Member; onClose: () => void }) {
  const org = useOrg();
  const [role, setRole] = useState<Role>(shown.role);
  const where = { params: { path: { org, account: shown.account } } };
  const save = useChange(
    ["members"],
    (over: boolean) => api.PUT("/api/v1/organisations/{org}/members/{account}", { ...where, body: { role, version: over ? null : shown.version } }),
    { told: `${shown.name} is ${role} now`, onDone: onClose },
  );
  const remove = useChange(["members"], () => api.DELETE("/api/v1/organisations/{org}/members/{account}", where), { told: `${shown.name} is removed`, onDone: onClose });
  return (
    <FormSheet
      title={shown.name}
      onClose={onClose}
      save={save}
      actions={
        <ConfirmButton kind="danger" label="Remove" title={`Remove ${shown.name}?`} verb="Remove" onYes={remove.mutateAsync}>
          They see nothing of this organisation any more. What they have asked stays in the records.
        </ConfirmButton>
      }
    >
      <p className="text-muted">{shown.email}</p>
      <SelectField label="Role" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as Role)} />
    </FormSheet>
  );
}
