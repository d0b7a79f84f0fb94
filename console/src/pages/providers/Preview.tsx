import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, Failure, taken } from "~/api/client";
import { useOrg } from "~/session";

const PAUSE_MS = 200;

/** Learn what will be called, while the address is being typed. Nothing is sent there. */
export function usePreview(url: string, language: string) {
  const org = useOrg();
  const settled = useSettled(url.trim());
  return useQuery({
    queryKey: ["preview", org, settled, language],
    queryFn: () =>
      taken(api.POST("/api/v1/organisations/{org}/provider-drafts/preview", { params: { path: { org } }, body: { base_url: settled, api: language as "openai-completions" } })),
    enabled: settled !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What will be called, or why nothing can be. */
export function Preview({ of: seen }: { of: ReturnType<typeof usePreview> }) {
  if (seen.data === undefined && !seen.isError) return null;
  return (
    <p role="status" className={`mt-1 text-xs ${seen.error ? "text-bad" : "text-muted"}`}>
      {seen.error instanceof Failure
        ? [seen.error.message, seen.error.refusal.hint].filter(Boolean).join(": ")
        : seen.data && (
            <>
              Will call: <code className="text-ink">POST {seen.data.requests}</code>
            </>
          )}
    </p>
  );
}

function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
