import { type ComponentProps, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";

export const BOX =
  "w-full rounded-md border border-line bg-canvas px-2.5 text-sm text-ink placeholder:text-muted disabled:opacity-60 aria-invalid:border-bad";

/** A rule of the browser's: a form with a field that breaks it is not sent, and the field says why. */
function rule(pattern: string, title: string) {
  return { pattern, title };
}

/** What is read as a number: "0,59" would be none, and lost without a word. */
export const NUMBER = { inputMode: "decimal", ...rule("\\s*[0-9]*\\.?[0-9]+(e-?[0-9]+)?\\s*", "a number, with a point: 0.59") } as const;

/** What most things are called: it stands in a path, where a slash would lead elsewhere. */
export const NAME = rule("[a-z0-9]([a-z0-9\\-]{0,61}[a-z0-9])?", "1 to 63 letters a-z, digits and hyphens, none at its ends");
export const PROVIDER_NAME = rule("[a-z]{1,63}", "1 to 63 of the letters a to z");
export const ROUTE_NAME = rule("[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}", "1 to 100 letters, digits, '.', '_' and '-'; the first a letter or digit");

interface Around {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
}

function Labelled({ label, hint, error, id, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {children}
      {error !== undefined ? (
        <p id={`${id}-told`} role="alert" className="text-xs text-bad">
          {error}
        </p>
      ) : (
        hint !== undefined && (
          <p id={`${id}-told`} className="text-xs text-muted">
            {hint}
          </p>
        )
      )}
    </div>
  );
}

function told({ hint, error }: Around, id: string) {
  return { "aria-invalid": error !== undefined, "aria-describedby": hint || error ? `${id}-told` : undefined };
}

export function TextField({ label, hint, error, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const around = { label, hint, ...(error === undefined ? {} : { error }) };
  return (
    <Labelled {...around} id={id}>
      <input id={id} autoComplete="off" spellCheck={false} {...told(around, id)} {...rest} className={`${BOX} h-9`} />
    </Labelled>
  );
}

export function LongField({ label, hint, error, ...rest }: Around & ComponentProps<"textarea">) {
  const id = useId();
  const around = { label, hint, ...(error === undefined ? {} : { error }) };
  return (
    <Labelled {...around} id={id}>
      <textarea id={id} rows={5} spellCheck={false} {...told(around, id)} {...rest} className={`${BOX} py-2 font-mono`} />
    </Labelled>
  );
}

export interface Choice {
  value: string;
  name: string;
}

export function SelectField({
  label,
  hint,
  error,
  choices,
  ...rest
}: Around & { choices: readonly Choice[] } & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  const around = { label, hint, ...(error === undefined ? {} : { error }) };
  return (
    <Labelled {...around} id={id}>
      <select id={id} {...told(around, id)} {...rest} className={`${BOX} h-9`}>
        {choices.map(({ value, name }) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Labelled>
  );
}
