import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useOrg } from "~/session";
import { ownProviders } from "../providers/own";

/** The way to a provider of one's own, as long as there is none. */
export function Begin() {
  const org = useOrg();
  const providers = useQuery({ ...ownProviders(org), staleTime: 60_000 });
  if (providers.data?.items.length !== 0) return null;
  return (
    <p className="text-muted">
      There is no provider of your own yet.{" "}
      <Link to="/first" search={true} className="text-accent underline">
        The first request
      </Link>{" "}
      leads from one to an answer and a key.
    </p>
  );
}
