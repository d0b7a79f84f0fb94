/** What is asked of all models. Numbers and tools are as they are being typed. */
export interface Question {
  system: string;
  /** Messages that went before, as chat completions has them: sent along as they are. */
  before: readonly Record<string, unknown>[];
  prompt: string;
  images: readonly string[];
  temperature: string;
  longest: string;
  tools: string;
}

export const FIRST: Question = {
  system: "",
  before: [],
  prompt: "Tell me a short story about a fox and a dog.",
  images: [],
  temperature: "",
  longest: "",
  tools: "",
};

/** Write a question as chat completions. Throws: SyntaxError for tools that are no JSON. */
export function bodyOf({ system, before, prompt, images, temperature, longest, tools }: Question): Record<string, unknown> {
  const content = images.length === 0 ? prompt : [{ type: "text", text: prompt }, ...images.map((url) => ({ type: "image_url", image_url: { url } }))];
  const asked = prompt === "" && images.length === 0 ? [] : [{ role: "user", content }];
  return {
    messages: [...(system === "" ? [] : [{ role: "system", content: system }]), ...before, ...asked],
    ...(temperature === "" ? {} : { temperature: Number(temperature) }),
    ...(longest === "" ? {} : { max_tokens: Number(longest) }),
    ...(tools.trim() === "" ? {} : { tools: JSON.parse(tools) as unknown }),
  };
}
