/** One step of a route, as the form has it; what it does not show stays in `rest`. */
export interface Step {
  model: string;
  weight: string;
  rest: Record<string, unknown>;
}

type Said = Record<string, unknown>;

function stepOf(said: unknown): Step {
  if (typeof said === "string") return { model: said, weight: "", rest: {} };
  const { model, ref, weight, ...rest } = said as Said;
  return { model: String(model ?? ref ?? ""), weight: weight == null ? "" : String(weight), rest };
}

/** Read the steps of a route's definition, however they are written. */
export function stepsOf(definition: Said): Step[] {
  const { primary, model, fallbacks, models, steps } = definition;
  const first = primary ?? model;
  const every = (steps ?? models ?? fallbacks ?? []) as unknown[];
  return [...(first == null ? [] : [stepOf(first)]), ...every.map(stepOf)];
}

/** Write them back: the plain way where nothing but the model is said. */
export function withSteps(definition: Said, steps: readonly Step[]): Said {
  const { primary: _p, model: _m, fallbacks: _f, models: _s, steps: _t, ...rest } = definition;
  const written = steps
    .filter(({ model }) => model.trim() !== "")
    .map(({ model, weight, rest: more }) => (weight.trim() === "" && Object.keys(more).length === 0 ? model.trim() : { model: model.trim(), ...(weight.trim() === "" ? {} : { weight: Number(weight) }), ...more }));
  return { ...rest, models: written };
}
