import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Code } from "~/components/Copy";
import { SelectField, TextField } from "~/components/Field";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
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
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/invitations", { params: { path: { org } }, body: { role, email: email || null } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["invitations"] }),
  });
  return (
    <Sheet
      title="Invite somebody"
      onClose={onClose}
      footer={
        invite.data === undefined ? (
          <Button kind="primary" type="submit" form="invite" busy={invite.isPending}>
            Make the link
          </Button>
        ) : (
          <Button onClick={onClose}>Done</Button>
        )
      }
    >
      {invite.data !== undefined ? (
        <div className="flex flex-col gap-3">
          <p>Send this link. It works once, and is shown this once.</p>
          <Code text={invite.data.link} label="Copy the link" />
        </div>
      ) : (
        <form
          id="invite"
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            invite.mutate();
          }}
        >
          <TextField label="E-mail" type="email" value={email} hint="Empty: whoever has the link." onChange={(event) => setEmail(event.target.value)} />
          <SelectField label="Role" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as Role)} />
          {invite.error !== null && <Trouble error={invite.error} />}
        </form>
      )}
    </Sheet>
  );
}
