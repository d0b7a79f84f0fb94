import { Link } from "@tanstack/react-router";

/** There is no such page. */
export function Lost() {
  return (
    <div className="py-24 text-center">
      <h1 className="text-lg font-semibold">There is no such page</h1>
      <p className="mt-1 text-muted">The address may be old, or may have lost a piece.</p>
      <Link to="/" className="mt-4 inline-block text-accent underline">
        To the overview
      </Link>
    </div>
  );
}
