import { ORIGIN, PREFIX } from "~/base";
import { Sheet } from "~/components/Sheet";
import { shellWord } from "~/components/shell";
import { Snippets } from "~/components/Snippets";

interface Props {
  model: string;
  body: Record<string, unknown>;
  onClose: () => void;
}

/** The same request, as a program would make it. */
export function AsCode({ model, body, onClose }: Props) {
  const url = `${ORIGIN}${PREFIX}`;
  const whole = JSON.stringify({ model, ...body }, null, 2);
  const { messages, ...rest } = body as { messages: { role: string; content: unknown }[] };
  const system = messages.find(({ role }) => role === "system")?.content;
  const said = JSON.stringify(messages.filter(({ role }) => role !== "system"));
  const more = Object.entries(rest).map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("");
  const ways: readonly (readonly [string, string])[] = [
    ["curl", `curl ${url}/v1/chat/completions \\\n  -H "authorization: Bearer $KEY" -H "content-type: application/json" \\\n  -d ${shellWord(whole)}`],
    ["OpenAI SDK", `from openai import OpenAI\n\nclient = OpenAI(base_url="${url}/v1", api_key=key)\nanswer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=${JSON.stringify(messages)}${more})\nprint(answer.choices[0].message.content)`],
    ["Anthropic SDK", `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${url}", api_key=key)\nanswer = client.messages.create(model=${JSON.stringify(model)}, max_tokens=1024, messages=${said}${system === undefined ? "" : `, system=${JSON.stringify(system)}`})\nprint(answer.content[0].text)`],
    ["Dragoman", `import dragoman\n\nprint(dragoman.chat(${JSON.stringify(model)}, ${JSON.stringify(messages.at(-1)?.content ?? "")}).text)`],
  ];
  return (
    <Sheet wide title="As code" onClose={onClose}>
      <div className="flex flex-col gap-4">
        <Snippets of={ways} />
      </div>
    </Sheet>
  );
}
