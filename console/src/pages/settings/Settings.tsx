import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { SelectField, TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { Meanwhile } from "~/components/Meanwhile";
import { PageHead } from "~/components/PageHead";
import { Problem } from "~/components/Problem";
import { Shown } from "~/components/Shown";
import { Trouble } from "~/components/Trouble";
import { type Shapes, useMay, useMe, useOrg, useOrganisations } from "~/session";
import { About } from "./About";
import { DemoTraffic } from "./DemoTraffic";
import { daysOf, useGateway } from "./gateway";
import { Oidc } from "./Oidc";
import { Password } from "./Password";
import { Quotas } from "./Quotas";
import { Tokens } from "./Tokens";

type Values = Shapes["OrganisationSettings"];

const CONTENT = { off: "nothing", redacted: "redacted texts", full: "everything" } as const;

/** What holds for the organisation, for oneself, and, for operators, for the gateway. */
export default function Settings() {
  const org = useOrg();
  const admin = useMay("admin");
  const me = useMe().data;
  const organisations = useOrganisations();
  const shown = organisations.data?.items.find(({ name }) => name === org);
  return (
    <>
      <PageHead title="Settings" />
      <Shown of={organisations}>
        <div className="gap-4 xl:columns-2 *:mb-4 *:break-inside-avoid">
          {shown !== undefined && <Organisation key={org} given={shown} editable={admin} operator={me?.operator === true} />}
          {admin && <DemoTraffic />}
          <About />
          {me?.account != null && <Password />}
          {me?.account != null && <Tokens />}
          {me?.operator && <Oidc />}
        </div>
      </Shown>
    </>
  );
}

type Kept = Shapes["OrganisationShown"];

function Organisation({ given, editable, operator }: { given: Kept; editable: boolean; operator: boolean }) {
  // What was there when somebody began to type: what comes in later must not pass for seen.
  const [shown, setShown] = useState(given);
  return (
    <>
      <Problem text={shown.problem} />
      <Keeping shown={shown} editable={editable} onSaved={setShown} />
      {operator && <Quotas shown={shown} onSaved={setShown} />}
    </>
  );
}

function Keeping({ shown, editable, onSaved }: { shown: Kept; editable: boolean; onSaved: (made: Kept) => void }) {
  const [title, setTitle] = useState(shown.title);
  const [values, setValues] = useState<Values>(shown.settings);
  const set = (change: Partial<Values>) => setValues({ ...values, ...change });
  const save = useChange(
    ["organisations"],
    (over: boolean) => api.PATCH("/api/v1/organisations/{org}", { params: { path: { org: shown.name } }, body: { title, settings: values, version: over ? null : shown.version } }),
    { fields: ["title"], told: "The organisation is saved", onDone: onSaved },
  );
  const cache = values.cache;
  const gateway = useGateway();
  return (
    <Card title="Organisation">
      <Form disabled={!editable} onSubmit={() => save.mutate(false)}>
        <TextField label="Title" required value={title} error={save.at("title")} onChange={(event) => setTitle(event.target.value)} />
        <SelectField
          label="What is kept of what is said"
          hint="Tokens, costs and times are always kept; texts only where you say so."
          value={values.content ?? ""}
          choices={[
            { value: "", name: general(gateway && CONTENT[gateway.content]) },
            { value: "off", name: "nothing" },
            { value: "redacted", name: "texts, without what looks secret or personal" },
            { value: "full", name: "everything" },
          ]}
          onChange={(event) => set({ content: (event.target.value || null) as NonNullable<Values["content"]> | null })}
        />
        <TextField label="For how many days texts are kept" type="number" min={1} value={values.content_days ?? ""} placeholder={general(gateway && daysOf(gateway.content_days))} onChange={(event) => set({ content_days: event.target.value === "" ? null : Number(event.target.value) })} />
        <SelectField
          label="Same question, same answer (cache)"
          value={cache?.enabled == null ? "" : String(cache.enabled)}
          choices={[
            { value: "", name: general(gateway && (gateway.cache_s == null ? "off" : "on")) },
            { value: "true", name: "answers are kept, and given again" },
            { value: "false", name: "everything is asked anew" },
          ]}
          onChange={(event) => set({ cache: { ...cache, enabled: event.target.value === "" ? null : event.target.value === "true" } })}
        />
        <TextField label="For how many seconds an answer is given again" type="number" min={1} value={cache?.ttl ?? ""} placeholder={general(gateway?.cache_s == null ? undefined : String(gateway.cache_s))} onChange={(event) => set({ cache: { ...cache, ttl: event.target.value === "" ? null : Number(event.target.value) } })} />
        <Meanwhile what={title} how={save.meanwhile} busy={save.isPending} onOver={() => save.mutate(true)} />
        <Trouble error={save.trouble} />
        {editable && (
          <div>
            <Button kind="primary" type="submit" busy={save.isPending}>
              Save
            </Button>
          </div>
        )}
      </Form>
    </Card>
  );
}

/** A setting that is left to the gateway, and what that comes to where it is known. */
function general(known: string | undefined): string {
  return known === undefined ? "as the gateway has it" : `as the gateway has it: ${known}`;
}
