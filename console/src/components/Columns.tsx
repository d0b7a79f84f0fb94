import { Columns3 } from "lucide-react";
import { Button } from "./Button";
import { Menu, MenuCheck } from "./Menu";

interface Props {
  names: Readonly<Record<string, string>>;
  hidden: Readonly<Record<string, boolean>>;
  onChange: (hidden: Record<string, boolean>) => void;
}

/** Which columns of a table are shown. */
export function Columns({ names, hidden, onChange }: Props) {
  return (
    <Menu trigger={<Button icon={<Columns3 aria-hidden size={14} />}>Columns</Button>}>
      {Object.entries(names).map(([id, name]) => (
        <MenuCheck key={id} checked={!hidden[id]} onChange={(shown) => onChange({ ...hidden, [id]: !shown })}>
          {name}
        </MenuCheck>
      ))}
    </Menu>
  );
}
