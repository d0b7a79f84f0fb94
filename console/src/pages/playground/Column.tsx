import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { playgroundKey } from "~/api/playground";
import { requestQuery } from "~/api/request";
import { askStream, type Piece, type Told } from "~/api/stream";
import { count, duration, money } from "~/components/numbers";
import { useMe, useOrg } from "~/session";

/** A question to all columns; its number tells it from the one before. */
export interface Asking {
  number: number;
  body: Record<string, unknown>;
}

interface Answer {
  text: string;
  reasoning: string;
  tools: string;
  first: number | null;
  took: number;
  usage: Piece["usage"] | null;
  told: Told | null;
  finish: string | null;
  wrong: string | null;
  ended: boolean;
}

const NOTHING: Answer = { text: "", reasoning: "", tools: "", first: null, took: 0, usage: null, told: null, finish: null, wrong: null, ended: false };

/** Seconds: an answer that comes in one piece comes with no speed. */
const LEAST_S = 0.05;

interface Props {
  model: string;
  asking: Asking | null;
  /** Told 1 when an answer is waited for, -1 when it is over, however it ended. */
  onWaiting: (change: 1 | -1) => void;
}

/** One model's answer, as it comes. */
export function Column({ model, asking, onWaiting }: Props) {
  const org = useOrg();
  const who = useMe().data?.name ?? "";
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    if (asking === null) return;
    const stop = new AbortController();
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    let now: Answer = NOTHING;
    const put = (change: Partial<Answer>) => {
      now = { ...now, ...change, took: since() };
      setAnswer(now);
    };
    const ask = async () => {
      const key = await playgroundKey(org, who);
      const body = { ...asking.body, model, stream: true, stream_options: { include_usage: true } };
      for await (const piece of askStream(key, body, stop.signal, (told) => put({ told })))
        put({
          text: now.text + (piece.text ?? ""),
          reasoning: now.reasoning + (piece.reasoning ?? ""),
          tools: now.tools + (piece.tool?.name ? `${now.tools ? "\n" : ""}${piece.tool.name} ` : "") + (piece.tool?.arguments ?? ""),
          first: now.first ?? (piece.text || piece.reasoning || piece.tool ? since() : null),
          ...(piece.usage ? { usage: piece.usage } : {}),
          ...(piece.finish ? { finish: piece.finish } : {}),
        });
      put({ ended: true });
    };
    let waiting = true;
    const over = () => {
      if (waiting) onWaiting(-1);
      waiting = false;
    };
    onWaiting(1);
    put({});
    ask()
      .catch((problem: unknown) => {
        if (!stop.signal.aborted) put({ wrong: problem instanceof Error ? problem.message : String(problem) });
      })
      .finally(over);
    return () => {
      stop.abort();
      over();
    };
    // A column asks when it is told to, not when its model's name is being typed.
    // eslint-disable-next-line
  }, [asking]);
  if (answer === null) return <p className="text-muted">The answer comes here.</p>;
  const out = answer.usage?.completion_tokens;
  const streamed = answer.first === null ? 0 : answer.took - answer.first;
  const speed = out !== undefined && streamed >= LEAST_S ? out / streamed : null;
  return (
    <div aria-live="polite" className="flex flex-col gap-3">
      {answer.reasoning !== "" && <p className="border-l-2 border-line pl-3 whitespace-pre-wrap text-muted">{answer.reasoning}</p>}
      <p data-testid="answer" className="min-h-16 whitespace-pre-wrap break-words">
        {answer.text}
      </p>
      {answer.tools !== "" && <pre className="overflow-x-auto rounded-md border border-line bg-canvas p-2 font-mono text-xs">{answer.tools}</pre>}
      {answer.wrong !== null && (
        <p role="alert" className="text-bad">
          {answer.wrong}
        </p>
      )}
      <p className="border-t border-line pt-2 text-xs text-muted">
        first token {duration(answer.first)} · {duration(answer.took)} · {count(answer.usage?.prompt_tokens)} in / {count(out)} out
        {speed !== null && ` · ${speed.toFixed(0)} tokens/s`} · <Cost of={answer} />
        {answer.told?.provider != null && ` · ${answer.told.provider}/${answer.told.model ?? ""}`}
        {answer.told?.id != null && (
          <>
            {" · "}
            <Link to="/requests" search={(view: Record<string, unknown>) => ({ ...view, request: answer.told?.id ?? undefined })} className="text-accent underline">
              trace
            </Link>
          </>
        )}
      </p>
    </div>
  );
}

const COUNTED_MS = 400;
const LOOKS = 8;

/** What it cost: as the answer says, where routes are set to; else as it was counted, a moment later. */
function Cost({ of: { usage, told, ended } }: { of: Answer }) {
  const org = useOrg();
  const id = told?.id ?? "";
  const counted = useQuery({
    ...requestQuery(org, id),
    enabled: ended && id !== "" && usage?.cost === undefined,
    retry: LOOKS,
    retryDelay: COUNTED_MS,
  });
  return usage?.cost === undefined ? money(counted.data?.line.cost_nanousd) : money(usage.cost * 1e9);
}
