import { useQuery } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import type { Shapes } from "~/session";

/** What holds in this gateway where an organisation says nothing else. */
export function useGateway(): Shapes["GatewayShown"] | undefined {
  return useQuery({ queryKey: ["gateway"], queryFn: () => taken(api.GET("/api/v1/gateway")), staleTime: 60_000 }).data;
}

/** How long something is kept; none is for ever. */
export function daysOf(days: number): string {
  return days === 0 ? "for ever" : days === 1 ? "a day" : `${days} days`;
}
