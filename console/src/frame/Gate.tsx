import { useLocation } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Failure } from "~/api/client";
import { SkeletonRows } from "~/components/Skeleton";
import { Trouble } from "~/components/Trouble";
import { useMe, useOrganisations } from "~/session";
import { Alone } from "./Alone";
import { SignIn } from "./SignIn";

/** Pages that one reaches by a link, before there is an account. */
const OPEN = ["/setup", "/invitation"];

/** Lets to the pages whoever has signed in; others are asked to. */
export function Gate({ children, bare }: { children: ReactNode; bare: ReactNode }) {
  const { pathname } = useLocation();
  const me = useMe();
  if (OPEN.includes(pathname)) return bare;
  if (me.isPending) return <Alone><SkeletonRows rows={4} /></Alone>;
  if (me.data) return <Placed>{children}</Placed>;
  if (me.error instanceof Failure && me.error.status === 401) return <SignIn told={me.error.refusal} />;
  return (
    <Alone>
      <Trouble error={me.error} onAgain={() => void me.refetch()} />
    </Alone>
  );
}

/** Waits until it is known which organisation one looks at: the pages would ask for another's. */
function Placed({ children }: { children: ReactNode }) {
  const organisations = useOrganisations();
  return organisations.isPending ? <Alone><SkeletonRows rows={4} /></Alone> : children;
}
