import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { askAnew } from "~/api/anew";
import { api, taken } from "~/api/client";
import { Alone } from "~/frame/Alone";
import { SignInForm } from "~/frame/SignIn";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Shown } from "~/components/Shown";
import { Trouble } from "~/components/Trouble";
import { useMe } from "~/session";

const TOKEN = "invitation";

/** Read what stands behind the `#`, and keep it in this tab: whoever signs in elsewhere comes back without it. */
function readToken(): string {
  const token = location.hash.slice(1);
  if (token !== "") sessionStorage.setItem(TOKEN, token);
  return token || (sessionStorage.getItem(TOKEN) ?? "");
}

/** Somebody was invited: who has an account accepts, others make one. */
export default function Invitation() {
  const [token] = useState(readToken);
  const me = useMe();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [known, setKnown] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const seen = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => taken(api.POST("/api/v1/invitations/look", { body: { token } })),
    retry: false,
  });
  const enter = async () => {
    sessionStorage.removeItem(TOKEN);
    await askAnew(queries);
    await navigate({ to: "/", replace: true });
  };
  const accept = useMutation({ mutationFn: () => taken(api.POST("/api/v1/invitations/accept", { body: { token } })), onSuccess: enter });
  const register = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/invitations/register", { body: { token, email: seen.data?.email ?? email, password } })),
    onSuccess: enter,
  });
  const trouble = accept.error ?? register.error;
  return (
    <Alone>
      <Shown of={seen} rows={3}>
        <h1 className="text-lg font-semibold">You are invited to {seen.data?.organisation}</h1>
        <p className="mt-1 mb-4 text-muted">As {seen.data?.role}.</p>
        {me.data?.account != null ? (
          <Button kind="primary" busy={accept.isPending} onClick={() => accept.mutate()}>
            Join as {me.data.name}
          </Button>
        ) : known ? (
          <SignInForm />
        ) : (
          <Form onSubmit={() => register.mutate()}>
            <TextField label="E-mail" type="email" autoComplete="username" required disabled={seen.data?.email != null} value={seen.data?.email ?? email} onChange={(event) => setEmail(event.target.value)} />
            <TextField label="Password" type="password" autoComplete="new-password" required minLength={12} hint="Twelve characters at least." value={password} onChange={(event) => setPassword(event.target.value)} />
            <Button kind="primary" type="submit" busy={register.isPending}>
              Join
            </Button>
          </Form>
        )}
        <Trouble error={trouble} />
        {me.data?.account == null && (
          <Button
            className="mt-4"
            onClick={() => {
              setKnown(!known);
              register.reset();
            }}
          >
            {known ? "I have no account yet" : "I have an account: sign in"}
          </Button>
        )}
      </Shown>
    </Alone>
  );
}
