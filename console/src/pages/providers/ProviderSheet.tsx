import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, Failure, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Confirm } from "~/components/Confirm";
import { SelectField, TextField } from "~/components/Field";
import { Meanwhile } from "~/components/Meanwhile";
import { Sheet } from "~/components/Sheet";
import { TagsField } from "~/components/TagsField";
import { Trouble } from "~/components/Trouble";
import { type Shapes, useMay, useOrg } from "~/session";
import { ModelsField, type ModelRow, modelsOf, rowsOf } from "./ModelsField";
import { Preview } from "./Preview";
import type { Provider } from "./Providers";
import { Steps, type Trial } from "./Steps";

type Body = Shapes["ProviderBody"];
type Settings = Record<string, unknown>;

export const LANGUAGES = [
  { value: "openai-completions", name: "OpenAI chat completions" },
  { value: "openai-responses", name: "OpenAI responses" },
  { value: "anthropic-messages", name: "Anthropic messages" },
];
const AUTHS = [
  { value: "", name: "as the language has it" },
  { value: "bearer", name: "Authorization: Bearer" },
  { value: "x-api-key", name: "x-api-key" },
  { value: "api-key", name: "api-key" },
  { value: "none", name: "none: no token is needed" },
];

interface Props {
  shown?: Provider;
  onClose: () => void;
  onDone?: (provider: Provider) => void;
}

/** A provider of the organisation's own, to make or to change; others are only shown. */
export function ProviderSheet({ shown: given, onClose, onDone }: Props) {
  const org = useOrg();
  // What was there when the form was opened: what comes in later must not pass for seen.
  const [shown, setShown] = useState(given);
  const editable = useMay("admin") && !shown?.read_only;
  const queries = useQueryClient();
  const said: Settings = shown?.settings ?? {};
  const [name, setName] = useState(shown?.name ?? "");
  const [url, setUrl] = useState(String(said.base_url ?? ""));
  const [api_, setApi] = useState(String(said.api ?? shown?.api ?? "openai-completions"));
  const [auth, setAuth] = useState(String(said.auth ?? ""));
  const [token, setToken] = useState("");
  const [privacy, setPrivacy] = useState<string[]>((said.privacy as string[] | undefined) ?? []);
  const [models, setModels] = useState<ModelRow[]>(rowsOf(said.models));
  const [deleting, setDeleting] = useState(false);

  const body = (version = shown?.version): Body => ({
    // What the form does not show stays as it was.
    ...(said as object),
    base_url: url,
    api: api_,
    ...(auth === "" ? { auth: undefined } : { auth }),
    ...(privacy.length === 0 ? { privacy: undefined } : { privacy }),
    ...(models.length === 0 ? { models: undefined } : { models: modelsOf(models, said.models) }),
    ...(token === "" ? {} : { token }),
    ...(version == null ? {} : { version }),
  }) as Body;
  const where = { params: { path: { org, name } } };
  const renew = () => queries.invalidateQueries({ queryKey: ["providers"] });
  const save = useMutation({
    mutationFn: async (over: boolean) => {
      const there = over ? await taken(api.GET("/api/v1/organisations/{org}/providers/{name}", where)) : shown;
      return taken(api.PUT("/api/v1/organisations/{org}/providers/{name}", { ...where, body: body(there?.version ?? 0) }));
    },
    onSuccess: async (made) => {
      setShown(made);
      await renew();
      if (made.warnings?.length) return;
      onClose();
      onDone?.(made);
    },
  });
  const test = useMutation({
    mutationFn: (): Promise<Trial> =>
      shown?.read_only
        ? Promise.reject(new Error("a provider of the configuration is tested on the command line: dragoman providers test"))
        : taken(
            api.POST("/api/v1/organisations/{org}/provider-drafts/test", {
              params: { path: { org } },
              body: { ...body(), version: null, name: name === "" ? "untitled" : name },
            }),
          ),
  });
  const turn = useMutation({
    mutationFn: () => taken(api.PATCH("/api/v1/organisations/{org}/providers/{name}", { ...where, body: { enabled: !shown?.enabled } })),
    onSuccess: async () => {
      await renew();
      onClose();
    },
  });
  const remove = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/providers/{name}", where)),
    onSuccess: async () => {
      await renew();
      onClose();
    },
  });
  const meanwhile = save.error instanceof Failure && save.error.refusal.code === "changed_meanwhile";
  const refusal = save.error instanceof Failure ? save.error.refusal : null;
  const at = (param: string) => (refusal?.param === param ? [refusal.message, refusal.hint].filter(Boolean).join(": ") : undefined);
  return (
    <Sheet
      wide
      title={shown === undefined ? "Add a provider" : shown.name}
      onClose={onClose}
      footer={
        editable ? (
          <>
            {shown !== undefined && (
              <>
                <Button kind="danger" onClick={() => setDeleting(true)}>
                  Delete
                </Button>
                <Button busy={turn.isPending} onClick={() => turn.mutate()}>
                  {shown.enabled ? "Disable" : "Enable"}
                </Button>
              </>
            )}
            <span className="flex-1" />
            <Button busy={test.isPending} disabled={test.isPending || url === ""} onClick={() => test.mutate()}>
              Test
            </Button>
            <Button kind="primary" type="submit" form="provider" busy={save.isPending}>
              {shown === undefined ? "Add it" : "Save"}
            </Button>
          </>
        ) : undefined
      }
    >
      {shown?.read_only && (
        <p className="mb-4 rounded-card border border-line bg-raised p-3">
          This one is in the gateway's configuration{shown.place ? ` (${shown.place})` : ""}, and is changed there.
        </p>
      )}
      {(shown?.problems ?? []).map((problem) => (
        <p key={problem} role="alert" className="mb-4 rounded-card bg-bad-tint p-3 text-bad">
          {problem}
        </p>
      ))}
      {save.data?.warnings?.map((warning) => (
        <p key={warning} role="status" className="mb-4 rounded-card bg-warn-tint p-3 text-warn">
          Saved. {warning}
        </p>
      ))}
      <form
        id="provider"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(false);
        }}
      >
        <fieldset disabled={!editable} className="flex flex-col gap-4">
          <TextField
            label="Name"
            required
            pattern="[a-z]+"
            value={name}
            disabled={shown !== undefined}
            hint="Small letters. Programs ask for name/model."
            error={meanwhile && shown === undefined ? "There is one of this name already." : at("name")}
            onChange={(event) => setName(event.target.value)}
          />
          <div>
            <TextField
              label="Base URL"
              required
              value={url}
              placeholder="https://api.example.com/v1"
              hint="With or without /v1: below stands what will be called."
              error={at("base_url")}
              onChange={(event) => setUrl(event.target.value)}
            />
            <Preview url={url} language={api_} />
          </div>
          <SelectField label="Language" value={api_} choices={LANGUAGES} error={at("api")} onChange={(event) => setApi(event.target.value)} />
          <TextField
            label="Token"
            type="password"
            autoComplete="off"
            value={token}
            placeholder={shown?.token ? `•••${shown.token.last_four} (stays, unless another is entered)` : ""}
            hint="Sealed before it is kept; nobody reads it back. It is sent to this scheme, host and port alone."
            error={at("token")}
            onChange={(event) => setToken(event.target.value)}
          />
          <SelectField label="Sent as" value={auth} choices={AUTHS} error={at("auth")} onChange={(event) => setAuth(event.target.value)} />
          <TagsField label="Privacy classes" value={privacy} placeholder="eu, local" hint="Keys and routes limited to a class ask only providers of it." error={at("privacy")} onChange={setPrivacy} />
          <ModelsField value={models} onChange={setModels} error={at("models")} found={test.data?.models ?? []} />
        </fieldset>
      </form>
      {meanwhile ? (
        shown !== undefined && <Meanwhile what={name} busy={save.isPending} onOver={() => save.mutate(true)} />
      ) : (
        save.error !== null && !["name", "base_url", "api", "token", "auth", "privacy", "models"].includes(refusal?.param ?? "") && <Trouble error={save.error} />
      )}
      <Steps of={test} />
      {deleting && (
        <Confirm title={`Delete ${name}?`} type={name} verb="Delete it" busy={remove.isPending} error={remove.error} onClose={() => setDeleting(false)} onYes={() => remove.mutate()}>
          Its token is gone with it. Requests for {name}/… are refused from then on, and routes pass it over.
        </Confirm>
      )}
    </Sheet>
  );
}
