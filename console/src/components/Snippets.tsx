import { Code } from "./Copy";

/** Several ways to write the same down, each to take along. */
export function Snippets({ of: ways }: { of: readonly (readonly [name: string, code: string])[] }) {
  return ways.map(([name, code]) => (
    <section key={name}>
      <h3 className="mb-1 text-sm font-medium">{name}</h3>
      <Code text={code} label={`Copy for ${name}`} />
    </section>
  ));
}
