import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Trouble } from "~/components/Trouble";

/** Change one's password: other sessions end. */
export function Password() {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useChange(["tokens"], () => api.PUT("/api/v1/password", { body: { old, new: fresh } }), {
    fields: ["old", "new"],
    told: "Your password is changed",
    onDone: () => {
      setOld("");
      setFresh("");
    },
  });
  return (
    <Card title="Your password">
      <Form onSubmit={() => change.mutate()}>
        <TextField label="The one you have" type="password" autoComplete="current-password" required value={old} error={change.at("old")} onChange={(event) => setOld(event.target.value)} />
        <TextField label="The new one" type="password" autoComplete="new-password" required minLength={12} value={fresh} error={change.at("new")} hint="Your other sessions end, and your tokens are deleted." onChange={(event) => setFresh(event.target.value)} />
        <Trouble error={change.trouble} />
        <div>
          <Button type="submit" busy={change.isPending}>
            Change it
          </Button>
        </div>
      </Form>
    </Card>
  );
}
