import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { time } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Rows } from "~/components/Rows";
import { Shown } from "~/components/Shown";
import { Trouble } from "~/components/Trouble";
import { useMe, useOrganisations } from "~/session";

/** The organisations that one belongs to; operators see all, and make new ones. */
export default function Organisations() {
  const operator = useMe().data?.operator === true;
  const every = useOrganisations();
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const [opened, setOpened] = useState("");
  const names = opened.split(",").map((word) => word.trim()).filter(Boolean);
  const add = useChange(["organisations"], () => api.POST("/api/v1/organisations", { body: { name, title: title || null, quotas: { operator_providers: names } } }), {
    fields: ["name", "title", "operator_providers"],
    isNew: true,
    told: `The organisation ${name} is there`,
    onDone: () => {
      setName("");
      setTitle("");
      setOpened("");
    },
  });
  const remove = useChange(["organisations"], (which: string) => api.DELETE("/api/v1/organisations/{org}", { params: { path: { org: which }, query: { confirm: which } } }));
  return (
    <>
      <PageHead title="Organisations">Each has its own providers, keys, members and budgets, and sees nothing of the others.</PageHead>
      <Card>
        <Shown of={every}>
          <Rows of={every.data?.items ?? []} keyOf={(one) => one.name}>
            {(one) => (
              <>
                <Link to="/" search={(view) => ({ ...view, org: one.name })} className="min-w-0 flex-1 truncate font-medium hover:underline">
                  {one.title} <code className="text-xs text-muted">{one.name}</code>
                </Link>
                {one.role != null && <Badge tone="accent">{one.role}</Badge>}
                <span className="text-muted">{one.created_at === 0 ? "from the start" : time(one.created_at)}</span>
                {one.role === "owner" && one.name !== "default" && (
                  <ConfirmButton label="Delete" title={`Delete ${one.name}?`} type={one.name} verb="Delete it" onYes={() => remove.mutateAsync(one.name)}>
                    Its providers, keys, members and limits are gone with it, at once and for good.
                  </ConfirmButton>
                )}
              </>
            )}
          </Rows>
        </Shown>
        {operator && (
          <Form inline onSubmit={() => add.mutate()}>
            <TextField label="Name" required placeholder="acme" value={name} error={add.at("name")} onChange={(event) => setName(event.target.value)} />
            <TextField label="Title" placeholder="Acme Inc." value={title} error={add.at("title")} onChange={(event) => setTitle(event.target.value)} />
            <TextField label="May use of the gateway's providers" placeholder="none; openai, groq; * for all" value={opened} error={add.at("operator_providers")} onChange={(event) => setOpened(event.target.value)} />
            <Button kind="primary" type="submit" busy={add.isPending} className="h-9">
              Make an organisation
            </Button>
          </Form>
        )}
        <Trouble error={add.trouble} />
      </Card>
    </>
  );
}
