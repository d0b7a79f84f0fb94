import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { SwitchField } from "~/components/SwitchField";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";

/** Where a request would go. Nobody is asked. */
export function Explain() {
  const org = useOrg();
  const [model, setModel] = useState("demo/echo");
  const [image, setImage] = useState(false);
  const [tokens, setTokens] = useState("");
  const explain = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/routes/explain", { params: { path: { org } }, body: { model, image, tokens: Number(tokens || 0) } })),
  });
  return (
    <Card title="Where would a request go?" className="self-start">
      <Form onSubmit={() => explain.mutate()}>
        <TextField label="Model" required value={model} onChange={(event) => setModel(event.target.value)} />
        <TextField label="Tokens of its prompt" type="number" min={0} value={tokens} onChange={(event) => setTokens(event.target.value)} />
        <SwitchField label="With an image" checked={image} onChange={setImage} />
        <Button type="submit" busy={explain.isPending}>
          Explain
        </Button>
      </Form>
      <Trouble error={explain.error} />
      {explain.data !== undefined && (
        <div role="status" className="mt-4 flex flex-col gap-3">
          <ul className="list-disc pl-4 text-muted">
            {explain.data.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ul>
          <ol className="flex flex-col gap-1">
            {explain.data.deployments.map(({ ref, weight }, index) => (
              <li key={`${ref}-${index}`} className="rounded-md border border-line px-2 py-1">
                {index + 1}. <span className="font-medium">{ref}</span>
                {weight != null && <span className="text-muted"> share {weight}</span>}
              </li>
            ))}
          </ol>
          {explain.data.shadow != null && <p className="text-muted">A copy goes to {explain.data.shadow}.</p>}
        </div>
      )}
    </Card>
  );
}
