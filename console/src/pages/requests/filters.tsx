import { X } from "lucide-react";
import { BOX } from "~/components/Field";

/** What the list can be filtered by; each stands in the address under its name. */
const TEXTS = { asked: "Asked for", model: "Model", provider: "Provider", key: "Key", project: "Project", member: "Member", error: "Error" } as const;
const NUMBERS = { status: "Status", min_cost: "Cost from ($)", min_duration: "Took from (s)" } as const;
const OUTCOMES = ["ok", "error", "truncated", "client_closed", "interrupted"] as const;

type Texts = { [name in keyof typeof TEXTS]?: string };
interface Numbers {
  status?: number;
  /** A decimal: money is never rounded on its way. */
  min_cost?: string;
  min_duration?: number;
}
export type Filters = Texts & Numbers & { outcome?: (typeof OUTCOMES)[number]; failed?: boolean; tag?: string };

export function readFilters(search: Record<string, unknown>): Filters {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(TEXTS)) if (search[name] !== undefined) found[name] = String(search[name]);
  for (const name of Object.keys(NUMBERS)) if (Number.isFinite(Number(search[name] ?? Number.NaN))) found[name] = name === "min_cost" ? String(search[name]) : Number(search[name]);
  if (OUTCOMES.includes(search.outcome as never)) found.outcome = search.outcome;
  if (search.failed === true) found.failed = true;
  if (typeof search.tag === "string") found.tag = search.tag;
  return found as Filters;
}

interface Props {
  value: Filters;
  onChange: (filters: Filters) => void;
}

/** The filters that hold, each with a cross, and a box to add one. */
export function FilterBar({ value, onChange }: Props) {
  const without = (name: string) => Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)) as Filters;
  const names: Record<string, string> = { ...TEXTS, ...NUMBERS, outcome: "Outcome", failed: "Failed", tag: "Tag" };
  return (
    <div className="flex flex-wrap items-center gap-2">
      {Object.entries(value).map(([name, held]) => (
        <span key={name} className="inline-flex h-8 items-center gap-1.5 rounded-md bg-tint pl-2.5 text-accent">
          {names[name]}: {String(held)}
          <button type="button" aria-label={`Take the filter ${names[name]} away`} onClick={() => onChange(without(name))} className="grid size-8 place-items-center">
            <X aria-hidden size={14} />
          </button>
        </span>
      ))}
      <form
        className="flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const name = String(form.get("name"));
          const text = String(form.get("value")).trim();
          if (text === "") return;
          onChange({ ...value, ...readFilters({ [name]: name === "failed" ? true : name in NUMBERS ? Number(text) : text }) });
          event.currentTarget.reset();
        }}
      >
        <select name="name" aria-label="Filter by" className={`${BOX} h-8 !w-auto`}>
          {Object.entries({ ...TEXTS, ...NUMBERS }).map(([name, told]) => (
            <option key={name} value={name}>
              {told}
            </option>
          ))}
        </select>
        <input name="value" aria-label="Value of the filter" placeholder="Filter …" className={`${BOX} h-8 !w-44`} />
      </form>
      <select
        aria-label="Outcome"
        value={value.failed ? "failed" : (value.outcome ?? "")}
        onChange={(event) => {
          const { outcome: _outcome, failed: _failed, ...rest } = value;
          const chosen = event.target.value;
          onChange(chosen === "" ? rest : chosen === "failed" ? { ...rest, failed: true } : { ...rest, ...readFilters({ outcome: chosen }) });
        }}
        className={`${BOX} h-8 !w-auto`}
      >
        <option value="">every outcome</option>
        <option value="failed">failed</option>
        {OUTCOMES.map((outcome) => (
          <option key={outcome} value={outcome}>
            {outcome}
          </option>
        ))}
      </select>
    </div>
  );
}
