import { useSearch } from "@tanstack/react-router";

/** What of the address stays when one goes to another page: at what one looks, not what is open there. */
const KEPT = ["org", "project", "range", "from", "to"] as const;

export function kept(view: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(KEPT.filter((name) => view[name] !== undefined).map((name) => [name, view[name]]));
}

/** The project that one looks at, if it is one alone. */
export function useProject(): string | undefined {
  const { project } = useSearch({ strict: false }) as { project?: unknown };
  return project === undefined || project === "" ? undefined : String(project);
}
