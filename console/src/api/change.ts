import { useMutation, type UseMutationResult, useQueryClient } from "@tanstack/react-query";
import { tell } from "~/told";
import { askAnew } from "./anew";
import { Failure, taken } from "./client";

const TAKEN = "There is one of this name already.";

interface Options<Made, Field extends string> {
  /** The fields beside which a refusal is shown, as `at` tells it. */
  fields?: readonly Field[];
  /** Whether it is made by this: then one that is there already is none that was changed meanwhile. */
  isNew?: boolean;
  /** What is told when it is done. */
  told?: string;
  onDone?: (made: Made) => unknown;
}

/** What somebody else has done meanwhile to what is changed. */
export type Meanwhile = "changed" | "deleted";

const MEANWHILE: Record<string, Meanwhile> = { changed_meanwhile: "changed", deleted_meanwhile: "deleted" };

/** A change of what is kept: TanStack's mutation, and what there is to say about its refusal. */
export type Change<Made, Given, Field extends string = string> = UseMutationResult<Made, Error, Given> & {
  /** What is wrong with a field. */
  at: (field: Field) => string | undefined;
  /** The refusal that no field shows. */
  trouble: Error | null;
  /** What somebody else has done to the same meanwhile, if anything. */
  meanwhile: Meanwhile | null;
};

/**
 * Change something, and read anew what is kept under `key` (all of it, where that is empty).
 *
 * `ask` hands in the version that was seen; where it is not there any more, nothing is changed and
 * `meanwhile` says why, and is handed to `ask` when that is asked again. Asked without a version, the
 * API saves over whatever is there: where a form can do that, what is given says so.
 */
export function useChange<Made, Given = boolean | void, Field extends string = never>(
  key: readonly unknown[],
  ask: (given: Given, meanwhile: Meanwhile | null) => Promise<{ data?: Made }>,
  { fields = [], isNew = false, told, onDone }: Options<Made, Field> = {},
): Change<Made, Given, Field> {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (given: Given) => taken(ask(given, meanwhile)),
    onSuccess: async (made) => {
      await askAnew(queries, key);
      if (told !== undefined) tell(told);
      await onDone?.(made);
    },
  });
  const refusal = change.error instanceof Failure ? change.error.refusal : null;
  const conflict = MEANWHILE[refusal?.code ?? ""] ?? null;
  const meanwhile: Meanwhile | null = isNew ? null : conflict;
  const param = conflict ? "name" : refusal?.param;
  const wrong = conflict ? TAKEN : [refusal?.message, refusal?.hint].filter(Boolean).join(": ");
  return {
    ...change,
    at: (field) => (field === param && !meanwhile ? wrong : undefined),
    trouble: meanwhile || fields.some((field) => field === param) ? null : change.error,
    meanwhile,
  };
}
