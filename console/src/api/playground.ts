import { api, taken } from "~/api/client";
import { PREFIX } from "~/base";

const LIFE_S = 8 * 3600;
const keys = new Map<string, Promise<string>>();

/**
 * A gateway key of one's own for the playground: what is asked there is let in, counted and limited
 * as anything else is. It lives in this page's memory, and ends after a working day.
 */
export function playgroundKey(org: string, who: string): Promise<string> {
  let key = keys.get(org);
  if (key === undefined) {
    key = taken(
      api.POST("/api/v1/organisations/{org}/keys", {
        params: { path: { org } },
        body: { name: `playground ${who} ${new Date().toISOString().slice(0, 19)}`, expires_at: Date.now() / 1000 + LIFE_S },
      }),
    ).then(async (made) => {
      await known(made.key);
      return made.key;
    });
    key.catch(() => keys.delete(org));
    keys.set(org, key);
  }
  return key;
}

const LOOKS = 12;
const PAUSE_MS = 400;

/** Wait until every worker knows a key that has just been made: until then they say 503. */
async function known(key: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const { status } = await fetch(`${PREFIX}/v1/models`, { method: "HEAD", headers: { authorization: `Bearer ${key}` } });
    if (status !== 503) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
