import { Plus, X } from "lucide-react";
import { Button } from "~/components/Button";
import { BOX, NUMBER } from "~/components/Field";
import { IconButton } from "~/components/IconButton";

/** A model as the form has it; what is empty is not known. Prices are USD per million tokens. */
export interface ModelRow {
  id: string;
  context: string;
  input: string;
  output: string;
}

interface Props {
  value: readonly ModelRow[];
  onChange: (rows: ModelRow[]) => void;
  error?: string | undefined;
  /** Models that the provider has listed. */
  found: readonly string[];
}

const NEW: ModelRow = { id: "", context: "", input: "", output: "" };
const FIELDS = [
  ["id", "Model", "llama-3.3-70b", ""],
  ["context", "Context (tokens)", "128000", "w-32"],
  ["input", "$ / M in", "0.59", "w-24"],
  ["output", "$ / M out", "0.79", "w-24"],
] as const;

/** The models of a provider with limits and prices. Without any, every name goes through. */
export function ModelsField({ value, onChange, error, found }: Props) {
  const known = new Set(value.map(({ id }) => id));
  const fresh = found.filter((id) => !known.has(id));
  return (
    <fieldset className="rounded-card border border-line p-4">
      <legend className="px-1 text-sm font-medium">Models</legend>
      <p className="mb-2 text-xs text-muted">None are needed: every name goes through. With limits and prices, costs and budgets are exact.</p>
      {value.map((row, index) => (
        <div key={index} className="mb-2 flex items-center gap-2">
          {FIELDS.map(([field, label, placeholder, width]) => (
            <input
              key={field}
              aria-label={`${label} of model ${index + 1}`}
              placeholder={placeholder}
              value={row[field]}
              {...(field === "id" ? {} : NUMBER)}
              onChange={(event) => onChange(value.map((other, at) => (at === index ? { ...other, [field]: event.target.value } : other)))}
              className={`${BOX} h-8 ${width}`}
            />
          ))}
          <IconButton label={`Take model ${index + 1} away`} icon={X} onClick={() => onChange(value.filter((_, at) => at !== index))} />
        </div>
      ))}
      {error !== undefined && (
        <p role="alert" className="mb-2 text-xs text-bad">
          {error}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button icon={<Plus aria-hidden size={14} />} onClick={() => onChange([...value, NEW])}>
          Add a model
        </Button>
        {fresh.length > 0 && (
          <Button onClick={() => onChange([...value, ...fresh.map((id) => ({ ...NEW, id }))])}>
            Take the {fresh.length} that it lists
          </Button>
        )}
      </div>
    </fieldset>
  );
}

type Said = Record<string, unknown>;

function listOf(said: unknown): Said[] {
  if (Array.isArray(said)) return said.map((one: unknown) => (typeof one === "string" ? { id: one } : (one as Said)));
  return Object.entries((said as Record<string, Said> | undefined) ?? {}).map(([id, one]) => ({ id, ...one }));
}

export function rowsOf(said: unknown): ModelRow[] {
  return listOf(said).map(({ id, context_window, cost }) => {
    const price = (cost as Said | undefined) ?? {};
    const text = (value: unknown) => (value == null ? "" : String(value));
    return { id: text(id), context: text(context_window), input: text(price.input), output: text(price.output) };
  });
}

/** Write rows as a configuration has them; what the form does not show of a model stays. */
export function modelsOf(rows: readonly ModelRow[], said: unknown): Said[] {
  const before = new Map(listOf(said).map((one) => [String(one.id), one]));
  return rows
    .filter(({ id }) => id.trim() !== "")
    .map(({ id, context, input, output }) => {
      const { context_window: _context, cost, ...rest } = before.get(id.trim()) ?? {};
      const price: Said = { ...((cost as Said | undefined) ?? {}) };
      for (const [name, text] of [["input", input], ["output", output]] as const)
        if (text.trim() === "") delete price[name];
        else price[name] = Number(text);
      return {
        ...rest,
        id: id.trim(),
        ...(context.trim() === "" ? {} : { context_window: Number(context) }),
        ...(Object.keys(price).length === 0 ? {} : { cost: price }),
      };
    });
}
