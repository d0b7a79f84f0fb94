import { Link } from "@tanstack/react-router";
import { PLACES } from "./places";

/** The list of places at the left; icons alone where there is little room. */
export function Rail() {
  return (
    <nav
      aria-label="Places"
      className="sticky top-0 flex h-dvh w-14 shrink-0 flex-col gap-4 overflow-y-auto border-r border-line bg-surface px-2 py-3 lg:w-[220px] lg:px-3"
    >
      <Link to="/" className="flex h-9 items-center gap-2 px-2 font-semibold">
        <span aria-hidden className="grid size-6 place-items-center rounded-md bg-accent text-xs text-on-accent">
          D
        </span>
        <span className="hidden lg:inline">Dragoman</span>
      </Link>
      {PLACES.map((group) => (
        <ul key={group[0]?.path} className="flex flex-col gap-0.5">
          {group.map(({ path, name, icon: Icon }) => (
            <li key={path}>
              <Link
                to={path}
                activeOptions={{ exact: path === "/", includeSearch: false }}
                className="flex h-8 items-center gap-2.5 rounded-md px-2 text-muted hover:bg-raised hover:text-ink data-[status=active]:bg-tint data-[status=active]:font-medium data-[status=active]:text-accent"
              >
                <Icon aria-hidden size={16} />
                <span className="sr-only lg:not-sr-only">{name}</span>
              </Link>
            </li>
          ))}
        </ul>
      ))}
    </nav>
  );
}
