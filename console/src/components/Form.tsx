import type { ReactNode } from "react";

interface Props {
  onSubmit: () => void;
  id?: string;
  /** For whoever may only look. */
  disabled?: boolean;
  /** Fields beside each other, the button at their end. */
  inline?: boolean;
  children: ReactNode;
}

/** Fields, and what happens when they are sent. */
export function Form({ onSubmit, id, disabled = false, inline = false, children }: Props) {
  return (
    <form
      id={id}
      onSubmit={(event) => {
        event.preventDefault();
        // A form in a dialog over another form is inside it, as React sees it.
        event.stopPropagation();
        onSubmit();
      }}
    >
      <fieldset disabled={disabled} className={inline ? "mt-4 flex flex-wrap items-end gap-3 max-sm:*:w-full" : "flex flex-col gap-4"}>
        {children}
      </fieldset>
    </form>
  );
}
