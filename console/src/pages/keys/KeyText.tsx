import { ORIGIN, PREFIX } from "~/base";
import { Code } from "~/components/Copy";
import { shellWord } from "~/components/shell";
import { Snippets } from "~/components/Snippets";

/** The text of a key, while it can be seen, and how it is used. */
export function KeyText({ text, model = "demo/echo" }: { text: string; model?: string }) {
  const url = `${ORIGIN}${PREFIX}`;
  const messages = [{ role: "user", content: "Hello" }];
  const ways: readonly (readonly [string, string])[] = [
    ["curl", `curl ${url}/v1/chat/completions \\\n  -H "authorization: Bearer ${text}" -H "content-type: application/json" \\\n  -d ${shellWord(JSON.stringify({ model, messages }))}`],
    ["OpenAI SDK (Python)", `from openai import OpenAI\n\nclient = OpenAI(base_url="${url}/v1", api_key="${text}")\nanswer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=${JSON.stringify(messages)})\nprint(answer.choices[0].message.content)`],
    ["Anthropic SDK (Python)", `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${url}", api_key="${text}")\nanswer = client.messages.create(model=${JSON.stringify(model)}, max_tokens=1000, messages=${JSON.stringify(messages)})\nprint(answer.content[0].text)`],
    ["Claude Code", `unset ANTHROPIC_API_KEY\nexport ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=${text}\nexport ANTHROPIC_MODEL=${shellWord(model)}\nclaude`],
    ["Codex", `export DRAGOMAN_GATEWAY_KEY=${text}\ncodex -m ${shellWord(model)} -c 'model_provider="dragoman"' \\\n  -c 'model_providers.dragoman={name="Dragoman",base_url="${url}/v1",env_key="DRAGOMAN_GATEWAY_KEY",wire_api="responses"}'`],
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
