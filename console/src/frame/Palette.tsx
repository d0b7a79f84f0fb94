import { Command } from "cmdk";
import { useNavigate } from "@tanstack/react-router";
import { Dialog } from "~/components/Dialog";
import { useOrganisations } from "~/session";
import { usePlaces } from "./places";
import { chooseTheme } from "./theme";

interface Props {
  onClose: () => void;
}

const ITEM = "flex h-9 cursor-pointer items-center rounded-md px-3 text-sm data-[selected=true]:bg-tint data-[selected=true]:text-accent";
const GROUP = "[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted";

/** Where to, what to do: ⌘K or Ctrl-K from anywhere. */
export function Palette({ onClose }: Props) {
  const navigate = useNavigate();
  const places = usePlaces();
  const organisations = useOrganisations().data?.items ?? [];
  const then = (act: () => unknown) => () => {
    onClose();
    void act();
  };
  return (
    <Dialog label="Go to" onClose={onClose} className="top-[12dvh] left-1/2 w-[calc(100%-2rem)] max-w-lg -translate-x-1/2 rounded-card border">
      <Command label="Go to" loop>
        <Command.Input autoFocus placeholder="Where to?" className="h-12 w-full border-b border-line bg-transparent px-4 outline-none placeholder:text-muted" />
        <Command.List className="max-h-80 overflow-y-auto p-2">
          <Command.Empty className="p-4 text-center text-muted">Nothing is called that</Command.Empty>
          <Command.Group heading="Pages" className={GROUP}>
            {places.flat().map(({ path, name }) => (
              <Command.Item key={path} onSelect={then(() => navigate({ to: path, search: true }))} className={ITEM}>
                {name}
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Organisations" className={GROUP}>
            {organisations.map(({ name, title }) => (
              <Command.Item
                key={name}
                value={`organisation ${name} ${title}`}
                onSelect={then(() => navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, org: name, project: undefined }) }))}
                className={ITEM}
              >
                {title}
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Theme" className={GROUP}>
            {(["light", "dark", "system"] as const).map((theme) => (
              <Command.Item key={theme} value={`theme ${theme}`} onSelect={then(() => chooseTheme(theme))} className={ITEM}>
                {theme}
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  );
}
