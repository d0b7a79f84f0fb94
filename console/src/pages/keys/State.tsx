import { Badge } from "~/components/Badge";
import type { Key } from "./Keys";

/** Whether a key opens, and whether an older text of it does too. */
export function State({ of: key }: { of: Key }) {
  const now = Date.now() / 1000;
  if (key.read_only) return <Badge>from the configuration</Badge>;
  if (key.revoked_at != null) return <Badge tone="bad">revoked</Badge>;
  if (key.problem != null) return <Badge tone="bad">broken</Badge>;
  if (key.expires_at != null && key.expires_at <= now) return <Badge tone="bad">expired</Badge>;
  if (key.previous_until != null && key.previous_until > now) return <Badge tone="warn">rotating</Badge>;
  return <Badge tone="good">valid</Badge>;
}
