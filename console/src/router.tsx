import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { CONSOLE } from "~/base";
import { Frame } from "~/frame/Frame";
import { Lost } from "~/frame/Lost";
import { askOverview } from "~/pages/overview/asked";

/** What every page may ask for. */
export interface Context {
  queries: QueryClient;
}

/** What of the view stands in the address, so that it can be sent to somebody. */
export interface View {
  org?: string;
  range?: string;
  from?: number;
  to?: number;
  [filter: string]: unknown;
}

const root = createRootRouteWithContext<Context>()({
  component: Frame,
  notFoundComponent: Lost,
  validateSearch: (search: Record<string, unknown>): View => search,
});

type Load = () => Promise<{ default: React.ComponentType }>;
/** Ask for what a page shows. What goes wrong the page learns when it asks for the same. */
type Ask = (queries: QueryClient, search: View) => Promise<void>;

const page = <const Path extends string>(path: Path, load: Load, ask?: Ask) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load),
    loader: ({ context, location }) => void ask?.(context.queries, location.search).catch(() => undefined),
  });

const routes = root.addChildren([
  page("/", () => import("~/pages/overview/Overview"), askOverview),
  page("/requests", () => import("~/pages/requests/Requests")),
  page("/playground", () => import("~/pages/playground/Playground")),
  page("/providers", () => import("~/pages/providers/Providers")),
  page("/models", () => import("~/pages/models/Models")),
  page("/routes", () => import("~/pages/routes/Routes")),
  page("/guardrails", () => import("~/pages/guardrails/Guardrails")),
  page("/organisations", () => import("~/pages/organisations/Organisations")),
  page("/limits", () => import("~/pages/limits/Limits")),
  page("/webhooks", () => import("~/pages/webhooks/Webhooks")),
  page("/settings", () => import("~/pages/settings/Settings")),
  page("/keys", () => import("~/pages/keys/Keys")),
  page("/members", () => import("~/pages/members/Members")),
  page("/audit", () => import("~/pages/audit/Audit")),
  page("/first", () => import("~/pages/first/First")),
  page("/setup", () => import("~/pages/welcome/Setup")),
  page("/invitation", () => import("~/pages/welcome/Invitation")),
]);

export function makeRouter(queries: QueryClient) {
  return createRouter({ routeTree: routes, basepath: CONSOLE, context: { queries }, defaultPreload: "intent" });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
