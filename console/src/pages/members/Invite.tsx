import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { Code } from "~/components/Copy";
import { SelectField, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { Sheet } from "~/components/Sheet";
import { type Role, useOrg } from "~/session";

export const ROLES: readonly { value: Role; name: string }[] = [
  { value: "viewer", name: "viewer: looks" },
  { value: "member", name: "member: has keys of their own" },
  { value: "admin", name: "admin: sets things up" },
  { value: "owner", name: "owner: everything, also who is an owner" },
];

/** Invite somebody by a link. No mail is sent: whoever invites hands it on. */
export function Invite({ onClose }: { onClose: () => void }) {
  const org = useOrg();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useChange(["invitations"], () => api.POST("/api/v1/organisations/{org}/invitations", { params: { path: { org } }, body: { role, email: email || null } }), { fields: ["email"] });
  if (invite.data !== undefined)
    return (
      <Sheet title="Invite somebody" onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <p className="mb-3">Send this link. It works once, and is shown this once.</p>
        <Code text={invite.data.link} label="Copy the link" />
      </Sheet>
    );
  return (
    <FormSheet title="Invite somebody" onClose={onClose} save={invite} verb="Make the link">
      <TextField label="E-mail" type="email" value={email} error={invite.at("email")} hint="Empty: whoever has the link." onChange={(event) => setEmail(event.target.value)} />
      <SelectField label="Role" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as Role)} />
    </FormSheet>
  );
}
