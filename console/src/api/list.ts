import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

interface Page<Item> {
  items: Item[];
  next?: string | null | undefined;
}

/** A list that is fetched by pages, as far as somebody scrolls. */
export function useList<Item>(key: readonly unknown[], load: (cursor: string | undefined) => Promise<Page<Item>>) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return { ...query, rows, more };
}
