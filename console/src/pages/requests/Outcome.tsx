import { Badge, type Tone } from "~/components/Badge";
import type { Line } from "./Requests";

const TONES: Record<string, Tone> = { ok: "good", error: "bad", truncated: "warn", client_closed: "plain", interrupted: "plain" };
const WORDS: Record<string, string> = { client_closed: "client left" };

/** How a request ended. */
export function Outcome({ of: line }: { of: Pick<Line, "outcome" | "status" | "error"> }) {
  const words = line.outcome === "error" ? (line.error ?? "error") : (WORDS[line.outcome] ?? line.outcome);
  return (
    <Badge tone={TONES[line.outcome] ?? "plain"}>
      {line.status != null && `${line.status} `}
      {words}
    </Badge>
  );
}
