import { ORIGIN, PREFIX } from "~/base";
import { Code } from "~/components/Copy";
import { Snippets } from "~/components/Snippets";

/** The text of a key, while it can be seen, and how it is used. */
export function KeyText({ text, model = "demo/echo" }: { text: string; model?: string }) {
  const url = `${ORIGIN}${PREFIX}`;
  const ways: readonly (readonly [string, string])[] = [
    ["curl", `curl ${url}/v1/chat/completions \\\n  -H "authorization: Bearer ${text}" -H "content-type: application/json" \\\n  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`],
    ["OpenAI SDK (Python)", `client = OpenAI(base_url="${url}/v1", api_key="${text}")`],
    ["Anthropic SDK (Python)", `client = Anthropic(base_url="${url}", api_key="${text}")`],
    ["Claude Code", `export ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=${text}`],
    ["Codex", `export OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${text}`],
  ];
  return (
    <div className="flex flex-col gap-4">
      <p>
        This is the only time that it can be seen. <span className="text-muted">We keep a digest, from which nobody gets it back.</span>
      </p>
      <Code text={text} label="Copy the key" />
      <Snippets of={ways} />
    </div>
  );
}
