import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { ConfirmButton } from "~/components/ConfirmButton";
import { NAME, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { Problem } from "~/components/Problem";
import { Sheet } from "~/components/Sheet";
import { SwitchField } from "~/components/SwitchField";
import { useOrg } from "~/session";
import { type Event, EVENTS, NAMES } from "./events";
import { SecretText } from "./SecretText";
import { Trial } from "./Trial";
import type { Webhook } from "./Webhooks";

/** A webhook, to make or to change; its secret is shown when it is made, and when it gets a new one. */
export function WebhookSheet({ shown, onClose }: { shown?: Webhook; onClose: () => void }) {
  const org = useOrg();
  const [name, setName] = useState(shown?.name ?? "");
  const [url, setUrl] = useState(shown?.url ?? "");
  const [events, setEvents] = useState<readonly Event[]>(shown?.events ?? NAMES);
  const [enabled, setEnabled] = useState(shown?.enabled ?? true);
  const where = { params: { path: { org, name } } };
  const save = useChange(
    ["webhooks"],
    (over: boolean) =>
      api.PUT("/api/v1/organisations/{org}/webhooks/{name}", { ...where, body: { url, events: [...events], enabled, version: over ? null : (shown?.version ?? 0) } }),
    { fields: ["name", "url", "events"], isNew: shown === undefined, ...(shown && { told: `The webhook ${name} is saved` }), onDone: ({ secret }) => secret ?? onClose() },
  );
  const renew = useChange(["webhooks"], ({ url: at, events: told, enabled: on, version }: Webhook) =>
    api.PUT("/api/v1/organisations/{org}/webhooks/{name}", { ...where, body: { url: at, events: told, enabled: on, version, new_secret: true } }),
  );
  const remove = useChange([], () => api.DELETE("/api/v1/organisations/{org}/webhooks/{name}", where), { told: `The webhook ${name} is deleted`, onDone: onClose });
  const secret = renew.data?.secret ?? save.data?.secret;
  if (secret != null)
    return (
      <Sheet title={`Webhook ${name}`} onClose={onClose} footer={<Button onClick={onClose}>Done</Button>}>
        <div className="flex flex-col gap-4">
          <SecretText text={secret} />
          <Trial of={name} />
        </div>
      </Sheet>
    );
  return (
    <FormSheet
      title={shown === undefined ? "New webhook" : `Webhook ${shown.name}`}
      onClose={onClose}
      save={save}
      sealed
      verb={shown === undefined ? "Make it" : "Save"}
      actions={
        shown !== undefined && (
          <>
            <ConfirmButton kind="danger" label="Delete" title={`Delete the webhook ${name}?`} verb="Delete it" onYes={remove.mutateAsync}>
              It is told nothing more, not even what it still waits for, and what it was told is not listed any more.
            </ConfirmButton>
            <ConfirmButton label="New secret" title={`A new secret for ${name}?`} verb="Make it" onYes={() => renew.mutateAsync(shown)}>
              It is shown once, and signs from then on. What checks by the old one refuses deliveries until it has the new one; they are tried again for two and a half minutes.
            </ConfirmButton>
          </>
        )
      }
      below={shown !== undefined && <Trial of={shown.name} />}
    >
      <Problem text={shown?.problem} />
      <TextField label="Name" required {...NAME} disabled={shown !== undefined} value={name} hint={NAME.title} error={save.at("name")} placeholder="chat" onChange={(event) => setName(event.target.value)} />
      <TextField label="URL" type="url" required value={url} error={save.at("url")} placeholder="https://hooks.example.com/dragoman" hint="It is sent a POST of JSON, and is to answer with a 2xx." onChange={(event) => setUrl(event.target.value)} />
      <fieldset className="flex flex-col gap-2.5 rounded-card border border-line p-4">
        <legend className="px-1 text-sm font-medium">What it is told</legend>
        {NAMES.map((event) => (
          <SwitchField
            key={event}
            label={
              <>
                {EVENTS[event]} <code className="text-xs text-muted">{event}</code>
              </>
            }
            checked={events.includes(event)}
            onChange={(on) => setEvents(NAMES.filter((one) => (one === event ? on : events.includes(one))))}
          />
        ))}
        {save.at("events") !== undefined && (
          <p role="alert" className="text-xs text-bad">
            {save.at("events")}
          </p>
        )}
      </fieldset>
      <SwitchField label="On" checked={enabled} onChange={setEnabled} />
    </FormSheet>
  );
}
