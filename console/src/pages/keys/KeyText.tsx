import { Code } from "~/components/Copy";
import { Snippets } from "~/components/Snippets";
import { asAnthropic, asCurl, asOpenAI, GATEWAY, shellWord } from "~/components/ways";

/** The text of a key, while it can be seen, and how it is used. */
export function KeyText({ text, model = "demo/echo" }: { text: string; model?: string }) {
  const messages = [{ role: "user", content: "Hello" }];
  const ways: readonly (readonly [string, string])[] = [
    ["curl", asCurl(text, shellWord(JSON.stringify({ model, messages })))],
    ["OpenAI SDK (Python)", asOpenAI(`"${text}"`, model, messages)],
    ["Anthropic SDK (Python)", asAnthropic(`"${text}"`, model, messages)],
    ["Claude Code", `unset ANTHROPIC_API_KEY\nexport ANTHROPIC_BASE_URL=${GATEWAY} ANTHROPIC_AUTH_TOKEN=${text}\nexport ANTHROPIC_MODEL=${shellWord(model)}\nclaude`],
    ["Codex", `export DRAGOMAN_GATEWAY_KEY=${text}\ncodex -m ${shellWord(model)} -c 'model_provider="dragoman"' \\\n  -c 'model_providers.dragoman={name="Dragoman",base_url="${GATEWAY}/v1",env_key="DRAGOMAN_GATEWAY_KEY",wire_api="responses"}'`],
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
