import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, Failure, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Code } from "~/components/Copy";
import { SelectField, TextField } from "~/components/Field";
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
        {found.data !== undefined && <Form key={found.data?.version ?? 0} found={found.data} />}
      </Shown>
    </Card>
  );
}

function Form({ found }: { found: Found }) {
  const queries = useQueryClient();
  const organisations = useOrganisations().data?.items ?? [];
  const [title, setTitle] = useState(found?.title ?? "");
  const [issuer, setIssuer] = useState(found?.issuer ?? "");
  const [client, setClient] = useState(found?.client_id ?? "");
  const [secret, setSecret] = useState("");
  const [domains, setDomains] = useState<string[]>(found?.domains ?? []);
  const [organisation, setOrganisation] = useState(found?.organisation ?? "");
  const [role, setRole] = useState(found?.role ?? "member");
  const renew = () => queries.invalidateQueries({ queryKey: ["oidc"] });
  const save = useMutation({
    mutationFn: () =>
      taken(
        api.PUT("/api/v1/oidc/settings", {
          body: {
            title: title || "Single sign-on",
            issuer,
            client_id: client,
            ...(secret === "" ? {} : { client_secret: secret }),
            domains,
            organisation: organisation || null,
            role,
            ...(found === null ? {} : { scopes: found.scopes, trust_email: found.trust_email, version: found.version }),
          },
        }),
      ),
    onSuccess: renew,
  });
  const remove = useMutation({ mutationFn: () => taken(api.DELETE("/api/v1/oidc/settings")), onSuccess: renew });
  const error = save.error ?? remove.error;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      {found !== null && (
        <div>
          <p className="mb-1 text-muted">Give this address to the provider as the redirect URI:</p>
          <Code text={found.redirect_uri} label="Copy the redirect URI" />
        </div>
      )}
      <TextField label="What the button says" value={title} placeholder="Acme accounts" onChange={(event) => setTitle(event.target.value)} />
      <TextField label="Issuer" required type="url" value={issuer} placeholder="https://accounts.example.com" onChange={(event) => setIssuer(event.target.value)} />
      <TextField label="Client id" required value={client} onChange={(event) => setClient(event.target.value)} />
      <TextField label="Client secret" type="password" value={secret} placeholder={found?.has_secret ? "stays, unless another is entered" : ""} onChange={(event) => setSecret(event.target.value)} />
      <TagsField label="Domains of e-mail addresses" value={domains} placeholder="example.com" hint="Empty: every one." onChange={setDomains} />
      <SelectField label="Who is new joins" value={organisation} choices={[{ value: "", name: "nothing: they are invited" }, ...organisations.map(({ name, title: told }) => ({ value: name, name: told }))]} onChange={(event) => setOrganisation(event.target.value)} />
      {organisation !== "" && <SelectField label="as" value={role} choices={ROLES} onChange={(event) => setRole(event.target.value as typeof role)} />}
      <div className="flex gap-2">
        <Button type="submit" busy={save.isPending}>
          Save
        </Button>
        {found !== null && (
          <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            Take it away
          </Button>
        )}
      </div>
      {error !== null && <Trouble error={error} />}
    </form>
  );
}
