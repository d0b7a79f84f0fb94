import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, taken } from "~/api/client";
import { Badge } from "~/components/Badge";
import { Card } from "~/components/Card";
import { Empty } from "~/components/Empty";
import { BOX } from "~/components/Field";
import { count, duration, money, UNKNOWN } from "~/components/numbers";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { columnsOf, Table } from "~/components/Table";
import { type Shapes, useOrg } from "~/session";
import { type Model, useModels } from "../playground/ModelPicker";

interface Row extends Model {
  requests: number | undefined;
  p50: number | null | undefined;
}

const perMillion = (price: string | undefined) => (price === undefined ? UNKNOWN : money(Math.round(Number(price) * 1e15)));

const column = columnsOf<Row>();
const columns = column.columns([
  column.accessor("id", {
    header: "Model",
    cell: ({ getValue }) => (
      <Link to="/playground" search={(view: Record<string, unknown>) => ({ ...view, models: [getValue()] })} className="font-medium hover:underline">
        {getValue()}
      </Link>
    ),
  }),
  column.accessor("owned_by", { header: "Provider" }),
  column.accessor("context_length", { header: "Context", meta: { align: "right" }, cell: ({ getValue }) => count(getValue()) }),
  column.accessor((row) => row.pricing?.prompt, { id: "in", header: "$ / M in", meta: { align: "right" }, cell: ({ getValue }) => perMillion(getValue()) }),
  column.accessor((row) => row.pricing?.completion, { id: "out", header: "$ / M out", meta: { align: "right" }, cell: ({ getValue }) => perMillion(getValue()) }),
  column.display({
    id: "abilities",
    header: "Abilities",
    cell: ({ row }) => (
      <span className="flex gap-1">
        {(row.original.architecture?.input_modalities ?? []).filter((one) => one !== "text").map((one) => (
          <Badge key={one}>{one}</Badge>
        ))}
        {row.original.supported_parameters?.includes("tools") && <Badge>tools</Badge>}
      </span>
    ),
  }),
  column.accessor("requests", { header: "Last 7 days", meta: { align: "right" }, cell: ({ getValue }) => count(getValue() ?? 0) }),
  column.accessor("p50", { header: "p50", meta: { align: "right" }, cell: ({ getValue }) => duration(getValue()) }),
]);

/** Every model that can be asked for by name, with what is known of it and how much it was used. */
export default function Models() {
  const org = useOrg();
  const [wanted, setWanted] = useState("");
  const models = useModels();
  const used = useQuery({
    queryKey: ["model-usage", org],
    queryFn: () => taken(api.GET("/api/v1/organisations/{org}/usage", { params: { path: { org }, query: { since: "7d", by: "model" } } })) as Promise<Shapes["UsageShown"]>,
    staleTime: 60_000,
  });
  const rows = useMemo(() => {
    const usage = new Map((used.data?.groups ?? []).map(({ id, figures }) => [id, figures]));
    return (models.data ?? [])
      .filter(({ id }) => id.toLowerCase().includes(wanted.toLowerCase()))
      .map((model) => ({ ...model, requests: usage.get(model.id)?.requests, p50: usage.get(model.id)?.took_p50_s }));
  }, [models.data, used.data, wanted]);
  return (
    <>
      <PageHead title="Models">Those that are configured, declared or discovered. Others of a provider can be asked for as well.</PageHead>
      <Card>
        <input aria-label="Search models" placeholder="Search …" value={wanted} onChange={(event) => setWanted(event.target.value)} className={`${BOX} mb-3 h-8 max-w-72`} />
        <Shown of={models}>
          <Table label="Models" columns={columns} rows={rows} keyOf={({ id }) => id} empty={<Empty title="No model is called that">Add a provider: what it lists stands here.</Empty>} />
        </Shown>
      </Card>
    </>
  );
}
