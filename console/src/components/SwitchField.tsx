import { Switch } from "radix-ui";
import { type ReactNode, useId } from "react";

interface Props {
  label: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

/** On or off. */
export function SwitchField({ label, checked, disabled = false, onChange }: Props) {
  const id = useId();
  return (
    <div className="flex items-center gap-2">
      <Switch.Root
        id={id}
        checked={checked}
        disabled={disabled}
        onCheckedChange={onChange}
        className="h-5 w-9 shrink-0 rounded-full bg-muted p-0.5 disabled:opacity-60 data-[state=checked]:bg-accent"
      >
        <Switch.Thumb className="block size-4 rounded-full bg-surface transition-transform data-[state=checked]:translate-x-4" />
      </Switch.Root>
      <label htmlFor={id}>{label}</label>
    </div>
  );
}
