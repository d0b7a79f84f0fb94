import { TextField } from "./Field";

interface Props {
  label: string;
  hint?: string;
  error?: string | undefined;
  value: readonly string[];
  onChange: (value: string[]) => void;
  placeholder?: string;
}

/** Several words, with commas between them. */
export function TagsField({ value, onChange, error, ...rest }: Props) {
  return (
    <TextField
      {...rest}
      {...(error === undefined ? {} : { error })}
      defaultValue={value.join(", ")}
      onChange={(event) => onChange(event.target.value.split(",").map((word) => word.trim()).filter(Boolean))}
    />
  );
}
