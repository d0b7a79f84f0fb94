import { queryOptions } from "@tanstack/react-query";
import { api, taken } from "~/api/client";

/** The first of an organisation's own providers: enough to know whether there is one. */
export function ownProviders(org: string) {
  return queryOptions({
    queryKey: ["providers", org, "first"],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/providers", { params: { path: { org } } })),
  });
}
