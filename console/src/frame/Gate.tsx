import { useLocation } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Failure } from "~/api/client";
import { Dialog, DialogTitle } from "~/components/Dialog";
import { SkeletonRows } from "~/components/Skeleton";
import { Trouble } from "~/components/Trouble";
import { useMe, useOrganisations } from "~/session";
import { Alone } from "./Alone";
import { SignIn, SignInForm } from "./SignIn";

/** Pages that one reaches by a link, before there is an account. */
const OPEN = ["/setup", "/invitation"];

/** Lets to the pages whoever has signed in; others are asked to. */
export function Gate({ children, bare }: { children: ReactNode; bare: ReactNode }) {
  const { pathname } = useLocation();
  const me = useMe();
  if (OPEN.includes(pathname)) return bare;
  if (me.isPending) return <Alone><SkeletonRows rows={4} /></Alone>;
  const refused = me.error instanceof Failure && me.error.status === 401 ? me.error.refusal : null;
  if (me.data)
    return (
      <>
        <Placed>{children}</Placed>
        {refused && <Again />}
      </>
    );
  if (refused) return <SignIn told={refused} />;
  return (
    <Alone>
      <Trouble error={me.error} onAgain={() => void me.refetch()} />
    </Alone>
  );
}

/** The session has ended: one signs in above the page, in which nothing that was typed is lost. */
function Again() {
  return (
    <Dialog onClose={() => undefined} className="top-1/2 left-1/2 w-[calc(100%-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 rounded-card border p-6">
      <DialogTitle className="font-semibold">Your session has ended</DialogTitle>
      <p className="mb-4 text-muted">Sign in again; what you were at stays as it is.</p>
      <SignInForm />
    </Dialog>
  );
}

/** Waits until it is known which organisation one looks at: the pages would ask for another's. */
function Placed({ children }: { children: ReactNode }) {
  const organisations = useOrganisations();
  return organisations.isPending ? <Alone><SkeletonRows rows={4} /></Alone> : children;
}
