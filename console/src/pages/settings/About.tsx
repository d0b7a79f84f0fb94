import { PREFIX } from "~/base";
import { Card } from "~/components/Card";
import { duration } from "~/components/numbers";
import { useMe, useMay, useOrg } from "~/session";
import { daysOf, useGateway } from "./gateway";

/** Which gateway this is, and how to take away what is set up in it. */
export function About() {
  const org = useOrg();
  const me = useMe().data;
  const admin = useMay("admin");
  const gateway = useGateway();
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
        {gateway !== undefined && (
          <>
            <dt className="text-muted">Requests</dt>
            <dd>are kept {daysOf(gateway.requests_days)}</dd>
            <dt className="text-muted">What is said</dt>
            <dd>{gateway.content === "off" ? "is not kept, unless an organisation wants it" : `is kept ${daysOf(gateway.content_days)}${gateway.content === "redacted" ? ", redacted" : ""}`}</dd>
            <dt className="text-muted">The audit log</dt>
            <dd>is kept {daysOf(gateway.audit_days)}</dd>
            <dt className="text-muted">Answers</dt>
            <dd>{gateway.cache_s == null ? "are not given twice, unless an organisation wants it" : `are given again for ${duration(gateway.cache_s)}`}</dd>
          </>
        )}
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
