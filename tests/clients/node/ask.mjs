// The Vercel AI SDK, with its providers for OpenAI-compatible servers and for Anthropic. Arguments
// and output are those of ../python/said.py.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, streamText, tool } from "ai";

const { url, models } = JSON.parse(process.argv[2]);
const provider =
  process.argv[3] === "openai"
    ? createOpenAICompatible({ name: "dragoman", baseURL: `${url}/v1`, apiKey: "any", includeUsage: true })
    : createAnthropic({ baseURL: `${url}/v1`, apiKey: "any" });
const lookUp = tool({
  description: "Look up a city.",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
});

const said = {};
for (const name of models) {
  const asked = { model: provider(name), maxOutputTokens: 16, maxRetries: 0 };
  const whole = await generateText({ ...asked, prompt: "Say hello" });
  const streamed = streamText({ ...asked, prompt: "Say hello", onError: ({ error }) => { throw error; } });
  const pieces = await Array.fromAsync(streamed.textStream);
  const called = await generateText({ ...asked, prompt: "Look up Paris", tools: { look_up: lookUp } });
  const [call] = called.toolCalls;
  said[name] = { whole: whole.text, stream: pieces, call: [call.toolName, call.input] };
}
console.log(JSON.stringify(said));
