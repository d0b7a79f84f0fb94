import { SelectField, TextField } from "~/components/Field";
import { TagsField } from "~/components/TagsField";
import type { Shapes } from "~/session";

export type Rules = Shapes["KeyRules"];

/** What a key may be used for; what is empty permits everything. */
export function RuleFields({ value, onChange }: { value: Rules; onChange: (rules: Rules) => void }) {
  const set = (change: Partial<Rules>) => onChange({ ...value, ...change });
  return (
    <fieldset className="flex flex-col gap-4 rounded-card border border-line p-4">
      <legend className="px-1 text-sm font-medium">What it may be used for</legend>
      <TagsField label="Models" value={value.models ?? []} placeholder="openai/gpt-*, smart" hint="Empty: every one. * stands for any text." onChange={(models) => set({ models })} />
      <TagsField label="Providers" value={value.providers ?? []} placeholder="groq, acme" onChange={(providers) => set({ providers })} />
      <TagsField label="Endpoints" value={value.endpoints ?? []} placeholder="/chat/completions, /embeddings" onChange={(endpoints) => set({ endpoints })} />
      <TagsField label="Addresses" value={value.addresses ?? []} placeholder="10.0.0.0/8" hint="From where it may be used." onChange={(addresses) => set({ addresses })} />
      <TextField
        label="Privacy class"
        value={value.privacy ?? ""}
        placeholder="eu"
        hint="Only providers of this class are ever asked, fallbacks included."
        onChange={(event) => set({ privacy: event.target.value || null })}
      />
      <SelectField
        label="What is kept of what is said"
        value={value.content ?? ""}
        choices={[
          { value: "", name: "as the organisation has it" },
          { value: "off", name: "nothing" },
          { value: "redacted", name: "texts, without what looks secret or personal" },
          { value: "full", name: "everything" },
        ]}
        onChange={(event) => set({ content: (event.target.value || null) as NonNullable<Rules["content"]> | null })}
      />
    </fieldset>
  );
}
