import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { ago } from "~/components/numbers";
import { Rows } from "~/components/Rows";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";

/** Tokens of the organisation's own for built-in providers. */
export function Credentials() {
  const org = useOrg();
  const admin = useMay("admin");
  const [provider, setProvider] = useState("");
  const [token, setToken] = useState("");
  const found = useList(["credentials", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/credentials", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const known = useQuery({
    queryKey: ["built-in", org],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/built-in-providers", { params: { path: { org }, query: { limit: 200 } } })),
  });
  const enabled = known.data?.items ?? [];
  const add = useChange(["credentials"], () => api.PUT("/api/v1/organisations/{org}/credentials/{provider}", { params: { path: { org, provider } }, body: { token } }), {
    fields: ["provider", "token"],
    told: `The token for ${provider} is kept`,
    onDone: () => {
      setProvider("");
      setToken("");
    },
  });
  const remove = useChange(["credentials"], (name: string) => api.DELETE("/api/v1/organisations/{org}/credentials/{provider}", { params: { path: { org, provider: name } } }));
  return (
    <Card title="Tokens for built-in providers">
      {found.rows.length === 0 && (
        <p className="text-muted">
          {known.data !== undefined && enabled.length === 0
            ? "No built-in provider is enabled for this organisation. Ask an operator of this gateway to enable one in the organisation's settings, or add a provider of your own."
            : "None. With a token of your own, a built-in provider is asked with it in this organisation."}
        </p>
      )}
      <Rows of={found.rows} keyOf={({ provider: name }) => name}>
        {({ provider: name, token: kept, updated_at }) => (
          <>
            <span className="w-40 truncate font-medium">{name}</span>
            <code className="text-xs">{kept?.readable ? `•••${kept.last_four}` : "unreadable: enter it again"}</code>
            <span className="flex-1 text-muted">{ago(updated_at)}</span>
            {admin && (
              <ConfirmButton label="Forget" title={`Forget the token for ${name}?`} verb="Forget it" onYes={() => remove.mutateAsync(name)}>
                Nobody reads it back. {name} is asked with the gateway's own token then, if it has one.
              </ConfirmButton>
            )}
          </>
        )}
      </Rows>
      {admin && enabled.length > 0 && (
        <Form inline onSubmit={() => add.mutate()}>
          <TextField label="Provider" required placeholder={enabled[0]?.name} value={provider} error={add.at("provider")} onChange={(event) => setProvider(event.target.value)} />
          <TextField label="Token" type="password" required value={token} error={add.at("token")} onChange={(event) => setToken(event.target.value)} />
          <Button type="submit" busy={add.isPending} className="h-9">
            Keep it
          </Button>
        </Form>
      )}
      <Trouble error={add.trouble} />
    </Card>
  );
}
