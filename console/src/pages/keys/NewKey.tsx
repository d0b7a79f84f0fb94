import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, Failure, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";
import { RuleFields, type Rules } from "./RuleFields";
import { KeyText } from "./KeyText";

const DAY = 86_400;

/** Make a key; its text is shown this once. */
export function NewKey({ onClose }: { onClose: () => void }) {
  const org = useOrg();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const [rules, setRules] = useState<Rules>({ models: [], providers: [], endpoints: [], addresses: [] });
  const make = useMutation({
    mutationFn: () =>
      taken(
        api.POST("/api/v1/organisations/{org}/keys", {
          params: { path: { org } },
          body: { name, rules, expires_at: days === "" ? null : Date.now() / 1000 + Number(days) * DAY },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }),
  });
  const param = make.error instanceof Failure ? make.error.refusal.param : undefined;
  if (make.data !== undefined)
    return (
      <Sheet title={`Key ${make.data.name}`} onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <KeyText text={make.data.key} />
      </Sheet>
    );
  return (
    <Sheet
      title="New key"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="new-key" busy={make.isPending}>
            Make it
          </Button>
        </>
      }
    >
      <form
        id="new-key"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <TextField
          label="Name"
          required
          autoFocus
          value={name}
          hint="The program or person that uses it: logs and charts call it so."
          error={param === "name" ? make.error?.message : undefined}
          onChange={(event) => setName(event.target.value)}
        />
        <TextField label="Valid for (days)" type="number" min={1} value={days} hint="Empty: until it is revoked." onChange={(event) => setDays(event.target.value)} />
        <RuleFields value={rules} onChange={setRules} />
        {make.error !== null && param !== "name" && <Trouble error={make.error} />}
      </form>
    </Sheet>
  );
}
