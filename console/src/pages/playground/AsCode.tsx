import { Sheet } from "~/components/Sheet";
import { Snippets } from "~/components/Snippets";
import { asAnthropic, asCurl, asOpenAI, shellWord } from "~/components/ways";

interface Props {
  model: string;
  body: Record<string, unknown>;
  onClose: () => void;
}

/** The same request, as a program would make it. */
export function AsCode({ model, body, onClose }: Props) {
  const whole = JSON.stringify({ model, ...body }, null, 2);
  const { messages, ...rest } = body as { messages: { role: string; content: unknown }[] };
  const system = messages.find(({ role }) => role === "system")?.content;
  const said = messages.filter(({ role }) => role !== "system");
  const more = Object.entries(rest).map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("");
  const ways: readonly (readonly [string, string])[] = [
    ["curl", asCurl("$KEY", shellWord(whole))],
    ["OpenAI SDK", asOpenAI("key", model, messages, more)],
    ["Anthropic SDK", asAnthropic("key", model, said, system === undefined ? "" : `, system=${JSON.stringify(system)}`)],
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
