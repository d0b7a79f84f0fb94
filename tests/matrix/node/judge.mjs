// Ask a server for its cells, let the official SDKs read each, and print what they made of them.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const url = process.argv[2];
const messages = [{ role: "user", content: "hi" }];
const settings = { apiKey: "k", maxRetries: 0 };

async function chat(base, stream) {
  const client = new OpenAI({ ...settings, baseURL: `${base}/v1` });
  const body = { model: "m", messages };
  const answer = stream
    ? await client.chat.completions
        .stream({ ...body, stream_options: { include_usage: true } })
        .finalChatCompletion()
    : await client.chat.completions.create(body);
  const { message, finish_reason } = answer.choices[0];
  return {
    text: message.content ?? "",
    refusal: message.refusal ?? "",
    calls: (message.tool_calls ?? []).map((c) => [c.id, c.function.name, c.function.arguments]),
    ending: finish_reason,
    usage: answer.usage ? [answer.usage.prompt_tokens, answer.usage.completion_tokens] : null,
  };
}

async function responses(base, stream) {
  const client = new OpenAI({ ...settings, baseURL: `${base}/v1` });
  const body = { model: "m", input: "hi" };
  const answer = stream
    ? await client.responses.stream(body).finalResponse()
    : await client.responses.create(body);
  if (answer.status === "failed") throw new Error(answer.error.message);
  const content = answer.output.flatMap((item) => (item.type === "message" ? item.content : []));
  return {
    text: content.filter((c) => c.type === "output_text").map((c) => c.text).join(""),
    refusal: content.filter((c) => c.type === "refusal").map((c) => c.refusal).join(""),
    calls: answer.output
      .filter((item) => item.type === "function_call")
      .map((item) => [item.call_id, item.name, item.arguments]),
    ending: answer.incomplete_details?.reason ?? answer.status,
    usage: answer.usage ? [answer.usage.input_tokens, answer.usage.output_tokens] : null,
  };
}

async function claude(base, stream) {
  const client = new Anthropic({ ...settings, baseURL: base });
  const body = { model: "m", max_tokens: 100, messages };
  const answer = stream
    ? await client.messages.stream(body).finalMessage()
    : await client.messages.create(body);
  const { usage } = answer;
  const read = usage.cache_read_input_tokens ?? 0;
  const written = usage.cache_creation_input_tokens ?? 0;
  return {
    text: answer.content.filter((b) => b.type === "text").map((b) => b.text).join(""),
    refusal: "",
    calls: answer.content
      .filter((b) => b.type === "tool_use")
      .map((b) => [b.id, b.name, JSON.stringify(b.input)]),
    ending: answer.stop_reason,
    usage: [usage.input_tokens + read + written, usage.output_tokens],
  };
}

const readers = {
  "openai-completions": chat,
  "openai-responses": responses,
  "anthropic-messages": claude,
};
const cells = await (await fetch(`${url}/cells`)).json();
const found = [];
for (const [number, { api, stream }] of cells.entries()) {
  try {
    found.push(await readers[api](`${url}/${number}`, stream));
  } catch (error) {
    found.push({ error: String(error.message) });
  }
}
console.log(JSON.stringify(found));
