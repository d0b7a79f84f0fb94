import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, taken } from "~/api/client";
import { playgroundKey } from "~/api/playground";
import { askStream } from "~/api/stream";
import { Button } from "~/components/Button";
import { Card } from "~/components/Card";
import { TextField } from "~/components/Field";
import { PageHead } from "~/components/PageHead";
import { Trouble } from "~/components/Trouble";
import { useMe, useOrg } from "~/session";
import { KeyText } from "../keys/KeyText";
import { ownProviders } from "../providers/own";
import { ProviderSheet } from "../providers/ProviderSheet";
import { Presets } from "./Presets";

/** From nothing to a streamed answer: a provider, a question, a key. */
export default function First() {
  const org = useOrg();
  const who = useMe().data?.name ?? "";
  const [adding, setAdding] = useState(false);
  const [preset, setPreset] = useState(false);
  const [model, setModel] = useState("demo/story");
  const [answer, setAnswer] = useState("");
  const [name, setName] = useState("my first program");
  const providers = useQuery(ownProviders(org));
  const known = providers.data?.items ?? [];
  const ask = useMutation({
    mutationFn: async () => {
      setAnswer("");
      const key = await playgroundKey(org, who);
      const body = { model, stream: true, messages: [{ role: "user", content: "Say hello, and tell me in one sentence who you are." }] };
      let whole = "";
      for await (const piece of askStream(key, body, new AbortController().signal, () => {})) {
        whole += piece.text ?? "";
        setAnswer(whole);
      }
    },
  });
  const make = useMutation({
    mutationFn: () => taken(api.POST("/api/v1/organisations/{org}/keys", { params: { path: { org } }, body: { name } })),
  });
  return (
    <div className="mx-auto max-w-3xl">
      <PageHead title="The first request">Two minutes, from a provider to a streamed answer.</PageHead>
      <ol className="flex flex-col gap-4">
        <Step number={1} title="A provider" done={known.length > 0 || preset}>
          <p className="mb-3 text-muted">
            {known.length > 0 ? `There is ${known.map((one) => one.name).join(", ")}.` : "Choose one and enter its token, or add a server of your own."}
          </p>
          <Presets
            onDone={(chosen) => {
              setModel(chosen);
              setPreset(true);
            }}
          />
          <div className="mt-3 flex flex-wrap gap-2">
            <Button onClick={() => setAdding(true)}>Add a provider by its URL</Button>
            <Button
              onClick={() => {
                setModel("demo/story");
                setPreset(true);
              }}
            >
              Try with the demo provider
            </Button>
          </div>
        </Step>
        <Step number={2} title="A question" done={ask.isSuccess}>
          <form
            className="flex items-end gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              ask.mutate();
            }}
          >
            <div className="flex-1">
              <TextField label="Model" required value={model} onChange={(event) => setModel(event.target.value)} hint="provider/model; demo/story needs no provider." />
            </div>
            <Button kind="primary" type="submit" busy={ask.isPending} className="mb-5 h-9">
              Ask it
            </Button>
          </form>
          {answer !== "" && (
            <p data-testid="answer" aria-live="polite" className="rounded-md bg-raised p-3 whitespace-pre-wrap">
              {answer}
            </p>
          )}
          <Trouble error={ask.error} />
        </Step>
        <Step number={3} title="A key for your program" done={make.isSuccess}>
          {make.data === undefined ? (
            <form
              className="flex items-end gap-2"
              onSubmit={(event) => {
                event.preventDefault();
                make.mutate();
              }}
            >
              <div className="flex-1">
                <TextField label="What uses it" required value={name} onChange={(event) => setName(event.target.value)} />
              </div>
              <Button kind="primary" type="submit" busy={make.isPending} className="h-9">
                Make a key
              </Button>
            </form>
          ) : (
            <KeyText text={make.data.key} model={model} />
          )}
          <Trouble error={make.error} />
        </Step>
      </ol>
      <p className="mt-6 text-center">
        <Link to="/" search={true} className="text-accent underline">
          To the overview
        </Link>
      </p>
      {adding && (
        <ProviderSheet
          onClose={() => setAdding(false)}
          onDone={(made) => {
            const models = made.settings.models;
            const first = Array.isArray(models) ? (models[0] as { id?: string } | undefined)?.id : Object.keys((models as object | undefined) ?? {})[0];
            setModel(`${made.name}/${first ?? ""}`);
          }}
        />
      )}
    </div>
  );
}

function Step({ number, title, done, children }: { number: number; title: string; done: boolean; children: ReactNode }) {
  return (
    <li>
      <Card
        title={
          <span className="flex items-center gap-2">
            <span aria-hidden className={`grid size-6 place-items-center rounded-full text-xs ${done ? "bg-good-tint text-good" : "bg-tint text-accent"}`}>
              {done ? <Check size={14} /> : number}
            </span>
            {title}
          </span>
        }
      >
        {children}
      </Card>
    </li>
  );
}
