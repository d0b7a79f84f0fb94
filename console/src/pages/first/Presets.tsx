import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { askAnew } from "~/api/anew";
import { api, taken } from "~/api/client";
import { Button } from "~/components/Button";
import { BOX, TextField } from "~/components/Field";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";

const SHOWN_AT_ONCE = 12;

/** Providers whose address is known: a token is all that they need. */
export function Presets({ onDone }: { onDone: (model: string) => void }) {
  const org = useOrg();
  const queries = useQueryClient();
  const [wanted, setWanted] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const [token, setToken] = useState("");
  const known = useQuery({
    queryKey: ["built-in", org],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/built-in-providers", { params: { path: { org }, query: { limit: 200 } } })),
  });
  const every = known.data?.items ?? [];
  const found = every.filter(({ name }) => name.includes(wanted.toLowerCase())).sort((one, other) => one.rank - other.rank);
  const keep = useMutation({
    mutationFn: (provider: string) => taken(api.PUT("/api/v1/organisations/{org}/credentials/{provider}", { params: { path: { org, provider } }, body: { token } })),
    onSuccess: async (made) => {
      const model = every.find(({ name }) => name === made.provider)?.default_model;
      setToken("");
      setChosen(null);
      await askAnew(queries, ["built-in"]);
      await askAnew(queries, ["credentials"]);
      onDone(`${made.provider}/${model ?? ""}`);
    },
  });
  if (known.data !== undefined && every.length === 0) {
    return <p className="text-muted">No built-in provider is enabled for this organisation. Ask an operator of this gateway to enable one, or add a provider of your own.</p>;
  }
  return (
    <>
      <ul className="grid grid-cols-2 gap-2 sm:grid-cols-3 md:grid-cols-4">
        {found.slice(0, SHOWN_AT_ONCE).map(({ name, token: has }) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={chosen === name}
              onClick={() => setChosen(chosen === name ? null : name)}
              className="flex h-10 w-full items-center justify-between gap-2 rounded-md border border-line bg-canvas px-3 text-left hover:border-accent aria-pressed:border-accent aria-pressed:bg-tint aria-pressed:text-accent"
            >
              <span className="truncate font-medium">{name}</span>
              {has && <span className="text-xs text-good">has a token</span>}
            </button>
          </li>
        ))}
      </ul>
      {chosen === null ? (
        <input
          aria-label="Search built-in providers"
          placeholder={every.length > 0 ? `Search ${every.length} built-in providers …` : "Search built-in providers …"}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          className={`${BOX} mt-3 h-9`}
        />
      ) : (
        <form
          className="mt-3 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            keep.mutate(chosen);
          }}
        >
          <div className="min-w-48 flex-1">
            <TextField label={`Token for ${chosen}`} type="password" required autoFocus value={token} onChange={(event) => setToken(event.target.value)} />
          </div>
          <Button kind="primary" type="submit" busy={keep.isPending} className="h-9">
            Keep it
          </Button>
        </form>
      )}
      <Trouble error={keep.error} />
    </>
  );
}
