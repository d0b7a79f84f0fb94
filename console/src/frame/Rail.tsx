import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Tip } from "~/components/Tip";
import { usePlaces } from "./places";
import { kept } from "./view";

/** Scroll a rail to a place in it. After `scrollIntoView` some browsers let the next Tab go on from there. */
function bringIntoSight(rail: HTMLElement, { offsetLeft, offsetTop, offsetWidth, offsetHeight }: HTMLElement): void {
  rail.scrollTo({
    left: offsetLeft - (rail.clientWidth - offsetWidth) / 2,
    top: Math.min(Math.max(rail.scrollTop, offsetTop + offsetHeight - rail.clientHeight), offsetTop),
  });
}

/** The list of places at the left; icons alone where there is little room, at the bottom of a phone. */
export function Rail() {
  const places = usePlaces();
  const { pathname } = useLocation();
  const rail = useRef<HTMLElement>(null);
  const here = places.flat().findIndex(({ path }) => path === pathname);
  // A phone has no room for all of them: the one where one is comes into sight.
  useEffect(() => {
    const place = rail.current?.querySelectorAll("li")[here];
    if (rail.current && place) bringIntoSight(rail.current, place);
  }, [here]);
  return (
    <nav
      ref={rail}
      aria-label="Places"
      className="fixed inset-x-0 bottom-0 z-20 flex h-14 shrink-0 items-center gap-2 overflow-x-auto border-t border-line bg-surface px-2 sm:sticky sm:top-0 sm:h-dvh sm:w-14 sm:flex-col sm:items-stretch sm:gap-4 sm:overflow-x-visible sm:overflow-y-auto sm:border-t-0 sm:border-r sm:py-3 lg:w-[220px] lg:px-3"
    >
      <Link to="/" search={kept} className="hidden h-9 items-center sm:flex gap-2 px-2 font-semibold">
        <span aria-hidden className="grid size-6 place-items-center rounded-md bg-accent text-xs text-on-accent">
          D
        </span>
        <span className="hidden lg:inline">Dragoman</span>
      </Link>
      {places.map((group) => (
        <ul key={group[0]?.path} className="flex gap-0.5 sm:flex-col">
          {group.map(({ path, name, icon: Icon }) => (
            <li key={path}>
              <Tip text={name} side="right" className="hidden sm:block lg:hidden">
                <Link
                  to={path}
                  search={kept}
                  activeOptions={{ exact: path === "/", includeSearch: false }}
                  className="flex h-10 items-center gap-2.5 rounded-md px-3 sm:h-8 sm:px-2 text-muted hover:bg-raised hover:text-ink data-[status=active]:bg-tint data-[status=active]:font-medium data-[status=active]:text-accent"
                >
                  <Icon aria-hidden size={16} />
                  <span className="sr-only lg:not-sr-only">{name}</span>
                </Link>
              </Tip>
            </li>
          ))}
        </ul>
      ))}
    </nav>
  );
}
