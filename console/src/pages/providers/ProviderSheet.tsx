import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useChange } from "~/api/change";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { ConfirmButton } from "~/components/ConfirmButton";
import { PROVIDER_NAME, SelectField, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { Problem } from "~/components/Problem";
import { TagsField } from "~/components/TagsField";
import { Trouble } from "~/components/Trouble";
import { type Shapes, useMay, useOrg } from "~/session";
import { ModelsField, type ModelRow, modelsOf, rowsOf } from "./ModelsField";
import { Preview, usePreview } from "./Preview";
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
  const said: Settings = shown?.settings ?? {};
  const [name, setName] = useState(shown?.name ?? "");
  const [url, setUrl] = useState(String(said.base_url ?? ""));
  const [api_, setApi] = useState(String(said.api ?? shown?.api ?? "openai-completions"));
  const [auth, setAuth] = useState(String(said.auth ?? ""));
  const [token, setToken] = useState("");
  const [privacy, setPrivacy] = useState<string[]>((said.privacy as string[] | undefined) ?? []);
  const preview = usePreview(url, api_);
  const [models, setModels] = useState<ModelRow[]>(rowsOf(said.models));

  const body = (version: number | null): Body => ({
    // What the form does not show stays as it was.
    ...(said as object),
    base_url: url,
    api: api_,
    ...(auth === "" ? { auth: undefined } : { auth }),
    ...(privacy.length === 0 ? { privacy: undefined } : { privacy }),
    ...(models.length === 0 ? { models: undefined } : { models: modelsOf(models, said.models) }),
    ...(token === "" ? {} : { token }),
    version,
  }) as Body;
  const where = { params: { path: { org, name } } };
  const save = useChange(
    ["providers"],
    (over: boolean, meanwhile) =>
      api.PUT("/api/v1/organisations/{org}/providers/{name}", {
        ...where,
        // Left unsaid, it stays as it is, and what is made anew is enabled.
        body: { ...body(over ? null : (shown?.version ?? 0)), ...(meanwhile === "deleted" && shown && { enabled: shown.enabled }) },
      }),
    {
      fields: ["name", "base_url", "api", "token", "auth", "privacy", "models"],
      isNew: shown === undefined,
      told: `${name} is saved`,
      onDone: (made) => {
        setShown(made);
        if (made.warnings?.length) return;
        onClose();
        onDone?.(made);
      },
    },
  );
  const test = useMutation({
    mutationFn: (): Promise<Trial> =>
      shown?.read_only
        ? Promise.reject(new Error("a provider of the configuration is tested on the command line: dragoman providers test"))
        : taken(
            api.POST("/api/v1/organisations/{org}/provider-drafts/test", {
              params: { path: { org } },
              body: { ...body(null), name: name === "" ? "untitled" : name },
            }),
          ),
  });
  const turn = useChange(["providers"], () => api.PATCH("/api/v1/organisations/{org}/providers/{name}", { ...where, body: { enabled: !shown?.enabled } }), {
    told: `${name} is ${shown?.enabled ? "disabled" : "enabled"}`,
    onDone: onClose,
  });
  const remove = useChange(["providers"], () => api.DELETE("/api/v1/organisations/{org}/providers/{name}", where), { told: `${name} is deleted`, onDone: onClose });
  return (
    <FormSheet
      wide
      title={shown === undefined ? "Add a provider" : shown.name}
      onClose={onClose}
      save={save}
      sealed
      verb={shown === undefined ? "Add it" : "Save"}
      editable={editable}
      actions={
        shown !== undefined && (
          <>
            <ConfirmButton kind="danger" label="Delete" title={`Delete ${name}?`} type={name} verb="Delete it" onYes={remove.mutateAsync}>
              Its token is gone with it. Requests for {name}/… are refused from then on, and routes pass it over.
            </ConfirmButton>
            <Button busy={turn.isPending} onClick={() => turn.mutate()}>
              {shown.enabled ? "Disable" : "Enable"}
            </Button>
          </>
        )
      }
      beside={
        <Button busy={test.isPending} disabled={test.isPending || url === "" || preview.isError} onClick={() => test.mutate()}>
          Test
        </Button>
      }
      below={
        <>
          <Trouble error={turn.error} />
          <Steps of={test} />
        </>
      }
    >
      {shown?.read_only && (
        <p className="rounded-card border border-line bg-raised p-3">
          This one is in the gateway's configuration{shown.place ? ` (${shown.place})` : ""}, and is changed there.
        </p>
      )}
      {(shown?.problems ?? []).map((problem) => (
        <Problem key={problem} text={problem} />
      ))}
      {/* They are of the address that was saved. */}
      {(url === said.base_url ? save.data?.warnings : [])?.map((warning) => (
        <p key={warning} role="status" className="rounded-card bg-warn-tint p-3 text-warn">
          Saved. {warning}
        </p>
      ))}
      <TextField
        label="Name"
        required
        {...PROVIDER_NAME}
        value={name}
        disabled={shown !== undefined}
        hint={`${PROVIDER_NAME.title}. Programs ask for name/model.`}
        error={save.at("name")}
        onChange={(event) => setName(event.target.value)}
      />
      <div>
        <TextField
          label="Base URL"
          required
          value={url}
          placeholder="https://api.example.com/v1"
          hint="With or without /v1: below stands what will be called."
          error={save.at("base_url")}
          onChange={(event) => setUrl(event.target.value)}
        />
        {/* Saving it was refused for the same. */}
        {!(preview.isError && save.at("base_url") !== undefined) && <Preview of={preview} />}
      </div>
      <SelectField label="Language" value={api_} choices={LANGUAGES} error={save.at("api")} onChange={(event) => setApi(event.target.value)} />
      <TextField
        label="Token"
        type="password"
        autoComplete="off"
        value={token}
        placeholder={shown?.token ? `•••${shown.token.last_four} (stays, unless another is entered)` : ""}
        hint="Sealed before it is kept; nobody reads it back. It is sent to this scheme, host and port alone."
        error={save.at("token")}
        onChange={(event) => setToken(event.target.value)}
      />
      <SelectField label="Sent as" value={auth} choices={AUTHS} error={save.at("auth")} onChange={(event) => setAuth(event.target.value)} />
      <TagsField label="Privacy classes" value={privacy} placeholder="eu, local" hint="Keys and routes limited to a class ask only providers of it." error={save.at("privacy")} onChange={setPrivacy} />
      <ModelsField value={models} onChange={setModels} error={save.at("models")} found={test.data?.models ?? []} />
    </FormSheet>
  );
}
