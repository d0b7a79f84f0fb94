import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { Trouble } from "~/components/Trouble";

/** Change one's password: other sessions end. */
export function Password() {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    mutationFn: () => taken(api.PUT("/api/v1/password", { body: { old, new: fresh } })),
    onSuccess: () => {
      setOld("");
      setFresh("");
    },
  });
  return (
    <Card title="Your password">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <TextField label="The one you have" type="password" autoComplete="current-password" required value={old} onChange={(event) => setOld(event.target.value)} />
        <TextField label="The new one" type="password" autoComplete="new-password" required minLength={12} value={fresh} hint="Your other sessions end, and your tokens are deleted." onChange={(event) => setFresh(event.target.value)} />
        <div className="flex items-center gap-3">
          <Button type="submit" busy={change.isPending}>
            Change it
          </Button>
          <span role="status" className="text-good">
            {change.isSuccess ? "Changed" : ""}
          </span>
        </div>
      </form>
      {change.error !== null && <Trouble error={change.error} />}
    </Card>
  );
}
