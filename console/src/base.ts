/** Where the console and the API are. The page's `<base>` says it, so any prefix of a proxy works. */
const home = new URL(document.baseURI);

/** The path under which the router works, e.g. `/console` or `/llm/console`. */
export const CONSOLE = home.pathname.replace(/\/$/, "");

/** What stands before `/api/v1` and `/v1`: empty, or a proxy's prefix. */
export const PREFIX = CONSOLE.replace(/\/console$/, "");

export const ORIGIN = home.origin;
