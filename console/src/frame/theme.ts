/** Light or dark: what the system says, until somebody chooses. */
export type Choice = "system" | "light" | "dark";

const KEY = "dragoman.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Choice {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function chooseTheme(choice: Choice): void {
  if (choice === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
  applyTheme();
}

export function applyTheme(): void {
  const choice = chosenTheme();
  const isDark = choice === "dark" || (choice === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

dark.addEventListener("change", applyTheme);
