import type { QueryClient } from "@tanstack/react-query";

/**
 * Ask anew what is kept under `key` (all of it, where that is empty), after a change.
 *
 * What is still on its way was asked before it, and is not waited for: TanStack would take the first
 * answer to a question for that to the second.
 */
export async function askAnew(queries: QueryClient, key: readonly unknown[] = []): Promise<void> {
  await queries.cancelQueries({ queryKey: key });
  await queries.invalidateQueries({ queryKey: key });
}
