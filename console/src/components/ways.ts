import { ORIGIN, PREFIX } from "~/base";

/** Where programs find the gateway. */
export const GATEWAY = `${ORIGIN}${PREFIX}`;

/** A text as one word of a shell, whatever it holds: names of models are written by others. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A request as curl makes it; `data` is the word of a shell that says what is sent. */
export function asCurl(key: string, data: string, path = "/chat/completions"): string {
  return `curl ${GATEWAY}/v1${path} \\\n  -H "authorization: Bearer ${key}" -H "content-type: application/json" \\\n  -d ${data}`;
}

/** A request as a program in Python makes it; `key` and `more`, further arguments, are Python. */
export function asOpenAI(key: string, model: string, messages: readonly unknown[], more = ""): string {
  return `from openai import OpenAI\n\nclient = OpenAI(base_url="${GATEWAY}/v1", api_key=${key})\nanswer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=${JSON.stringify(messages)}${more})\nprint(answer.choices[0].message.content)`;
}

/** The same, with Anthropic's SDK. */
export function asAnthropic(key: string, model: string, messages: readonly unknown[], more = ""): string {
  return `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${GATEWAY}", api_key=${key})\nanswer = client.messages.create(model=${JSON.stringify(model)}, max_tokens=1024, messages=${JSON.stringify(messages)}${more})\nprint(answer.content[0].text)`;
}
