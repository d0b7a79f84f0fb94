import { useState } from "react";
import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { Code } from "~/components/Copy";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { ago } from "~/components/numbers";
import { Rows } from "~/components/Rows";
import { Trouble } from "~/components/Trouble";

/** Tokens by which one's programs use the API of the control plane. */
export function Tokens() {
  const [name, setName] = useState("");
  const found = useList(["tokens"], () => taken(api.GET("/api/v1/tokens")));
  const make = useChange(["tokens"], () => api.POST("/api/v1/tokens", { body: { name } }), { fields: ["name"], onDone: () => setName("") });
  const remove = useChange(["tokens"], (which: string) => api.DELETE("/api/v1/tokens/{name}", { params: { path: { name: which } } }));
  return (
    <Card title="Your tokens for the API">
      <p className="mb-2 text-muted">With one, a program may do under /api/v1 what you may. Gateway keys do not open it.</p>
      <Rows of={found.rows} keyOf={({ name: called }) => called}>
        {({ name: called, prefix, used_at }) => (
          <>
            <span className="min-w-0 flex-1 truncate font-medium">{called}</span>
            <code className="text-xs">{prefix}</code>
            <span className="text-muted">{ago(used_at)}</span>
            <ConfirmButton label="Delete" title={`Delete the token ${called}?`} verb="Delete it" onYes={() => remove.mutateAsync(called)}>
              Programs that use it are refused at once.
            </ConfirmButton>
          </>
        )}
      </Rows>
      <Form inline onSubmit={() => make.mutate()}>
        <TextField label="Name" required value={name} error={make.at("name")} placeholder="deploy script" onChange={(event) => setName(event.target.value)} />
        <Button type="submit" busy={make.isPending} className="h-9">
          Make a token
        </Button>
      </Form>
      {make.data !== undefined && (
        <div className="mt-3">
          <p className="mb-1">This is the only time that it can be seen.</p>
          <Code text={make.data.token} label="Copy the token" />
        </div>
      )}
      <Trouble error={make.trouble} />
    </Card>
  );
}
