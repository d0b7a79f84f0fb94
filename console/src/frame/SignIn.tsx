import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { askAnew } from "~/api/anew";
import { api, Failure, type Refusal, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Alone } from "./Alone";
import { Elsewhere } from "./Elsewhere";

/** Whoever has not signed in is asked to. Where the gateway waits to be set up, it says how. */
export function SignIn({ told }: { told: Refusal }) {
  if (told.message.includes("not set up"))
    return (
      <Alone>
        <h1 className="text-lg font-semibold">This gateway waits to be set up</h1>
        <p className="mt-2 text-muted">{told.hint}</p>
      </Alone>
    );
  return (
    <Alone>
      <h1 className="mb-4 text-lg font-semibold">Sign in to Dragoman</h1>
      <SignInForm />
    </Alone>
  );
}

/** Sign in with a password, or elsewhere. */
export function SignInForm() {
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/session", { body: { email, password } })),
    onSuccess: () => askAnew(queries),
  });
  return (
    <>
      <Form onSubmit={() => signIn.mutate()}>
        <TextField label="E-mail" type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          error={signIn.error instanceof Failure ? signIn.error.message : undefined}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button kind="primary" type="submit" busy={signIn.isPending}>
          Sign in
        </Button>
      </Form>
      <Elsewhere />
    </>
  );
}
