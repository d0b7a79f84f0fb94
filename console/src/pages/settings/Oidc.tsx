import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useChange } from "~/api/change";
import { api, Failure, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { ConfirmButton } from "~/components/ConfirmButton";
import { Code } from "~/components/Copy";
import { SelectField, TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Meanwhile } from "~/components/Meanwhile";
import { Shown } from "~/components/Shown";
import { TagsField } from "~/components/TagsField";
import { Trouble } from "~/components/Trouble";
import { type Shapes, useOrganisations } from "~/session";
import { ROLES } from "../members/Invite";

type Found = Shapes["OidcSettingsShown"] | null;

/** Signing in elsewhere (OpenID Connect): only operators say where. */
export function Oidc() {
  const found = useQuery({
    queryKey: ["oidc"],
    queryFn: (): Promise<Found> =>
      taken(api.GET("/api/v1/oidc/settings")).catch((error: unknown) => {
        if (error instanceof Failure && error.status === 404) return null;
        throw error;
      }),
  });
  return (
    <Card title="Signing in elsewhere (OIDC)">
      <Shown of={found} rows={4}>
        {found.data !== undefined && <Fields key={found.data?.version ?? 0} found={found.data} />}
      </Shown>
    </Card>
  );
}

function Fields({ found }: { found: Found }) {
  const organisations = useOrganisations().data?.items ?? [];
  const [title, setTitle] = useState(found?.title ?? "");
  const [issuer, setIssuer] = useState(found?.issuer ?? "");
  const [client, setClient] = useState(found?.client_id ?? "");
  const [secret, setSecret] = useState("");
  const [domains, setDomains] = useState<string[]>(found?.domains ?? []);
  const [organisation, setOrganisation] = useState(found?.organisation ?? "");
  const [role, setRole] = useState(found?.role ?? "member");
  const save = useChange(
    ["oidc"],
    (over: boolean) =>
      api.PUT("/api/v1/oidc/settings", {
        body: {
          title: title || "Single sign-on",
          issuer,
          client_id: client,
          ...(secret === "" ? {} : { client_secret: secret }),
          domains,
          organisation: organisation || null,
          role,
          ...(found === null ? {} : { scopes: found.scopes, trust_email: found.trust_email }),
          version: over ? null : (found?.version ?? 0),
        },
      }),
    { fields: ["issuer", "client_id", "client_secret"], told: "Signing in elsewhere is set up" },
  );
  const remove = useChange(["oidc"], () => api.DELETE("/api/v1/oidc/settings"), { told: "Nobody signs in elsewhere any more" });
  return (
    <Form onSubmit={() => save.mutate(false)}>
      {found !== null && (
        <div>
          <p className="mb-1 text-muted">Give this address to the provider as the redirect URI:</p>
          <Code text={found.redirect_uri} label="Copy the redirect URI" />
        </div>
      )}
      <TextField label="What the button says" value={title} placeholder="Acme accounts" onChange={(event) => setTitle(event.target.value)} />
      <TextField label="Issuer" required type="url" value={issuer} error={save.at("issuer")} placeholder="https://accounts.example.com" onChange={(event) => setIssuer(event.target.value)} />
      <TextField label="Client id" required value={client} error={save.at("client_id")} onChange={(event) => setClient(event.target.value)} />
      <TextField label="Client secret" type="password" value={secret} error={save.at("client_secret")} placeholder={found?.has_secret ? "stays, unless another is entered" : ""} onChange={(event) => setSecret(event.target.value)} />
      <TagsField label="Domains of e-mail addresses" value={domains} placeholder="example.com" hint="Empty: every one." onChange={setDomains} />
      <SelectField label="Who is new joins" value={organisation} choices={[{ value: "", name: "nothing: they are invited" }, ...organisations.map(({ name, title: told }) => ({ value: name, name: told }))]} onChange={(event) => setOrganisation(event.target.value)} />
      {organisation !== "" && <SelectField label="as" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as typeof role)} />}
      <div className="flex gap-2">
        <Button type="submit" busy={save.isPending}>
          Save
        </Button>
        {found !== null && (
          <ConfirmButton kind="danger" label="Take it away" title="Sign in with a password alone?" verb="Take it away" onYes={remove.mutateAsync}>
            Who has only signed in elsewhere so far cannot sign in any more.
          </ConfirmButton>
        )}
      </div>
      <Meanwhile what="This" how={save.meanwhile} sealed busy={save.isPending} onOver={() => save.mutate(true)} />
      <Trouble error={save.trouble} />
    </Form>
  );
}
