import { useMutation } from "@tanstack/react-query";
import { api, taken } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Button } from "~/components/Button";
import { Trouble } from "~/components/Trouble";
import { useOrg } from "~/session";

/** Sends a webhook something, and tells what came of it. */
export function Trial({ of: name }: { of: string }) {
  const org = useOrg();
  const attempt = useMutation({ mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/webhooks/{name}/test", { params: { path: { org, name } } })) });
  return (
    <section className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button busy={attempt.isPending} onClick={() => attempt.mutate()}>
          Send a test
        </Button>
        <p role="status" className="min-w-0 break-words">
          {attempt.data !== undefined && (
            <>
              <Badge tone={attempt.data.delivered ? "good" : "bad"}>{attempt.data.delivered ? "delivered" : "not delivered"}</Badge> {attempt.data.reason}
            </>
          )}
        </p>
      </div>
      <p className="text-xs text-muted">
        An event called <code>test</code>, now and once, to the URL as it is saved.
      </p>
      <Trouble error={attempt.error} />
    </section>
  );
}
