import type { ReactNode } from "react";

/** One thing in the middle of an empty page. */
export function Alone({ children }: { children: ReactNode }) {
  return <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center p-6">{children}</main>;
}
