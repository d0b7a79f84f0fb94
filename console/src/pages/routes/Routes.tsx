import { Plus, Route as RouteIcon } from "lucide-react";
import { useState } from "react";
import { api, taken } from "~/api/client";
import { useList } from "~/api/list";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { type Shapes, useMay, useOrg } from "~/session";
import { Explain } from "./Explain";
import { RouteSheet } from "./RouteSheet";
import { stepsOf } from "./steps";

export type Route = Shapes["RouteShown"];

/** Names that stand for several models, in an order. */
export default function Routes() {
  const org = useOrg();
  const admin = useMay("admin");
  const [open, setOpen] = useState<Route | "new" | null>(null);
  const found = useList(["routes", org], (cursor) =>
    taken(api.GET("/api/v1/organisations/{org}/routes", { params: { path: { org }, query: { limit: 200, cursor: cursor ?? null } } })),
  );
  const add = admin && (
    <Button kind="primary" icon={<Plus aria-hidden size={14} />} onClick={() => setOpen("new")}>
      New route
    </Button>
  );
  return (
    <>
      <PageHead title="Routes" action={add}>
        One name for several models: when the first is down or too slow, the next is asked.
      </PageHead>
      <div className="grid gap-4 xl:grid-cols-[1fr_24rem]">
        <Shown of={found}>
          {found.rows.length === 0 ? (
            <Empty icon={RouteIcon} title="No route yet" action={add}>
              Call it <code>smart</code>, say which models stand behind it, and programs need never change again.
            </Empty>
          ) : (
            <ul className="flex flex-col gap-4">
              {found.rows.map((route) => (
                <li key={route.name}>
                  <Card
                    title={
                      <span className="flex items-center gap-2">
                        {route.name} {route.read_only && <Badge>from the configuration</Badge>}
                        {route.problem != null && <Badge tone="bad">broken</Badge>}
                      </span>
                    }
                    action={<Button onClick={() => setOpen(route)}>{admin && !route.read_only ? "Change" : "Look"}</Button>}
                  >
                    <ol className="flex flex-wrap items-center gap-2">
                      {stepsOf(route.definition).map((step, index) => (
                        <li key={index} className="flex items-center gap-2">
                          {index > 0 && <span className="text-muted">{step.weight === "" ? "→" : "or"}</span>}
                          <span className="rounded-md border border-line px-2 py-1">
                            {step.model}
                            {step.weight !== "" && <span className="text-muted"> {step.weight}</span>}
                          </span>
                        </li>
                      ))}
                    </ol>
                  </Card>
                </li>
              ))}
            </ul>
          )}
        </Shown>
        <Explain />
      </div>
      {open !== null && <RouteSheet {...(open === "new" ? {} : { shown: open })} onClose={() => setOpen(null)} />}
    </>
  );
}
