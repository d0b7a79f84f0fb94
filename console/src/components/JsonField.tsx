import { useState } from "react";
import { LongField } from "./Field";

interface Props {
  label: string;
  hint?: string;
  error?: string | undefined;
  value: Record<string, unknown>;
  disabled?: boolean;
  onChange: (value: Record<string, unknown>) => void;
}

/** An object, written as JSON; what is none is told at once, and not handed on. */
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
        try {
          const read: unknown = JSON.parse(event.target.value);
          if (typeof read !== "object" || read === null || Array.isArray(read)) throw new Error("it is no object");
          setWrong(undefined);
          onChange(read as Record<string, unknown>);
        } catch (problem) {
          setWrong(problem instanceof Error ? problem.message : String(problem));
        }
      }}
    />
  );
}
