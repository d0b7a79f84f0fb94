import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Link2 } from "lucide-react";
import { useMemo } from "react";
import { requestQuery } from "~/api/request";
import { Badge } from "~/components/Badge";
import { Code, Copy } from "~/components/Copy";
import { count, duration, money, time, UNKNOWN } from "~/components/numbers";
import { Sheet } from "~/components/Sheet";
import { Shown } from "~/components/Shown";
import { Tabs } from "~/components/Tabs";
import { asCurl, shellWord } from "~/components/ways";
import { type Shapes, useMay, useOrg } from "~/session";
import { LongText, SHORT } from "./LongText";
import { Outcome } from "./Outcome";
import { Waterfall } from "./Waterfall";

type Whole = Shapes["RequestWhole"];
type Side = "request" | "response";

/** A request: who was tried, how long each took, what it cost, what was said where that is kept. */
export function RequestSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const org = useOrg();
  const found = useQuery(requestQuery(org, id));
  const whole = found.data;
  return (
    <Sheet wide title={whole === undefined ? "Request" : whole.line.asked} onClose={onClose}>
      <Shown of={found}>
        {whole !== undefined && (
          <>
            <Head of={whole} />
            <Tabs
              label="Parts of the request"
              tabs={{
                Summary: <Summary of={whole} />,
                Request: <Content of={whole} side="request" />,
                Response: <Content of={whole} side="response" />,
              }}
            />
          </>
        )}
      </Shown>
    </Sheet>
  );
}

function Head({ of: { line } }: { of: Whole }) {
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Outcome of={line} />
      <span>{line.provider == null ? "nobody was asked" : `${line.provider}/${line.model ?? ""}`}</span>
      <span className="text-muted">
        {duration(line.duration_s)} · {count(line.prompt_tokens)} in / {count(line.completion_tokens)} out · {money(line.cost_nanousd)}
      </span>
      <span className="flex-1" />
      <span className="inline-flex items-center text-muted">
        <code className="text-xs">{line.id}</code>
        <Copy text={line.id} label="Copy the id" />
        <Copy text={location.href} label="Copy a link to this" icon={Link2} />
      </span>
    </p>
  );
}

function Summary({ of: whole }: { of: Whole }) {
  const { line, attempts, warnings, overhead_s } = whole;
  const mayAsk = useMay("member");
  const rows: readonly (readonly [string, string])[] = [
    ["When", time(line.started_at)],
    ["Key", line.gateway_key ?? "none needed"],
    ["Endpoint", `${line.endpoint ?? UNKNOWN}${line.stream ? ", streamed" : ""}`],
    ["Route", line.route ?? "none"],
    ["First token", duration(line.first_token_s)],
    ["Ours", duration(overhead_s)],
    ["Finished", line.finish_reason ?? UNKNOWN],
  ];
  return (
    <div className="flex flex-col gap-6">
      <section>
        <h3 className="mb-2 text-sm font-semibold">Attempts</h3>
        <Waterfall of={whole} />
      </section>
      <div className="grid gap-6 md:grid-cols-2">
        <dl className="grid grid-cols-[7rem_1fr] content-start gap-y-1.5">
          {rows.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="break-all">{value}</dd>
            </div>
          ))}
        </dl>
        <Price of={whole} />
      </div>
      {warnings.length > 0 && (
        <section>
          <h3 className="mb-2 text-sm font-semibold">Warnings</h3>
          <ul className="list-disc pl-5">
            {warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3 className="mb-2 text-sm font-semibold">Ask the same again</h3>
        <Code label="Copy as curl" text={again(whole)} />
        {mayAsk && (
          <Link to="/playground" search={(view: Record<string, unknown>) => ({ ...view, request: undefined, models: [line.asked], from_request: line.id })} className="mt-2 inline-block text-accent underline">
            Replay in the playground
          </Link>
        )}
      </section>
      {attempts.length === 0 && <p className="text-muted">It was answered without asking anybody.</p>}
    </div>
  );
}

function Price({ of: { line, attempts } }: { of: Whole }) {
  const rows: readonly (readonly [string, number | null | undefined])[] = [
    ["Prompt", line.prompt_tokens],
    ["· from cache", line.cache_read_tokens],
    ["· to cache", line.cache_write_tokens],
    ["Completion", line.completion_tokens],
    ["· reasoning", line.reasoning_tokens],
  ];
  return (
    <table className="-mt-1 w-full self-start">
      <tbody>
        {rows.map(([name, tokens]) => (
          <tr key={name} className="border-b border-line">
            <th scope="row" className="py-1 text-left font-normal text-muted">
              {name}
            </th>
            <td className="text-right">{tokens == null ? UNKNOWN : `${count(tokens)} tokens`}</td>
          </tr>
        ))}
        <tr>
          <th scope="row" className="py-1 text-left font-medium">
            Cost {attempts.length > 1 && "of all attempts"}
          </th>
          <td className="text-right font-medium">
            {money(line.cost_nanousd)} <Badge>{line.usage_estimated ? "estimated" : line.cost_source}</Badge>
          </td>
        </tr>
      </tbody>
    </table>
  );
}

function Content({ of: { line, content }, side }: { of: Whole; side: Side }) {
  if (content == null)
    return (
      <p className="text-muted">
        What was said was not kept. An admin can switch that on under{" "}
        <Link to="/settings" search={true} className="text-accent underline">
          Settings
        </Link>
        , for what is asked from then on.
      </p>
    );
  return <Kept text={content[side]} side={side} file={fileOf(line, side)} />;
}

function Kept({ text, side, file }: { text: string; side: Side; file: string }) {
  const shown = useMemo(() => pretty(text), [text]);
  return <LongText text={shown} name={side} file={file} />;
}

function fileOf({ id }: Whole["line"], side: Side): string {
  return `${id}-${side}.json`;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function again({ line, content }: Whole): string {
  const kept = content?.request ?? JSON.stringify({ model: line.asked, messages: [{ role: "user", content: "…" }] });
  // A long one is no command for a terminal: it is the file that the tab Request gives.
  const body = kept.length > SHORT ? `@${fileOf(line, "request")}` : shellWord(kept);
  return asCurl("$KEY", body, line.endpoint ?? undefined);
}
