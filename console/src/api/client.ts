import createClient from "openapi-fetch";
import { PREFIX } from "~/base";
import type { paths } from "./schema";

/** What the API says when it refuses. */
export interface Refusal {
  code: string;
  message: string;
  hint?: string;
  param?: string;
}

/** An answer that was none. `status` is 0 when nothing answered. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
  ) {
    super(refusal.message);
  }
}

export const api = createClient<paths>({ baseUrl: PREFIX, credentials: "same-origin" });

api.use({
  async onResponse({ response }) {
    if (response.ok) return;
    const body: unknown = await response.clone().json().catch(() => null);
    throw new Failure(response.status, refusalOf(body, response.status));
  },
  onError() {
    throw new Failure(0, { code: "unreachable", message: "the gateway does not answer", hint: "is it running?" });
  },
});

function refusalOf(body: unknown, status: number): Refusal {
  const error = (body as { error?: Partial<Refusal> } | null)?.error;
  return error?.message !== undefined
    ? { code: "error", ...error, message: error.message }
    : { code: "error", message: `the gateway answered ${status}` };
}

/** Take the data out of an answer: what is no answer has been thrown before. */
export async function taken<T>(asked: Promise<{ data?: T }>): Promise<T> {
  const { data } = await asked;
  return data as T;
}
