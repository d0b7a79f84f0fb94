import { Badge } from "./Badge";

/** Whether something that was set up works: on, off, or broken. */
export function Standing({ of }: { of: { enabled: boolean; problem?: string | null } }) {
  if (of.problem != null) return <Badge tone="bad">broken</Badge>;
  return <Badge tone={of.enabled ? "good" : "plain"}>{of.enabled ? "on" : "off"}</Badge>;
}
