import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

interface Page<Item> {
  items: Item[];
  next?: string | null | undefined;
}

/** A list that is fetched by pages, as far as somebody scrolls; read anew every so often where it changes by itself. */
export function useList<Item>(key: readonly unknown[], load: (cursor: string | undefined) => Promise<Page<Item>>, everyMs?: number) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: everyMs ?? false,
  });
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  // Named, not spread: a page that reads all of it would be made anew with each beat of a request.
  const { data, error, isPending, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return { data, error, isPending, refetch, hasNextPage, rows, more };
}
