import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Confirm } from "~/components/Confirm";
import { TextField } from "~/components/Field";
import { time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { Trouble } from "~/components/Trouble";
import { useMe, useOrganisations } from "~/session";

/** The organisations that one belongs to; operators see all, and make new ones. */
export default function Organisations() {
  const operator = useMe().data?.operator === true;
  const every = useOrganisations();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const [deleting, setDeleting] = useState<string | null>(null);
  const renew = () => queries.invalidateQueries({ queryKey: ["organisations"] });
  const add = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations", { body: { name, title: title || null } })),
    onSuccess: async () => {
      setName("");
      setTitle("");
      await renew();
    },
  });
  const remove = useMutation({
    mutationFn: (which: string) => taken(api.DELETE("/api/v1/organisations/{org}", { params: { path: { org: which }, query: { confirm: which } } })),
    onSuccess: async () => {
      setDeleting(null);
      await renew();
    },
  });
  return (
    <>
      <PageHead title="Organisations">Each has its own providers, keys, members and budgets, and sees nothing of the others.</PageHead>
      <Card>
        <Shown of={every}>
          <ul className="divide-y divide-line">
            {every.data?.items.map((one) => (
              <li key={one.name} className="flex items-center gap-3 py-2">
                <button type="button" className="flex-1 truncate text-left font-medium hover:underline" onClick={() => void navigate({ to: "/", search: (view: Record<string, unknown>) => ({ ...view, org: one.name }) })}>
                  {one.title} <code className="text-xs text-muted">{one.name}</code>
                </button>
                {one.role != null && <Badge tone="accent">{one.role}</Badge>}
                <span className="text-muted">{one.created_at === 0 ? "from the start" : time(one.created_at)}</span>
                {one.role === "owner" && one.name !== "default" && <Button onClick={() => setDeleting(one.name)}>Delete</Button>}
              </li>
            ))}
          </ul>
        </Shown>
        {operator && (
          <form
            className="mt-4 flex flex-wrap items-end gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              add.mutate();
            }}
          >
            <TextField label="Name" required placeholder="acme" value={name} onChange={(event) => setName(event.target.value)} />
            <TextField label="Title" placeholder="Acme Inc." value={title} onChange={(event) => setTitle(event.target.value)} />
            <Button kind="primary" type="submit" busy={add.isPending}>
              Make an organisation
            </Button>
          </form>
        )}
        {add.error !== null && <Trouble error={add.error} />}
      </Card>
      {deleting !== null && (
        <Confirm title={`Delete ${deleting}?`} type={deleting} verb="Delete it" busy={remove.isPending} error={remove.error} onClose={() => setDeleting(null)} onYes={() => remove.mutate(deleting)}>
          Its providers, keys, members and limits are gone with it, at once and for good.
        </Confirm>
      )}
    </>
  );
}
