import type { ReactNode } from "react";

interface Props {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

/** What a page is called, what it is for, and the one thing that is mostly done on it. */
export function PageHead({ title, children, action }: Props) {
  return (
    <header className="mb-4 flex flex-wrap items-end justify-between gap-3">
      <div>
        <h1 className="text-lg font-semibold">{title}</h1>
        {children !== undefined && <p className="text-muted">{children}</p>}
      </div>
      {action !== undefined && <div className="flex gap-2">{action}</div>}
    </header>
  );
}
