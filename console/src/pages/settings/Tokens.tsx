import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Code } from "~/components/Copy";
import { TextField } from "~/components/Field";
import { ago } from "~/components/numbers";
import { Trouble } from "~/components/Trouble";

/** Tokens by which one's programs use the API of the control plane. */
export function Tokens() {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const found = useList(["tokens"], () => taken(api.GET("/api/v1/tokens")));
  const renew = () => queries.invalidateQueries({ queryKey: ["tokens"] });
  const make = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/tokens", { body: { name } })),
    onSuccess: async () => {
      setName("");
      await renew();
    },
  });
  const remove = useMutation({
    mutationFn: (which: string) => taken(api.DELETE("/api/v1/tokens/{name}", { params: { path: { name: which } } })),
    onSuccess: renew,
  });
  const error = make.error ?? remove.error;
  return (
    <Card title="Your tokens for the API">
      <p className="mb-2 text-muted">With one, a program may do under /api/v1 what you may. Gateway keys do not open it.</p>
      <ul className="divide-y divide-line">
        {found.rows.map(({ name: called, prefix, used_at }) => (
          <li key={called} className="flex items-center gap-3 py-2">
            <span className="flex-1 truncate font-medium">{called}</span>
            <code className="text-xs">{prefix}</code>
            <span className="text-muted">{ago(used_at)}</span>
            <Button busy={remove.isPending && remove.variables === called} onClick={() => remove.mutate(called)}>
              Delete
            </Button>
          </li>
        ))}
      </ul>
      <form
        className="mt-3 flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <TextField label="Name" required value={name} placeholder="deploy script" onChange={(event) => setName(event.target.value)} />
        <Button type="submit" busy={make.isPending}>
          Make a token
        </Button>
      </form>
      {make.data !== undefined && (
        <div className="mt-3">
          <p className="mb-1">This is the only time that it can be seen.</p>
          <Code text={make.data.token} label="Copy the token" />
        </div>
      )}
      {error !== null && <Trouble error={error} />}
    </Card>
  );
}
