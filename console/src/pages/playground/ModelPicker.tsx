import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { Failure } from "~/api/client";
import { playgroundKey } from "~/api/playground";
import { PREFIX } from "~/base";
import { BOX } from "~/components/Field";
import { useMe, useOrg } from "~/session";

/** The models that one may ask for, with what is known of each. */
export function useModels() {
  const org = useOrg();
  const me = useMe().data;
  return useQuery({
    queryKey: ["models", org],
    queryFn: async () => {
      const key = await playgroundKey(org, me?.name ?? "");
      const response = await fetch(`${PREFIX}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      if (!response.ok) throw new Failure(response.status, { code: "error", message: `the gateway answered ${response.status}` });
      return ((await response.json()) as { data: Model[] }).data;
    },
    staleTime: 30_000,
    enabled: me !== undefined,
  });
}

export interface Model {
  id: string;
  owned_by: string;
  name?: string;
  context_length?: number;
  pricing?: { prompt?: string; completion?: string };
  architecture?: { input_modalities?: string[] };
  supported_parameters?: string[];
}

interface Props {
  label: string;
  value: string;
  onChange: (model: string) => void;
}

/** A model's name, typed or chosen: any that the gateway can lead somewhere will do. */
export function ModelPicker({ label, value, onChange }: Props) {
  const list = useId();
  const models = useModels().data ?? [];
  return (
    <>
      <input aria-label={label} list={list} value={value} onChange={(event) => onChange(event.target.value)} className={`${BOX} h-8 font-medium`} />
      <datalist id={list}>
        {models.map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
    </>
  );
}
