import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { ago } from "~/components/numbers";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";

/** Tokens of the organisation's own for built-in providers. */
export function Credentials() {
  const org = useOrg();
  const admin = useMay("admin");
  const queries = useQueryClient();
  const [provider, setProvider] = useState("");
  const [token, setToken] = useState("");
  const found = useList(["credentials", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/credentials", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const renew = () => queries.invalidateQueries({ queryKey: ["credentials"] });
  const add = useMutation({
    mutationFn: () => taken(api.PUT("/api/v1/organisations/{org}/credentials/{provider}", { params: { path: { org, provider } }, body: { token } })),
    onSuccess: async () => {
      setProvider("");
      setToken("");
      await renew();
    },
  });
  const remove = useMutation({
    mutationFn: (name: string) => taken(api.DELETE("/api/v1/organisations/{org}/credentials/{provider}", { params: { path: { org, provider: name } } })),
    onSuccess: renew,
  });
  return (
    <Card title="Tokens for built-in providers">
      {found.rows.length === 0 && <p className="text-muted">None. With a token of your own, openai, anthropic, groq and the others are asked with it in this organisation.</p>}
      <ul className="divide-y divide-line">
        {found.rows.map(({ provider: name, token: kept, updated_at }) => (
          <li key={name} className="flex items-center gap-3 py-2">
            <span className="w-40 truncate font-medium">{name}</span>
            <code className="text-xs">{kept?.readable ? `•••${kept.last_four}` : "unreadable: enter it again"}</code>
            <span className="flex-1 text-muted">{ago(updated_at)}</span>
            {admin && (
              <Button busy={remove.isPending && remove.variables === name} onClick={() => remove.mutate(name)}>
                Forget
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
          <TextField label="Provider" required placeholder="openai" value={provider} onChange={(event) => setProvider(event.target.value)} />
          <TextField label="Token" type="password" required value={token} onChange={(event) => setToken(event.target.value)} />
          <Button type="submit" busy={add.isPending}>
            Keep it
          </Button>
        </form>
      )}
      {(add.error ?? remove.error) !== null && <Trouble error={add.error ?? remove.error} />}
    </Card>
  );
}
