import { useNavigate } from "@tanstack/react-router";
import { LogOut, Monitor, Moon, Search, Sun } from "lucide-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { BOX } from "~/components/Field";
import { useMe, useOrg, useOrganisations } from "~/session";
import { Palette } from "./Palette";
import { RANGES, type RangeName, useRange } from "./range";
import { chooseTheme, chosenTheme, type Choice } from "./theme";

const NEXT: Record<Choice, Choice> = { system: "light", light: "dark", dark: "system" };
const ICON = { system: Monitor, light: Sun, dark: Moon };
const QUIET = "grid size-8 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink";

/** Which organisation and which time one looks at; the palette; the theme; who one is. */
export function TopBar() {
  const [asking, setAsking] = useState(false);
  return (
    <header className="sticky top-0 z-10 flex h-14 items-center gap-2 border-b border-line bg-canvas px-4 sm:px-6">
      <OrganisationPicker />
      <RangePicker />
      <span className="flex-1" />
      <button type="button" onClick={() => setAsking(true)} className="flex h-8 items-center gap-2 rounded-md border border-line bg-surface px-2.5 text-muted hover:text-ink">
        <Search aria-hidden size={14} />
        <span className="sr-only sm:not-sr-only">Go to …</span>
        <kbd className="hidden rounded bg-raised px-1 font-sans text-xs sm:inline">⌘K</kbd>
      </button>
      <ThemeButton />
      <Leave />
      <Palette open={asking} onOpen={setAsking} />
    </header>
  );
}

function OrganisationPicker() {
  const org = useOrg();
  const every = useOrganisations().data?.items ?? [];
  const navigate = useNavigate();
  return (
    <select
      aria-label="Organisation"
      value={org}
      onChange={(event) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, org: event.target.value }) })}
      className={`${BOX} h-8 max-w-28 !w-auto truncate sm:max-w-52`}
    >
      {!every.some(({ name }) => name === org) && <option value={org}>{org}</option>}
      {every.map(({ name, title }) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  );
}

function RangePicker() {
  const [range, setRange] = useRange();
  return (
    <div role="group" aria-label="Time" className="flex rounded-md border border-line bg-surface p-0.5">
      {(Object.keys(RANGES) as RangeName[]).map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={range.name === name}
          onClick={() => setRange(name)}
          className="h-6 rounded px-2 text-xs text-muted hover:text-ink aria-pressed:bg-tint aria-pressed:font-medium aria-pressed:text-accent"
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(chosenTheme);
  const Icon = ICON[theme];
  const turn = () => {
    chooseTheme(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return (
    <button type="button" onClick={turn} aria-label={`Theme: ${theme}`} title={`Theme: ${theme}`} className={QUIET}>
      <Icon aria-hidden size={16} />
    </button>
  );
}

function Leave() {
  const me = useMe().data;
  const queries = useQueryClient();
  if (me?.account == null) return null;
  const leave = async () => {
    await api.DELETE("/api/v1/session");
    queries.clear();
    location.reload();
  };
  return (
    <button type="button" onClick={() => void leave()} aria-label={`Sign out ${me.name}`} title={`Sign out ${me.name}`} className={QUIET}>
      <LogOut aria-hidden size={16} />
    </button>
  );
}
