import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface Props {
  icon?: LucideIcon;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

/** What stands where nothing is yet: what it would be, and the one next thing to do. */
export function Empty({ icon: Icon, title, children, action }: Props) {
  return (
    <div className="mx-auto max-w-md py-16 text-center">
      {Icon !== undefined && <Icon aria-hidden className="mx-auto mb-2 text-muted" />}
      <h2 className="font-semibold">{title}</h2>
      <div className="mt-1 text-balance text-muted">{children}</div>
      {action !== undefined && <div className="mt-4 flex justify-center gap-2">{action}</div>}
    </div>
  );
}
