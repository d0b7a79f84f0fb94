/** What has just been done, for a moment, at the edge of the page: results of one's own actions alone. */
export interface Told {
  id: number;
  text: string;
}

let told: readonly Told[] = [];
let last = 0;
const listeners = new Set<() => void>();

function put(next: readonly Told[]): void {
  told = next;
  for (const listener of listeners) listener();
}

export function tell(text: string): void {
  last += 1;
  put([...told, { id: last, text }]);
}

export function forget(id: number): void {
  put(told.filter((one) => one.id !== id));
}

export function readTold(): readonly Told[] {
  return told;
}

export function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
