import type { UseInfiniteQueryResult, UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { SkeletonRows } from "./Skeleton";
import { Trouble } from "./Trouble";

type Asked = Pick<UseQueryResult | UseInfiniteQueryResult, "isPending" | "error" | "refetch" | "data">;

/** What was asked for, once it is there; before that its shape, or what went wrong. */
export function Shown({ of, children, rows = 8 }: { of: Asked; children: ReactNode; rows?: number }) {
  if (of.error !== null && of.data === undefined) return <Trouble error={of.error} onAgain={() => void of.refetch()} />;
  if (of.isPending) return <SkeletonRows rows={rows} />;
  return children;
}
