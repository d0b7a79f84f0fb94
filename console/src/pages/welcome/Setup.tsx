import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { askAnew } from "~/api/anew";
import { api, taken } from "~/api/client";
import { Alone } from "~/frame/Alone";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Trouble } from "~/components/Trouble";

/** The operator's first page: the link that the gateway printed leads here, once. */
export default function Setup() {
  const token = location.hash.slice(1);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const setUp = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/setup", { body: { token, email, password } })),
    onSuccess: async () => {
      await askAnew(queries);
      await navigate({ to: "/first", replace: true });
    },
  });
  return (
    <Alone>
      <h1 className="text-lg font-semibold">Set up this gateway</h1>
      <p className="mt-1 mb-4 text-muted">You become its operator: whoever runs it, and may do everything. The link works once.</p>
      <Form onSubmit={() => setUp.mutate()}>
        <TextField label="E-mail" type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        <TextField label="Password" type="password" autoComplete="new-password" required minLength={12} hint="Twelve characters at least." value={password} onChange={(event) => setPassword(event.target.value)} />
        <Trouble error={setUp.error} />
        <Button kind="primary" type="submit" busy={setUp.isPending}>
          Go on
        </Button>
      </Form>
    </Alone>
  );
}
