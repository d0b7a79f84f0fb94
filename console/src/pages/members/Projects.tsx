import { useState } from "react";
import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { NAME, TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Rows } from "~/components/Rows";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";

/** Projects: what keys, limits and costs can be put down to. */
export function Projects() {
  const org = useOrg();
  const admin = useMay("admin");
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const found = useList(["projects", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/projects", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const add = useChange(["projects"], () => api.PUT("/api/v1/organisations/{org}/projects/{name}", { params: { path: { org, name } }, body: { title: title || name, version: 0 } }), {
    isNew: true,
    fields: ["name"],
    told: `The project ${name} is there`,
    onDone: () => {
      setName("");
      setTitle("");
    },
  });
  const remove = useChange(["projects"], (which: string) => api.DELETE("/api/v1/organisations/{org}/projects/{name}", { params: { path: { org, name: which } } }));
  return (
    <Card title="Projects">
      {found.rows.length === 0 && <p className="text-muted">None yet. With a project, keys, budgets and costs can be told apart by what they are for.</p>}
      <Rows of={found.rows} keyOf={(project) => project.name}>
        {(project) => (
          <>
            <span className="min-w-0 flex-1 truncate">
              <span className="font-medium">{project.title}</span> <code className="text-xs text-muted">{project.name}</code>
            </span>
            {admin && (
              <ConfirmButton label="Delete" title={`Delete the project ${project.title}?`} verb="Delete it" onYes={() => remove.mutateAsync(project.name)}>
                What was put down to it stays in the records.
              </ConfirmButton>
            )}
          </>
        )}
      </Rows>
      {admin && (
        <Form inline onSubmit={() => add.mutate()}>
          <TextField label="Name" required {...NAME} value={name} error={add.at("name")} placeholder="web" onChange={(event) => setName(event.target.value)} />
          <TextField label="Title" value={title} placeholder="The web site" onChange={(event) => setTitle(event.target.value)} />
          <Button type="submit" busy={add.isPending} className="h-9">
            Add a project
          </Button>
        </Form>
      )}
      <Trouble error={add.trouble} />
    </Card>
  );
}
