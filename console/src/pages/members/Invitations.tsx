import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { time } from "~/components/numbers";
import { Rows } from "~/components/Rows";
import { useOrg } from "~/session";

/** The links that nobody has followed yet. */
export function Invitations() {
  const org = useOrg();
  const found = useList(["invitations", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/invitations", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const withdraw = useChange(["invitations"], (invitation: string) => api.DELETE("/api/v1/organisations/{org}/invitations/{invitation}", { params: { path: { org, invitation } } }));
  if (found.rows.length === 0) return null;
  return (
    <Card title="Open invitations">
      <Rows of={found.rows} keyOf={({ id }) => id}>
        {({ id, email, role, expires_at }) => (
          <>
            <span className="min-w-40 flex-1 truncate">{email ?? "whoever has the link"}</span>
            <Badge tone="accent">{role}</Badge>
            <span className="text-muted">until {time(expires_at)}</span>
            <ConfirmButton label="Withdraw" title="Withdraw the invitation?" verb="Withdraw it" onYes={() => withdraw.mutateAsync(id)}>
              The link of {email ?? "whoever has it"} leads nowhere from then on.
            </ConfirmButton>
          </>
        )}
      </Rows>
    </Card>
  );
}
