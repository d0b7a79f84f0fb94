import { api, taken } from "~/api/client";
import { PREFIX } from "~/base";

const LIFE_S = 8 * 3600;
const keys = new Map<string, Promise<Made>>();

interface Made {
  org: string;
  id: string;
  key: string;
}

/**
 * A gateway key of one's own for the playground: what is asked there is let in, counted and limited
 * as anything else is. It lives in this page's memory, and ends with it, after a working day at the latest.
 */
export function playgroundKey(org: string, who: string): Promise<string> {
  const whose = `${org} ${who}`;
  let made = keys.get(whose);
  if (made === undefined) {
    made = taken(
      api.POST("/api/v1/organisations/{org}/keys", {
        params: { path: { org } },
        body: { name: `playground ${who} ${new Date().toISOString().slice(0, 19)}`, expires_at: Date.now() / 1000 + LIFE_S },
      }),
    ).then(async ({ id, key }) => {
      await known(key);
      return { org, id, key };
    });
    made.catch(() => keys.delete(whose));
    keys.set(whose, made);
  }
  return made.then(({ key }) => key);
}

/** Revoke what was made: nobody could use it any more, and it counts among an organisation's keys. */
export async function endPlaygroundKeys(): Promise<void> {
  const every = [...keys.values()];
  keys.clear();
  await Promise.allSettled(
    every.map(async (made) => {
      const { org, id } = await made;
      // Kept alive: the page may be gone before it is answered.
      await api.DELETE("/api/v1/organisations/{org}/keys/{key_id}", { params: { path: { org, key_id: id } }, keepalive: true });
    }),
  );
}

addEventListener("pagehide", () => void endPlaygroundKeys());

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
