import { CalendarRange } from "lucide-react";
import { useState } from "react";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Form } from "~/components/Form";
import { IconButton } from "~/components/IconButton";
import { Popover } from "~/components/Popover";
import { Segments } from "~/components/Segments";
import { type Range, RANGES, type RangeName, useRange } from "./range";

const STRETCHES = Object.keys(RANGES) as RangeName[];
const MINUTE_MS = 60_000;

/** Which time one looks at: up to now, or any other. */
export function RangePicker() {
  const [range, setRange] = useRange();
  const custom = range.name === "custom";
  return (
    <div className="flex items-center gap-1 max-sm:order-last max-sm:basis-full">
      <Segments label="Time" choices={STRETCHES} value={range.name === "custom" ? null : range.name} onChange={setRange} />
      <Popover label="Another time" trigger={<IconButton label="Another time" icon={CalendarRange} className={custom ? "bg-tint text-accent" : ""} />}>
        {(close) => (
          <Between
            range={range}
            onDone={(next) => {
              setRange(next);
              close();
            }}
          />
        )}
      </Popover>
    </div>
  );
}

function Between({ range, onDone }: { range: Range; onDone: (range: { from: number; to: number }) => void }) {
  const [from, setFrom] = useState(() => written(range.from));
  const [to, setTo] = useState(() => written(range.to));
  const turned = from !== "" && to !== "" && read(to) <= read(from);
  return (
    <Form onSubmit={() => !turned && onDone({ from: read(from), to: read(to) })}>
      <TextField label="From" type="datetime-local" required value={from} onChange={(event) => setFrom(event.target.value)} />
      <TextField label="Until" type="datetime-local" required value={to} error={turned ? "This is not after its beginning." : undefined} onChange={(event) => setTo(event.target.value)} />
      <Button kind="primary" type="submit">
        Show it
      </Button>
    </Form>
  );
}

/** Unix seconds as the field has them: in the time zone of whoever looks, by minutes. */
function written(at: number): string {
  const moment = new Date(at * 1000);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
}

function read(text: string): number {
  return Math.floor(new Date(text).getTime() / 1000);
}
