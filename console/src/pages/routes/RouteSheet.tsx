import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { Confirm } from "~/components/Confirm";
import { BOX, TextField } from "~/components/Field";
import { JsonField } from "~/components/JsonField";
import { Sheet } from "~/components/Sheet";
import { Trouble } from "~/components/Trouble";
import { useMay, useOrg } from "~/session";
import type { Route } from "./Routes";
import { type Step, stepsOf, withSteps } from "./steps";

const NEW: Step = { model: "", weight: "", rest: {} };
const SMALL = "grid size-8 shrink-0 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink disabled:opacity-30";

/** A route: which models, in which order, with which share. */
export function RouteSheet({ shown, onClose }: { shown?: Route; onClose: () => void }) {
  const org = useOrg();
  const editable = useMay("admin") && !shown?.read_only;
  const queries = useQueryClient();
  const [name, setName] = useState(shown?.name ?? "");
  const [definition, setDefinition] = useState<Record<string, unknown>>(shown?.definition ?? {});
  const [steps, setSteps] = useState<Step[]>(shown === undefined ? [NEW, NEW] : stepsOf(shown.definition));
  const [deleting, setDeleting] = useState(false);
  const done = async () => {
    await queries.invalidateQueries({ queryKey: ["routes"] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () =>
      taken(api.PUT("/api/v1/organisations/{org}/routes/{name}", { params: { path: { org, name } }, body: { definition: withSteps(definition, steps), version: shown?.version ?? 0 } })),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => taken(api.DELETE("/api/v1/organisations/{org}/routes/{name}", { params: { path: { org, name } } })),
    onSuccess: done,
  });
  const put = (index: number, change: Partial<Step>) => setSteps(steps.map((step, at) => (at === index ? { ...step, ...change } : step)));
  const move = (index: number, by: number) => {
    const next = [...steps];
    const [taken_] = next.splice(index, 1);
    if (taken_ !== undefined) next.splice(index + by, 0, taken_);
    setSteps(next);
  };
  const { primary: _p, model: _m, fallbacks: _f, models: _s, steps: _t, ...rest } = definition;
  return (
    <Sheet
      title={shown === undefined ? "New route" : `Route ${shown.name}`}
      onClose={onClose}
      footer={
        editable && (
          <>
            {shown !== undefined && (
              <Button kind="danger" onClick={() => setDeleting(true)}>
                Delete
              </Button>
            )}
            <span className="flex-1" />
            <Button kind="primary" type="submit" form="route" busy={save.isPending}>
              Save
            </Button>
          </>
        )
      }
    >
      <form
        id="route"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <fieldset disabled={!editable} className="flex flex-col gap-4">
          <TextField label="Name" required disabled={shown !== undefined} value={name} placeholder="smart" hint="Programs ask for it as a model." onChange={(event) => setName(event.target.value)} />
          <div>
            <h3 className="mb-1 text-sm font-medium">Who is asked, in this order</h3>
            <ol className="flex flex-col gap-2">
              {steps.map((step, index) => (
                <li key={index} className="flex items-center gap-1">
                  <span className="w-5 text-muted">{index + 1}</span>
                  <input aria-label={`Model ${index + 1}`} placeholder="provider/model" value={step.model} onChange={(event) => put(index, { model: event.target.value })} className={`${BOX} h-8`} />
                  <input aria-label={`Weight of model ${index + 1}`} placeholder="weight" inputMode="decimal" value={step.weight} onChange={(event) => put(index, { weight: event.target.value })} className={`${BOX} h-8 !w-20`} />
                  <button type="button" aria-label={`Model ${index + 1} up`} disabled={index === 0} onClick={() => move(index, -1)} className={SMALL}>
                    <ArrowUp aria-hidden size={14} />
                  </button>
                  <button type="button" aria-label={`Model ${index + 1} down`} disabled={index === steps.length - 1} onClick={() => move(index, 1)} className={SMALL}>
                    <ArrowDown aria-hidden size={14} />
                  </button>
                  <button type="button" aria-label={`Take model ${index + 1} away`} onClick={() => setSteps(steps.filter((_, at) => at !== index))} className={SMALL}>
                    <X aria-hidden size={14} />
                  </button>
                </li>
              ))}
            </ol>
            <p className="my-2 text-xs text-muted">Neighbours with a weight share the traffic by it; the others are fallbacks in order.</p>
            <Button icon={<Plus aria-hidden size={14} />} onClick={() => setSteps([...steps, NEW])}>
              Add a model
            </Button>
          </div>
          <JsonField label="Everything else" hint="As a table [routes.NAME] of the configuration has it: first_token, hedge_after, privacy, shadow …" value={rest} onChange={setDefinition} />
        </fieldset>
      </form>
      {save.error !== null && <Trouble error={save.error} />}
      {deleting && (
        <Confirm title={`Delete the route ${name}?`} verb="Delete it" busy={remove.isPending} error={remove.error} onClose={() => setDeleting(false)} onYes={() => remove.mutate()}>
          Programs that ask for {name} are told that there is no such model.
        </Confirm>
      )}
    </Sheet>
  );
}
