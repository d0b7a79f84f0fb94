import { type Ref, useState } from "react";
import { LongField } from "./Field";

interface Props {
  label: string;
  hint?: string;
  error?: string | undefined;
  value: Record<string, unknown>;
  disabled?: boolean;
  /** For who wants to know whether it can be used before the form is sent. */
  ref?: Ref<HTMLTextAreaElement>;
  onChange: (value: Record<string, unknown>) => void;
}

/** An object, written as JSON; what is none is told at once, and neither handed on nor sent. */
export function JsonField({ value, onChange, error, ...rest }: Props) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState<string>();
  const told = wrong ?? error;
  return (
    <LongField
      {...rest}
      rows={12}
      value={text}
      {...(told === undefined ? {} : { error: told })}
      onChange={(event) => {
        setText(event.target.value);
        // A form that shows it is not sent: what was there before would pass for what is written now.
        const tell = (problem: string) => {
          event.target.setCustomValidity(problem);
          setWrong(problem || undefined);
        };
        try {
          const read: unknown = JSON.parse(event.target.value);
          if (typeof read !== "object" || read === null || Array.isArray(read)) throw new Error("it is no object");
          tell("");
          onChange(read as Record<string, unknown>);
        } catch (problem) {
          tell(problem instanceof Error ? problem.message : String(problem));
        }
      }}
    />
  );
}
