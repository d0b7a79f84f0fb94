import { FIRST, type Question } from "./question";

type Fields = Record<string, unknown>;

interface Said {
  role: string;
  text: string;
  images: string[];
}

/** A kept request as a question; `left` names what could not be taken over. */
export interface Replayed {
  question: Question;
  left: string[];
}

/**
 * Read what was asked in any of the three languages: their texts and pictures, tools and limits.
 * Chat completions' earlier messages are taken as they are; of the others' the texts and pictures.
 * Throws: SyntaxError for what is no JSON, as when only its beginning was kept.
 */
export function replay(request: string): Replayed {
  const body = fields(JSON.parse(request));
  const left = new Set<string>();
  const messages = listed(body.messages ?? (typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input));
  const isChat = body.messages !== undefined && body.system === undefined;
  const last = read(messages.at(-1), left);
  const asks = last?.role === "user";
  const earlier = asks ? messages.slice(0, -1) : messages;
  const first = fields(earlier[0]);
  const leads = (first.role === "system" || first.role === "developer") && typeof first.content === "string";
  const before = leads ? earlier.slice(1) : earlier;
  const tools = listed(body.tools);
  return {
    question: {
      ...FIRST,
      system: [leads ? String(first.content) : "", textOf(body.system ?? body.instructions)].filter((text) => text !== "").join("\n\n"),
      before: isChat ? before.map(fields) : before.flatMap((message) => rewritten(read(message, left))),
      prompt: asks ? last.text : "",
      images: asks ? last.images : [],
      temperature: typeof body.temperature === "number" ? String(body.temperature) : "",
      longest: longestOf(body),
      tools: tools.length === 0 ? "" : JSON.stringify(tools.flatMap((tool) => asFunction(fields(tool), left)), null, 2),
    },
    left: [...left],
  };
}

function longestOf(body: Fields): string {
  const longest = body.max_completion_tokens ?? body.max_tokens ?? body.max_output_tokens;
  return typeof longest === "number" ? String(longest) : "";
}

/** Read a message's text and pictures; none where it holds neither, and what else it holds is `left`. */
function read(message: unknown, left: Set<string>): Said | null {
  const { role, content, type } = fields(message);
  if (typeof role !== "string") {
    if (typeof type === "string") left.add(type);
    return null;
  }
  const said: Said = { role, text: textOf(content), images: [] };
  for (const part of typeof content === "string" ? [] : listed(content)) {
    const url = pictureOf(fields(part));
    if (url !== null) said.images.push(url);
    else if (typeof fields(part).text !== "string") left.add(String(fields(part).type));
  }
  return said.text === "" && said.images.length === 0 ? null : said;
}

function rewritten(said: Said | null): Fields[] {
  if (said === null) return [];
  const { role, text, images } = said;
  return [{ role, content: images.length === 0 ? text : [{ type: "text", text }, ...images.map((url) => ({ type: "image_url", image_url: { url } }))] }];
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listed(content)
    .map((part) => fields(part).text)
    .filter((text) => typeof text === "string")
    .join("\n");
}

/** Where a picture is, in the shapes of chat completions, Responses and Messages. */
function pictureOf({ type, image_url, source }: Fields): string | null {
  if (type === "image_url" || type === "input_image") {
    const url = typeof image_url === "string" ? image_url : fields(image_url).url;
    return typeof url === "string" ? url : null;
  }
  const { media_type, data, url } = fields(source);
  if (type !== "image") return null;
  return typeof data === "string" ? `data:${String(media_type)};base64,${data}` : typeof url === "string" ? url : null;
}

function asFunction(tool: Fields, left: Set<string>): Fields[] {
  if (tool.function !== undefined) return [tool];
  const { name, description, parameters, input_schema } = tool;
  const schema = parameters ?? input_schema;
  if (typeof name === "string" && schema !== undefined) return [{ type: "function", function: { name, description, parameters: schema } }];
  left.add(String(tool.type ?? "a tool"));
  return [];
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
