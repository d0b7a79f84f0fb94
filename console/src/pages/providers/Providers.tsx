import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plug, Plus } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Button } from "~/components/Button";
import { Empty } from "~/components/Empty";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { type Shapes, useMay, useOrg } from "~/session";
import { Credentials } from "./Credentials";
import { ProviderCard } from "./ProviderCard";
import { ProviderSheet } from "./ProviderSheet";

export type Provider = Shapes["ProviderShown"];

/** Who can be asked: the organisation's own providers, and those of the gateway's configuration. */
export default function Providers() {
  const org = useOrg();
  const admin = useMay("admin");
  const navigate = useNavigate();
  const { provider: open } = useSearch({ strict: false }) as { provider?: string };
  const show = (name: string | undefined) =>
    void navigate({ to: ".", search: ({ provider: _, ...view }: Record<string, unknown>) => (name === undefined ? view : { ...view, provider: name }) });
  const found = useList(["providers", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/providers", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const there = open === undefined || open === "" ? undefined : found.rows.find(({ name }) => name === open);
  // What is being changed stays before one's eyes when somebody else deletes it meanwhile.
  const [seen, see] = useState(there);
  if (there !== undefined && there !== seen) see(there);
  const shown = there ?? (seen?.name === open ? seen : undefined);
  const add = admin && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => show("")}>
      Add a provider
    </Button>
  );
  return (
    <>
      <PageHead title="Providers" action={add}>
        Each is asked as <code>name/model</code>, in whatever language a program speaks.
      </PageHead>
      <Shown of={found}>
        {open !== undefined && open !== "" && shown === undefined && !found.hasNextPage && (
          <p role="alert" className="mb-4 rounded-card bg-bad-tint p-3 text-bad">
            There is no provider {open} here.
          </p>
        )}
        {found.rows.length === 0 ? (
          <Empty icon={Plug} title="No provider yet" action={add}>
            An address and a token are enough: of a vendor, of a server of your own, of anything that speaks one of the three languages.
          </Empty>
        ) : (
          <ul className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
            {found.rows.map((provider) => (
              <li key={provider.name}>
                <ProviderCard of={provider} onOpen={() => show(provider.name)} />
              </li>
            ))}
          </ul>
        )}
      </Shown>
      <div className="mt-6">
        <Credentials />
      </div>
      {open === "" && <ProviderSheet onClose={() => show(undefined)} />}
      {shown !== undefined && <ProviderSheet key={shown.name} shown={shown} onClose={() => show(undefined)} />}
    </>
  );
}
