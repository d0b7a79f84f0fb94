import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { time } from "~/components/numbers";
import { useOrg } from "~/session";

/** The links that nobody has followed yet. */
export function Invitations() {
  const org = useOrg();
  const queries = useQueryClient();
  const found = useList(["invitations", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/invitations", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const withdraw = useMutation({
    mutationFn: (invitation: string) => taken(api.DELETE("/api/v1/organisations/{org}/invitations/{invitation}", { params: { path: { org, invitation } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["invitations"] }),
  });
  if (found.rows.length === 0) return null;
  return (
    <Card title="Open invitations">
      <ul className="divide-y divide-line">
        {found.rows.map(({ id, email, role, expires_at }) => (
          <li key={id} className="flex items-center gap-3 py-2">
            <span className="flex-1 truncate">{email ?? "whoever has the link"}</span>
            <Badge tone="accent">{role}</Badge>
            <span className="text-muted">until {time(expires_at)}</span>
            <Button busy={withdraw.isPending && withdraw.variables === id} onClick={() => withdraw.mutate(id)}>
              Withdraw
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
