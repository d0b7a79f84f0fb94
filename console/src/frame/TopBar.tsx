import { Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { chooseTheme, chosenTheme, type Choice } from "./theme";

const NEXT: Record<Choice, Choice> = { system: "light", light: "dark", dark: "system" };
const ICON = { system: Monitor, light: Sun, dark: Moon };

/** Which organisation and which time one looks at; the palette; the theme. */
export function TopBar() {
  const [theme, setTheme] = useState(chosenTheme);
  const Icon = ICON[theme];
  const turn = () => {
    chooseTheme(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return (
    <header className="sticky top-0 z-10 flex h-14 items-center justify-end gap-2 border-b border-line bg-canvas px-6">
      <button
        type="button"
        onClick={turn}
        aria-label={`Theme: ${theme}`}
        title={`Theme: ${theme}`}
        className="grid size-8 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink"
      >
        <Icon aria-hidden size={16} />
      </button>
    </header>
  );
}
