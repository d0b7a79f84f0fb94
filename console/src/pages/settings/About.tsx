import { PREFIX } from "~/base";
import { Card } from "~/components/Card";
import { useMe, useMay, useOrg } from "~/session";

/** Which gateway this is, and how to take away what is set up in it. */
export function About() {
  const org = useOrg();
  const me = useMe().data;
  const admin = useMay("admin");
  return (
    <Card title="This gateway">
      <dl className="grid grid-cols-[8rem_1fr] gap-y-2">
        <dt className="text-muted">Version</dt>
        <dd>{me?.version}</dd>
        <dt className="text-muted">Base URL</dt>
        <dd className="min-w-0 break-all">
          <code>{`${location.origin}${PREFIX}/v1`}</code>
        </dd>
        <dt className="text-muted">Signed in as</dt>
        <dd>{me?.name}</dd>
        {admin && (
          <>
            <dt className="text-muted">Set-up</dt>
            <dd>
              <a className="text-accent underline" download={`${org}.toml`} href={`${PREFIX}/api/v1/organisations/${encodeURIComponent(org)}/export`}>
                Take providers, routes and guardrails away as TOML
              </a>
            </dd>
          </>
        )}
      </dl>
    </Card>
  );
}
