import type { Shapes } from "~/session";

export type Event = Shapes["WebhookShown"]["events"][number];

/** What a webhook can be told. */
export const EVENTS: Readonly<Record<Event, string>> = {
  "budget.warning": "80 % of a budget or quota is used",
  "budget.exhausted": "A budget or quota is used up",
  "provider.down": "A provider goes down",
  "provider.up": "A provider is back",
};
export const NAMES = Object.keys(EVENTS) as Event[];
