import { useSearch } from "@tanstack/react-router";
import { ImagePlus, Play, Plus, Square, X } from "lucide-react";
import { useRef, useState } from "react";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { LongField, TextField } from "~/components/Field";
import { PageHead } from "~/components/PageHead";
import { AsCode } from "./AsCode";
import { Column, type Asking } from "./Column";
import { ModelPicker } from "./ModelPicker";

const MOST = 4;

/** One to four models side by side, asked the same. */
export default function Playground() {
  const { models: given } = useSearch({ strict: false }) as { models?: string[] };
  const [models, setModels] = useState<string[]>(Array.isArray(given) && given.length > 0 ? given.map(String).slice(0, MOST) : ["demo/story"]);
  const [system, setSystem] = useState("");
  const [prompt, setPrompt] = useState("Tell me a short story about a fox and a dog.");
  const [temperature, setTemperature] = useState("");
  const [longest, setLongest] = useState("");
  const [tools, setTools] = useState("");
  const [images, setImages] = useState<string[]>([]);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [waiting, setWaiting] = useState(0);
  const [coded, setCoded] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  let wrong: string | undefined;
  let body: Record<string, unknown> = {};
  try {
    body = bodyOf({ system, prompt, images, temperature, longest, tools });
  } catch (problem) {
    wrong = problem instanceof Error ? problem.message : String(problem);
  }
  const add = async (files: FileList | null) => {
    const read = await Promise.all([...(files ?? [])].filter(({ type }) => type.startsWith("image/")).map(asUrl));
    setImages((before) => [...before, ...read]);
  };
  return (
    <>
      <PageHead title="Playground" action={<Button onClick={() => setCoded(true)}>As code</Button>}>
        What is asked here is counted and limited as any other request.
      </PageHead>
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
              <TextField label="System" value={system} placeholder="You are …" onChange={(event) => setSystem(event.target.value)} />
              <LongField label="Message" required value={prompt} onChange={(event) => setPrompt(event.target.value)} />
              {images.length > 0 && (
                <ul className="flex gap-2">
                  {images.map((url, index) => (
                    <li key={index} className="relative">
                      <img src={url} alt={`Attached ${index + 1}`} className="size-16 rounded-md border border-line object-cover" />
                      <button type="button" aria-label={`Take image ${index + 1} away`} onClick={() => setImages(images.filter((_, at) => at !== index))} className="absolute -top-2 -right-2 grid size-6 place-items-center rounded-full border border-line bg-surface">
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
              <TextField label="Temperature" inputMode="decimal" value={temperature} placeholder="the model's" onChange={(event) => setTemperature(event.target.value)} />
              <TextField label="Tokens at most" inputMode="numeric" value={longest} placeholder="the model's" onChange={(event) => setLongest(event.target.value)} />
              <LongField label="Tools (JSON)" rows={4} value={tools} {...(wrong === undefined ? {} : { error: wrong })} placeholder='[{"type": "function", "function": {…}}]' onChange={(event) => setTools(event.target.value)} />
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

interface Said {
  system: string;
  prompt: string;
  images: readonly string[];
  temperature: string;
  longest: string;
  tools: string;
}

function bodyOf({ system, prompt, images, temperature, longest, tools }: Said): Record<string, unknown> {
  const content = images.length === 0 ? prompt : [{ type: "text", text: prompt }, ...images.map((url) => ({ type: "image_url", image_url: { url } }))];
  return {
    messages: [...(system === "" ? [] : [{ role: "system", content: system }]), { role: "user", content }],
    ...(temperature === "" ? {} : { temperature: Number(temperature) }),
    ...(longest === "" ? {} : { max_tokens: Number(longest) }),
    ...(tools.trim() === "" ? {} : { tools: JSON.parse(tools) as unknown }),
  };
}

function asUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("the file cannot be read"));
    reader.readAsDataURL(file);
  });
}
