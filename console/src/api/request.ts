import { api, taken } from "./client";

/** How one request is asked for, with its attempts and what was said where that is kept. */
export function requestQuery(org: string, id: string) {
  return {
    queryKey: ["request", org, id],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/requests/{request_id}", { params: { path: { org, request_id: id } } })),
  } as const;
}
