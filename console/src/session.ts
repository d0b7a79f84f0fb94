import { type QueryClient, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, Failure, taken } from "~/api/client";
import type { components } from "~/api/schema";

export type Shapes = components["schemas"];
export type Me = Shapes["Me"];
export type Role = Me["roles"][string];

const ROLES: readonly Role[] = ["viewer", "member", "admin", "owner"];

const ME = {
  queryKey: ["me"],
  queryFn: () => taken(api.GET("/api/v1/session")),
  staleTime: 60_000,
  retry: false,
} as const;

const ORGANISATIONS = {
  queryKey: ["organisations"],
  queryFn: () => taken(api.GET("/api/v1/organisations", { params: { query: { limit: 200 } } })),
  staleTime: 30_000,
} as const;

/** Ask for what every page waits for, while the page itself is still on its way. */
export function askAhead(queries: QueryClient): void {
  void queries.prefetchQuery(ME);
  void queries.prefetchQuery(ORGANISATIONS);
}

/** After a refusal, ask anew whether one is still signed in: a session may end while a page is open. */
export function lookAgain(queries: QueryClient, error: Error, { queryKey: [asked] }: { queryKey: readonly unknown[] }): void {
  const ended = error instanceof Failure && error.status === 401 && queries.getQueryData(ME.queryKey) !== undefined;
  if (ended && asked !== ME.queryKey[0]) void queries.invalidateQueries({ queryKey: ME.queryKey });
}

/** The organisation to which an address leads whoever has signed in. */
export async function orgAhead(queries: QueryClient, { org }: { org?: string }): Promise<string> {
  const [, { items }] = await Promise.all([queries.ensureQueryData(ME), queries.ensureQueryData(ORGANISATIONS)]);
  return org ?? items[0]?.name ?? "default";
}

/** Who looks at the console; a 401 means that nobody has signed in. */
export function useMe() {
  return useQuery(ME);
}

/** The organisations that one may look at; the first page is more than anybody switches between. */
export function useOrganisations() {
  return useQuery(ORGANISATIONS);
}

/** The organisation that one looks at: the address names it, else it is the first. */
export function useOrg(): string {
  const { org } = useSearch({ strict: false }) as { org?: string };
  const known = useOrganisations().data?.items;
  return org ?? known?.[0]?.name ?? "default";
}

/** The projects of the organisation at which one looks; the first page is more than anybody chooses from. */
export function useProjects(): readonly Shapes["ProjectShown"][] {
  const org = useOrg();
  const projects = useQuery({
    queryKey: ["projects", org, "all"],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/projects", { params: { path: { org }, query: { limit: 200 } } })),
    staleTime: 30_000,
  });
  return projects.data?.items ?? [];
}

/** Whether one's role in the organisation at which one looks is at least this. */
export function useMay(least: Role): boolean {
  return useMays()(least);
}

/** The same, of several roles. */
export function useMays(): (least: Role) => boolean {
  const org = useOrg();
  const role = useOrganisations().data?.items.find(({ name }) => name === org)?.role;
  return (least) => role != null && ROLES.indexOf(role) >= ROLES.indexOf(least);
}
