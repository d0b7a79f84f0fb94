/** A text as one word of a shell, whatever it holds: names of models are written by others. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
