/** Why something that was set up cannot be used, if so. */
export function Problem({ text }: { text: string | null | undefined }) {
  if (text == null) return null;
  return (
    <p role="alert" className="rounded-card bg-bad-tint p-3 text-bad">
      {text}
    </p>
  );
}
