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
import { type Role, useMays } from "~/session";

export interface Place {
  path: string;
  name: string;
  icon: LucideIcon;
  /** The least role that has something to do there; every role, if none is named. */
  least?: Role;
}

const PLACES: readonly (readonly Place[])[] = [
  [
    { path: "/", name: "Overview", icon: Gauge },
    { path: "/requests", name: "Requests", icon: Activity },
    { path: "/playground", name: "Playground", icon: MessagesSquare, least: "member" },
  ],
  [
    { path: "/providers", name: "Providers", icon: Plug },
    { path: "/models", name: "Models", icon: Boxes, least: "member" },
    { path: "/routes", name: "Routes", icon: Route },
    { path: "/guardrails", name: "Guardrails", icon: ShieldCheck },
  ],
  [
    { path: "/keys", name: "Keys", icon: KeyRound, least: "member" },
    { path: "/members", name: "Members", icon: Users },
    { path: "/organisations", name: "Organisations", icon: ListTree },
    { path: "/limits", name: "Budgets", icon: WalletCards },
  ],
  [
    { path: "/webhooks", name: "Webhooks", icon: Webhook, least: "admin" },
    { path: "/audit", name: "Audit", icon: FileClock, least: "admin" },
    { path: "/settings", name: "Settings", icon: Settings },
  ],
];

/** Where one can go, in the order of the rail; the palette knows the same places. */
export function usePlaces(): readonly (readonly Place[])[] {
  const may = useMays();
  return PLACES.map((group) => group.filter(({ least = "viewer" }) => may(least)));
}
