import { useChange } from "~/api/change";
import { api } from "~/api/client";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { count } from "~/components/numbers";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";

/** Made-up requests of the last week, to see what the charts look like; gone with one click. */
export function DemoTraffic() {
  const org = useOrg();
  const where = { path: { org } };
  const fill = useChange([], () => api.POST("/api/v1/organisations/{org}/demo-traffic", { params: where, body: {} }));
  const clear = useChange([], () => api.DELETE("/api/v1/organisations/{org}/requests", { params: { ...where, query: { tag: "demo" } } }));
  return (
    <Card title="Demo traffic">
      <p className="mb-3 text-muted">Made-up requests of the last seven days. They are marked, their costs are no money, and they are deleted without a trace in any sum.</p>
      <div className="flex items-center gap-2">
        <Button busy={fill.isPending} onClick={() => fill.mutate()}>
          Fill with demo traffic
        </Button>
        <Button busy={clear.isPending} onClick={() => clear.mutate()}>
          Delete it
        </Button>
        <span role="status" className="text-muted">
          {clear.data ? `${count(clear.data.deleted)} deleted` : fill.data ? `${count(fill.data.made)} made` : ""}
        </span>
      </div>
      <Trouble error={fill.error ?? clear.error} />
    </Card>
  );
}
