import { useQuery } from "@tanstack/react-query";
import { useLocation, useSearch } from "@tanstack/react-router";
import { api, taken } from "~/api/client";
import { CONSOLE, PREFIX } from "~/base";

const REFUSED: Record<string, string> = {
  sign_in_failed: "Signing in elsewhere did not work: it was not begun in this browser, took too long, or was refused there.",
  forbidden: "You have signed in there, but nobody has let you in here.",
  not_found: "Nobody signs in elsewhere: it is not set up.",
};

/** Longer ones the API takes for none of ours. */
const LONGEST = 500;

/** The page that one wanted to see, to come back to. */
function useOnward(): string {
  const { pathname, searchStr } = useLocation();
  const search = new URLSearchParams(searchStr);
  search.delete("refused");
  const onward = `${CONSOLE}${pathname}${search.size > 0 ? `?${search}` : ""}`;
  return onward.length > LONGEST ? `${CONSOLE}/` : onward;
}

/** The way in by way of somebody who knows who one is, where that is set up. */
export function Elsewhere() {
  const { refused } = useSearch({ strict: false }) as { refused?: string };
  const onward = useOnward();
  const oidc = useQuery({ queryKey: ["oidc"], queryFn: () => taken(api.GET("/api/v1/oidc")), staleTime: 60_000, retry: false });
  return (
    <>
      {refused !== undefined && (
        <p role="alert" className="mt-4 rounded-card bg-bad-tint p-3 text-bad">
          {REFUSED[refused] ?? "Signing in elsewhere did not work; the gateway's log says why."}
        </p>
      )}
      {oidc.data?.enabled && (
        <a
          href={`${PREFIX}/api/v1/oidc/start?onward=${encodeURIComponent(onward)}`}
          className="mt-4 flex h-9 items-center justify-center rounded-md border border-line bg-surface px-3 font-medium hover:bg-raised"
        >
          {oidc.data.title ?? "Sign in elsewhere"}
        </a>
      )}
    </>
  );
}
