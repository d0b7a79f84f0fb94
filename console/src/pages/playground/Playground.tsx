import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { ImagePlus, Play, Plus, Square, X } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { requestQuery } from "~/api/request";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { LongField, NUMBER, TextField } from "~/components/Field";
import { PageHead } from "~/components/PageHead";
import { Shown } from "~/components/Shown";
import { useOrg } from "~/session";
import { AsCode } from "./AsCode";
import { Column, type Asking } from "./Column";
import { ModelPicker } from "./ModelPicker";
import { bodyOf, FIRST, type Question } from "./question";
import { replay, type Replayed } from "./replay";

const MOST = 4;

interface Search {
  models?: unknown;
  from_request?: unknown;
}

/** One to four models side by side, asked the same; also what was asked before. */
export default function Playground() {
  const { models, from_request: from } = useSearch({ strict: false }) as Search;
  const given = Array.isArray(models) && models.length > 0 ? models.map(String).slice(0, MOST) : ["demo/story"];
  return typeof from === "string" ? <Again key={from} id={from} models={given} /> : <Asked models={given} />;
}

/** A request that was made before, to be asked again. */
function Again({ id, models }: { id: string; models: string[] }) {
  const found = useQuery(requestQuery(useOrg(), id));
  const kept = found.data?.content?.request;
  let again: Replayed = { question: FIRST, left: [] };
  let missing = kept === undefined ? "What was said in it was not kept: its model alone is taken over." : "";
  try {
    if (kept !== undefined) again = replay(kept);
  } catch {
    missing = "Only the beginning of it was kept: its model alone is taken over.";
  }
  return (
    <Shown of={found}>
      <Asked models={models} start={again.question}>
        <p role="status" className="mb-4 text-muted">
          The request <code className="text-xs">{id}</code> again. {missing}
          {again.left.length > 0 && `Left out: ${again.left.join(", ")}.`}
        </p>
      </Asked>
    </Shown>
  );
}

interface Props {
  models: string[];
  start?: Question;
  children?: ReactNode;
}

function Asked({ models: given, start = FIRST, children }: Props) {
  const [models, setModels] = useState(given);
  const [question, setQuestion] = useState(start);
  const put = (change: Partial<Question>) => setQuestion((before) => ({ ...before, ...change }));
  const [asking, setAsking] = useState<Asking | null>(null);
  const [waiting, setWaiting] = useState(0);
  const [coded, setCoded] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  let wrong: string | undefined;
  let body: Record<string, unknown> = {};
  try {
    body = bodyOf(question);
  } catch (problem) {
    wrong = problem instanceof Error ? problem.message : String(problem);
  }
  const add = async (files: FileList | null) => {
    const read = await Promise.all([...(files ?? [])].filter(({ type }) => type.startsWith("image/")).map(asUrl));
    setQuestion((now) => ({ ...now, images: [...now.images, ...read] }));
  };
  const { system, before, prompt, images, temperature, longest, tools } = question;
  return (
    <>
      <PageHead title="Playground" action={<Button onClick={() => setCoded(true)}>As code</Button>}>
        What is asked here is counted and limited as any other request.
      </PageHead>
      {children}
      <form
        className="mb-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (wrong === undefined) setAsking({ number: (asking?.number ?? 0) + 1, body });
        }}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void add(event.dataTransfer.files);
        }}
      >
        <Card>
          <div className="grid gap-4 lg:grid-cols-[1fr_18rem]">
            <div className="flex flex-col gap-3">
              <TextField label="System" value={system} placeholder="You are …" onChange={(event) => put({ system: event.target.value })} />
              {before.length > 0 && (
                <p className="flex flex-wrap items-center gap-2 text-muted">
                  {before.length === 1 ? "One earlier message is" : `${before.length} earlier messages are`} sent along.
                  <Button onClick={() => put({ before: [] })}>Leave them out</Button>
                </p>
              )}
              <LongField label="Message" required={before.length === 0 && images.length === 0} value={prompt} onChange={(event) => put({ prompt: event.target.value })} />
              {images.length > 0 && (
                <ul className="flex gap-2">
                  {images.map((url, index) => (
                    <li key={index} className="relative">
                      <Picture url={url} name={`Attached ${index + 1}`} />
                      <button type="button" aria-label={`Take image ${index + 1} away`} onClick={() => put({ images: images.filter((_, at) => at !== index) })} className="absolute -top-2 -right-2 grid size-6 place-items-center rounded-full border border-line bg-surface">
                        <X aria-hidden size={12} />
                      </button>
                    </li>
                  ))}
                </ul>
              )}
              <div className="flex flex-wrap gap-2">
                <Button kind="primary" type="submit" icon={<Play aria-hidden size={14} />}>
                  Ask
                </Button>
                {waiting > 0 && (
                  <Button icon={<Square aria-hidden size={14} />} onClick={() => setAsking(null)}>
                    Stop
                  </Button>
                )}
                <input ref={file} type="file" accept="image/*" multiple hidden onChange={(event) => void add(event.target.files)} />
                <Button icon={<ImagePlus aria-hidden size={14} />} onClick={() => file.current?.click()}>
                  Image
                </Button>
              </div>
            </div>
            <div className="flex flex-col gap-3">
              <TextField label="Temperature" {...NUMBER} value={temperature} placeholder="the model's" onChange={(event) => put({ temperature: event.target.value })} />
              <TextField label="Tokens at most" {...NUMBER} value={longest} placeholder="the model's" onChange={(event) => put({ longest: event.target.value })} />
              <LongField label="Tools (JSON)" rows={4} value={tools} {...(wrong === undefined ? {} : { error: wrong })} placeholder='[{"type": "function", "function": {…}}]' onChange={(event) => put({ tools: event.target.value })} />
            </div>
          </div>
        </Card>
      </form>
      <div className="grid gap-4" style={{ gridTemplateColumns: `repeat(${models.length}, minmax(0, 1fr))` }}>
        {models.map((model, index) => (
          <Card
            key={index}
            title={<ModelPicker value={model} label={`Model ${index + 1}`} onChange={(next) => setModels(models.map((other, at) => (at === index ? next : other)))} />}
            action={
              models.length > 1 && (
                <button type="button" aria-label={`Take model ${index + 1} away`} onClick={() => setModels(models.filter((_, at) => at !== index))} className="text-muted hover:text-ink">
                  <X aria-hidden size={14} />
                </button>
              )
            }
          >
            <Column model={model} asking={asking} onWaiting={(change) => setWaiting((now) => now + change)} />
          </Card>
        ))}
      </div>
      {models.length < MOST && (
        <Button className="mt-4" icon={<Plus aria-hidden size={14} />} onClick={() => setModels([...models, models.at(-1) ?? "demo/echo"])}>
          Compare with another model
        </Button>
      )}
      {coded && <AsCode model={models[0] ?? ""} body={body} onClose={() => setCoded(false)} />}
    </>
  );
}

/** A picture that is here; of one elsewhere its address, because nothing is fetched from other hosts. */
function Picture({ url, name }: { url: string; name: string }) {
  if (url.startsWith("data:image/")) return <img src={url} alt={name} className="size-16 rounded-md border border-line object-cover" />;
  return <code className="block h-16 w-40 overflow-hidden rounded-md border border-line p-1 text-xs break-all">{url}</code>;
}

function asUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("the file cannot be read"));
    reader.readAsDataURL(file);
  });
}
