import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { useState } from "react";
import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { ConfirmButton } from "~/components/ConfirmButton";
import { BOX, NUMBER, ROUTE_NAME, TextField } from "~/components/Field";
import { FormSheet } from "~/components/FormSheet";
import { IconButton } from "~/components/IconButton";
import { JsonField } from "~/components/JsonField";
import { Problem } from "~/components/Problem";
import { useMay, useOrg } from "~/session";
import type { Route } from "./Routes";
import { type Step, stepsOf, withSteps } from "./steps";

const NEW: Step = { model: "", weight: "", rest: {} };

/** A route: which models, in which order, with which share. */
export function RouteSheet({ shown, onClose }: { shown?: Route; onClose: () => void }) {
  const org = useOrg();
  const editable = useMay("admin") && !shown?.read_only;
  const [name, setName] = useState(shown?.name ?? "");
  const [definition, setDefinition] = useState<Record<string, unknown>>(shown?.definition ?? {});
  const [steps, setSteps] = useState<Step[]>(shown === undefined ? [NEW, NEW] : stepsOf(shown.definition));
  const where = { params: { path: { org, name } } };
  const save = useChange(
    ["routes"],
    (over: boolean) =>
      api.PUT("/api/v1/organisations/{org}/routes/{name}", { ...where, body: { definition: withSteps(definition, steps), version: over ? null : (shown?.version ?? 0) } }),
    { fields: ["name"], isNew: shown === undefined, told: `The route ${name} is saved`, onDone: onClose },
  );
  const remove = useChange(["routes"], () => api.DELETE("/api/v1/organisations/{org}/routes/{name}", where), { told: `The route ${name} is deleted`, onDone: onClose });
  const put = (index: number, change: Partial<Step>) => setSteps(steps.map((step, at) => (at === index ? { ...step, ...change } : step)));
  const move = (index: number, by: number) => {
    const next = [...steps];
    const [taken_] = next.splice(index, 1);
    if (taken_ !== undefined) next.splice(index + by, 0, taken_);
    setSteps(next);
  };
  const { primary: _p, model: _m, fallbacks: _f, models: _s, steps: _t, ...rest } = definition;
  return (
    <FormSheet
      title={shown === undefined ? "New route" : `Route ${shown.name}`}
      onClose={onClose}
      save={save}
      editable={editable}
      actions={
        shown !== undefined && (
          <ConfirmButton kind="danger" label="Delete" title={`Delete the route ${name}?`} verb="Delete it" onYes={remove.mutateAsync}>
            Programs that ask for {name} are told that there is no such model.
          </ConfirmButton>
        )
      }
    >
      <Problem text={shown?.problem} />
      <TextField label="Name" required {...ROUTE_NAME} disabled={shown !== undefined} value={name} placeholder="smart" error={save.at("name")} hint={`Programs ask for it as a model. ${ROUTE_NAME.title}.`} onChange={(event) => setName(event.target.value)} />
      <div>
        <h3 className="mb-1 text-sm font-medium">Who is asked, in this order</h3>
        <ol className="flex flex-col gap-2">
          {steps.map((step, index) => (
            <li key={index} className="flex items-center gap-1">
              <span className="w-5 text-muted">{index + 1}</span>
              <input aria-label={`Model ${index + 1}`} placeholder="provider/model" value={step.model} onChange={(event) => put(index, { model: event.target.value })} className={`${BOX} h-8`} />
              <input aria-label={`Weight of model ${index + 1}`} placeholder="weight" {...NUMBER} value={step.weight} onChange={(event) => put(index, { weight: event.target.value })} className={`${BOX} h-8 !w-20`} />
              <IconButton label={`Model ${index + 1} up`} icon={ArrowUp} disabled={index === 0} onClick={() => move(index, -1)} />
              <IconButton label={`Model ${index + 1} down`} icon={ArrowDown} disabled={index === steps.length - 1} onClick={() => move(index, 1)} />
              <IconButton label={`Take model ${index + 1} away`} icon={X} onClick={() => setSteps(steps.filter((_, at) => at !== index))} />
            </li>
          ))}
        </ol>
        <p className="my-2 text-xs text-muted">Neighbours with a weight share the traffic by it; the others are fallbacks in order.</p>
        <Button icon={<Plus aria-hidden size={14} />} onClick={() => setSteps([...steps, NEW])}>
          Add a model
        </Button>
      </div>
      <JsonField label="Everything else" hint="As a table [routes.NAME] of the configuration has it: first_token, hedge_after, privacy, shadow …" value={rest} onChange={setDefinition} />
    </FormSheet>
  );
}
