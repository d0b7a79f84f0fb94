import { Outlet } from "@tanstack/react-router";
import type { PointerEvent } from "react";
import { Tips } from "~/components/Tip";
import { Toasts } from "~/components/Toasts";
import { Gate } from "./Gate";
import { Rail } from "./Rail";
import { TopBar } from "./TopBar";

/** What stands around every page: where one can go, and what one looks at. */
export function Frame() {
  return (
    <Tips delayDuration={400}>
      <Gate bare={<Outlet />}>
        <div className="flex min-h-dvh" onPointerOver={tellWhole}>
          <button type="button" onClick={() => document.getElementById("page")?.focus()} className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">
            To the page
          </button>
          <Rail />
          <div className="flex min-w-0 flex-1 flex-col">
            <TopBar />
            <main id="page" tabIndex={-1} className="outline-none mx-auto w-full max-w-[1440px] flex-1 p-4 pb-20 sm:p-6">
              <Outlet />
            </main>
          </div>
        </div>
      </Gate>
      <Toasts />
    </Tips>
  );
}

/** What is cut off because it does not fit is told whole when it is pointed at. */
function tellWhole({ target }: PointerEvent): void {
  const cut = target instanceof Element ? target.closest<HTMLElement>(".truncate") : null;
  if (cut === null) return;
  if (cut.scrollWidth > cut.clientWidth) cut.title = cut.innerText;
  else cut.removeAttribute("title");
}
