import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";

/** Projects: what keys, limits and costs can be put down to. */
export function Projects() {
  const org = useOrg();
  const admin = useMay("admin");
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const found = useList(["projects", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/projects", { params: { path: { org }, query: { limit: 100, cursor: cursor ?? null } } })),
  );
  const renew = () => queries.invalidateQueries({ queryKey: ["projects"] });
  const add = useMutation({
    mutationFn: () => taken(api.PUT("/api/v1/organisations/{org}/projects/{name}", { params: { path: { org, name } }, body: { title: title || name } })),
    onSuccess: async () => {
      setName("");
      setTitle("");
      await renew();
    },
  });
  const remove = useMutation({
    mutationFn: (which: string) => taken(api.DELETE("/api/v1/organisations/{org}/projects/{name}", { params: { path: { org, name: which } } })),
    onSuccess: renew,
  });
  const trouble = add.error ?? remove.error;
  return (
    <Card title="Projects">
      {found.rows.length === 0 && <p className="text-muted">None yet. With a project, keys, budgets and costs can be told apart by what they are for.</p>}
      <ul className="divide-y divide-line">
        {found.rows.map((project) => (
          <li key={project.name} className="flex items-center gap-3 py-2">
            <span className="flex-1 truncate">
              <span className="font-medium">{project.title}</span> <code className="text-xs text-muted">{project.name}</code>
            </span>
            {admin && (
              <Button busy={remove.isPending && remove.variables === project.name} onClick={() => remove.mutate(project.name)}>
                Delete
              </Button>
            )}
          </li>
        ))}
      </ul>
      {admin && (
        <form
          className="mt-4 flex flex-wrap items-end gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            add.mutate();
          }}
        >
          <TextField label="Name" required value={name} placeholder="web" onChange={(event) => setName(event.target.value)} />
          <TextField label="Title" value={title} placeholder="The web site" onChange={(event) => setTitle(event.target.value)} />
          <Button type="submit" busy={add.isPending}>
            Add a project
          </Button>
        </form>
      )}
      {trouble !== null && <Trouble error={trouble} />}
    </Card>
  );
}
