import { Download } from "lucide-react";
import { useMemo, useState } from "react";
import { Button } from "~/components/Button";
import { Copy } from "~/components/Copy";
import { count } from "~/components/numbers";

/** How much of a text is shown at first, in characters. */
export const SHORT = 20_000;
/** A browser lays a piece out when it comes into sight; all of a long text at once takes seconds. */
const PIECE = 8_000;

interface Props {
  text: string;
  /** What it is: its buttons and its file are called after it. */
  name: string;
  file: string;
}

/** A text of any length: its beginning, all of it where wanted, and as a file. */
export function LongText({ text, name, file }: Props) {
  const [whole, setWhole] = useState(false);
  const long = text.length > SHORT;
  const pieces = useMemo(() => piecesOf(whole ? text : text.slice(0, SHORT)), [text, whole]);
  return (
    <div className="flex flex-col gap-2">
      {long && (
        <p className="flex flex-wrap items-center gap-2">
          <span className="text-muted">{whole ? `All ${count(text.length)} characters.` : `The first ${count(SHORT)} of ${count(text.length)} characters.`}</span>
          {!whole && <Button onClick={() => setWhole(true)}>Show all</Button>}
          <Button icon={<Download aria-hidden size={14} />} onClick={() => save(text, file)}>
            Download
          </Button>
        </p>
      )}
      <div className="relative rounded-md border border-line bg-canvas">
        <pre aria-label={`The ${name}`} className="p-3 pr-10 font-mono text-xs break-words whitespace-pre-wrap" tabIndex={0}>
          {pieces.map((piece, index) => (
            <div key={index} className="[contain-intrinsic-size:auto_2000px] [content-visibility:auto]">
              {piece}
            </div>
          ))}
        </pre>
        <div className="absolute top-1.5 right-1.5">
          <Copy text={text} label={`Copy the ${name}`} />
        </div>
      </div>
    </div>
  );
}

/** Cut a text into pieces, at ends of lines where there are any. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PIECE, text.length);
    const line = text.lastIndexOf("\n", end - 1) + 1;
    if (end < text.length && line > at) end = line;
    else if (isHigh(text.charCodeAt(end - 1)) && end < text.length) end += 1; // not through a character
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function save(text: string, file: string): void {
  const url = URL.createObjectURL(new Blob([text]));
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  URL.revokeObjectURL(url);
}
