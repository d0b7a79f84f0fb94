import { useQuery } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import { type Health, Strip } from "~/charts/Strip";
import { Badge } from "~/components/Badge";
import { ago, percent } from "~/components/numbers";
import { useOrg } from "~/session";
import type { Provider } from "./Providers";

const LANGUAGES: Record<string, string> = { "openai-completions": "chat completions", "openai-responses": "responses", "anthropic-messages": "messages" };

/** A provider at a glance: state, where its settings are, how the last day went. */
export function ProviderCard({ of: provider, onOpen }: { of: Provider; onOpen: () => void }) {
  const org = useOrg();
  const series = useQuery({
    queryKey: ["provider-day", org, provider.name],
    queryFn: () =>
      taken(api.GET("/api/v1/organisations/{org}/usage/series", { params: { path: { org }, query: { since: "24h", step: "hour", provider: provider.name, quantiles: false } } })),
    staleTime: 60_000,
  });
  const points = series.data?.lines[0]?.points ?? [];
  const broken = (provider.problems ?? []).length > 0;
  const models = provider.settings.models;
  const known = Array.isArray(models) ? models.length : Object.keys((models as object | undefined) ?? {}).length;
  return (
    <button
      type="button"
      onClick={onOpen}
      className="flex h-full w-full flex-col gap-2 rounded-card border border-line bg-surface p-4 text-left hover:border-accent"
    >
      <span className="flex w-full items-center justify-between gap-2">
        <span className="truncate font-semibold">{provider.name}</span>
        <State of={provider} broken={broken} />
      </span>
      <span className="w-full truncate text-muted">{String(provider.settings.base_url ?? LANGUAGES[provider.api] ?? provider.api)}</span>
      <Strip
        label={`${provider.name} in the last 24 hours`}
        cells={points.map(({ figures }) => {
          const bad = figures.attempts ? (figures.failed_attempts ?? 0) / figures.attempts : null;
          const state: Health = bad === null ? "none" : bad >= 0.2 ? "bad" : bad >= 0.02 ? "warn" : "good";
          return { state, told: `${figures.attempts ?? 0} attempts, ${percent(bad)} failed` };
        })}
      />
      {provider.check != null && (
        <span className={`w-full truncate text-xs ${provider.check.failed == null ? "text-good" : "text-bad"}`}>
          checked {ago(provider.check.at)}: {provider.check.failed ?? "it answers"}
        </span>
      )}
      <span className="text-xs text-muted">
        {[
          LANGUAGES[provider.api],
          known > 0 ? `${known} models` : null,
          provider.token?.readable ? `token •••${provider.token.last_four}` : provider.token ? "token unreadable" : null,
          provider.read_only ? `from the configuration${provider.place ? ` (${provider.place})` : ""}` : null,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </button>
  );
}

export function State({ of: provider, broken }: { of: Provider; broken: boolean }) {
  if (!provider.enabled) return <Badge>disabled</Badge>;
  return broken ? <Badge tone="bad">cannot be used</Badge> : <Badge tone="good">enabled</Badge>;
}
