import {
  Activity,
  Boxes,
  FileClock,
  Gauge,
  KeyRound,
  ListTree,
  MessagesSquare,
  Plug,
  Route,
  Settings,
  ShieldCheck,
  Users,
  WalletCards,
  Webhook,
  type LucideIcon,
} from "lucide-react";
import { useMay } from "~/session";

export interface Place {
  path: string;
  name: string;
  icon: LucideIcon;
  /** Whether it is for admins alone. */
  admin?: true;
}

const PLACES: readonly (readonly Place[])[] = [
  [
    { path: "/", name: "Overview", icon: Gauge },
    { path: "/requests", name: "Requests", icon: Activity },
    { path: "/playground", name: "Playground", icon: MessagesSquare },
  ],
  [
    { path: "/providers", name: "Providers", icon: Plug },
    { path: "/models", name: "Models", icon: Boxes },
    { path: "/routes", name: "Routes", icon: Route },
    { path: "/guardrails", name: "Guardrails", icon: ShieldCheck },
  ],
  [
    { path: "/keys", name: "Keys", icon: KeyRound },
    { path: "/members", name: "Members", icon: Users },
    { path: "/organisations", name: "Organisations", icon: ListTree },
    { path: "/limits", name: "Budgets", icon: WalletCards },
  ],
  [
    { path: "/webhooks", name: "Webhooks", icon: Webhook, admin: true },
    { path: "/audit", name: "Audit", icon: FileClock, admin: true },
    { path: "/settings", name: "Settings", icon: Settings },
  ],
];

/** Where one can go, in the order of the rail; the palette knows the same places. */
export function usePlaces(): readonly (readonly Place[])[] {
  const admin = useMay("admin");
  return PLACES.map((group) => group.filter((place) => admin || !place.admin));
}
