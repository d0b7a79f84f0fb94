import { api, taken } from "~/api/client";

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
    ).then((made) => made.key);
    key.catch(() => keys.delete(org));
    keys.set(org, key);
  }
  return key;
}
