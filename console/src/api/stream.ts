import { PREFIX } from "~/base";

/** A step of a streamed chat completion. */
export interface Piece {
  text?: string;
  reasoning?: string;
  tool?: { index: number; name?: string; arguments?: string };
  usage?: { prompt_tokens?: number; completion_tokens?: number; cost?: number };
  finish?: string;
}

/** What a request told besides its answer, in its headers. */
export interface Told {
  id: string | null;
  provider: string | null;
  model: string | null;
  attempts: string | null;
}

/** Ask for a chat completion, and hand on its pieces as they come. Raises what the gateway refuses with. */
export async function* askStream(key: string, body: unknown, signal: AbortSignal, told: (told: Told) => void): AsyncGenerator<Piece> {
  const response = await fetch(`${PREFIX}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
    signal,
  });
  const header = (name: string) => response.headers.get(name);
  told({ id: header("x-request-id"), provider: header("x-dragoman-provider"), model: header("x-dragoman-model"), attempts: header("x-dragoman-attempts") });
  if (!response.ok || response.body === null) throw new Error(messageOf(await response.json().catch(() => null)) ?? `the gateway answered ${response.status}`);
  let held = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const frame = JSON.parse(data) as Frame;
      const wrong = messageOf(frame);
      if (wrong !== undefined) throw new Error(wrong);
      yield pieceOf(frame);
    }
  }
}

interface Frame {
  choices?: { delta?: { content?: string | null; reasoning_content?: string; tool_calls?: { index: number; function?: { name?: string; arguments?: string } }[] }; finish_reason?: string | null }[];
  usage?: Piece["usage"] | null;
}

function pieceOf({ choices, usage }: Frame): Piece {
  const choice = choices?.[0];
  const call = choice?.delta?.tool_calls?.[0];
  return {
    ...(choice?.delta?.content ? { text: choice.delta.content } : {}),
    ...(choice?.delta?.reasoning_content ? { reasoning: choice.delta.reasoning_content } : {}),
    ...(call ? { tool: { index: call.index, ...call.function } } : {}),
    ...(choice?.finish_reason ? { finish: choice.finish_reason } : {}),
    ...(usage ? { usage } : {}),
  };
}

function messageOf(body: unknown): string | undefined {
  return (body as { error?: { message?: string } } | null)?.error?.message;
}
