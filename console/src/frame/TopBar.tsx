import { useLocation, useNavigate } from "@tanstack/react-router";
import { LogOut, Monitor, Moon, Search, Sun } from "lucide-react";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { api } from "~/api/client";
import { endPlaygroundKeys } from "~/api/playground";
import { BOX } from "~/components/Field";
import { IconButton } from "~/components/IconButton";
import { Menu, MenuChoices } from "~/components/Menu";
import { useMe, useOrg, useOrganisations } from "~/session";
import { ProjectPicker } from "./ProjectPicker";
import { RangePicker } from "./RangePicker";
import { chooseTheme, chosenTheme, type Choice } from "./theme";

const ICON = { system: Monitor, light: Sun, dark: Moon };
const THEMES = [
  { value: "system", name: "As the system" },
  { value: "light", name: "Light" },
  { value: "dark", name: "Dark" },
] as const;

/** The pages that are of one time, and of one project where one is chosen. */
const OF_A_TIME = ["/", "/requests"];

/** Fetched when somebody asks for it: most look, and do not. */
const Palette = lazy(() => import("./Palette").then((module) => ({ default: module.Palette })));

/** Which organisation and which time one looks at; the palette; the theme; who one is. */
export function TopBar() {
  const [asking, setAsking] = useState(false);
  const { pathname } = useLocation();
  const timed = OF_A_TIME.includes(pathname);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key === "k" && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        setAsking((before) => !before);
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return (
    <header className="sticky top-0 z-10 flex min-h-14 flex-wrap items-center gap-2 border-b border-line bg-canvas px-4 py-2 sm:px-6">
      <OrganisationPicker />
      {timed && <ProjectPicker />}
      {timed && <RangePicker />}
      <span className="flex-1" />
      <button type="button" onClick={() => setAsking(true)} className="flex h-8 items-center gap-2 rounded-md border border-line bg-surface px-2.5 text-muted hover:text-ink">
        <Search aria-hidden size={14} />
        <span className="sr-only sm:not-sr-only">Go to …</span>
        <kbd className="hidden rounded bg-raised px-1 font-sans text-xs sm:inline">⌘K</kbd>
      </button>
      <ThemeMenu />
      <Leave />
      {asking && (
        <Suspense>
          <Palette onClose={() => setAsking(false)} />
        </Suspense>
      )}
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
      onChange={(event) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, org: event.target.value, project: undefined }) })}
      className={`${BOX} h-8 max-w-32 !w-auto truncate sm:max-w-52`}
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

function ThemeMenu() {
  const [theme, setTheme] = useState(chosenTheme);
  const choose = (next: Choice) => {
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <Menu trigger={<IconButton label="Theme" icon={ICON[theme]} />}>
      <MenuChoices label="Theme" value={theme} choices={THEMES} onChange={choose} />
    </Menu>
  );
}

function Leave() {
  const me = useMe().data;
  const queries = useQueryClient();
  if (me?.account == null) return null;
  const leave = async () => {
    await endPlaygroundKeys();
    await api.DELETE("/api/v1/session");
    queries.clear();
    location.reload();
  };
  return <IconButton label={`Sign out ${me.name}`} icon={LogOut} onClick={() => void leave()} />;
}
