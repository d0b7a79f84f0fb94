import { useSearch } from "@tanstack/react-router";

/** What of the address stays when one goes to another page: at what one looks, not what is open there. */
const KEPT = ["org", "project", "range", "from", "to"] as const;

export function kept(view: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(KEPT.filter((name) => view[name] !== undefined).map((name) => [name, view[name]]));
}

/** The project that an address names, if it is one alone. */
export function projectOf({ project }: { project?: unknown }): string | undefined {
  return project === undefined || project === "" ? undefined : String(project);
}

export function useProject(): string | undefined {
  return projectOf(useSearch({ strict: false }));
}
