"""A real llama.cpp server on a tiny random model: an API that this project did not write.

    def test_streams(llama_server):
        client = OpenAI(base_url=llama_server.base_url, api_key="none")
        client.chat.completions.create(model=llama_server.model, messages=..., stream=True)

It speaks all three formats (`/v1/chat/completions`, `/v1/responses`, `/v1/messages`) and starts in
half a second. The text is babble, the same for the same prompt unless `seed` is given; finish
reasons, usage, schemas and tool calls are real.

What it does that a client might not expect (seen with xllamacpp 2026.10):

- The first chunk has `"content": null`; the stream's chunks have the model's alias, whatever model
  was asked for: any name is answered, none is a 404.
- With `n` > 1 choices interleave, each ends with a usage chunk of its own (the other's text may
  follow), and usage counts one choice only, streamed or not.
- `timings` stands beside `usage`; without `include_usage` it is in the chunk with the finish
  reason. `prompt_tokens_details.cached_tokens` is nearly the whole prompt when it is repeated.
- Arguments of tool calls have blanks in odd places; text may precede the calls; a call that
  `max_tokens` cut is returned with half its arguments and finish reason `length`.
- `error.code` is the status as a number. A prompt too long is a 400 `exceed_context_size_error`
  with `n_prompt_tokens` and `n_ctx`; an image is a 500. Errors close the connection.
- A pattern that its grammars can't express is dropped from a JSON schema: any string passes.
- `max_tokens: 0` gives one token; one beyond the context ends there with `length`.
- `/v1/models` has Ollama's `models` beside `data`; `data[].meta.n_ctx` is the context of one slot.
- `/v1/responses` says `completed` when cut short, and its events lack `sequence_number` and
  `output_index`; `/v1/messages` leaves cached tokens out of `input_tokens`, as Anthropic does.
- A client that leaves ends the generation at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

MODEL = "tiny"
START_S = 120.0
STOP_S = 60.0


class LlamaServer:
    """Run llama.cpp's server as a process of its own on a free loopback port, as a context.

    `folder` takes the log and the model, which `write` writes.
    With `api_key` every route but /health asks for it.
    `tool_bias` is a `logit_bias` under which a required tool call comes within a few tokens.
    """

    model = MODEL
    context_tokens = 1024

    def __init__(
        self,
        folder: Path,
        *,
        api_key: str | None = None,
        write: Callable[[Path], object] | None = None,
    ) -> None:
        from tests.upstream.tiny_model import CALL_OPENING, TOKEN_IDS, write_model

        self.url = ""
        self.log = folder / "llama.log"
        self.tool_bias = {str(TOKEN_IDS[CALL_OPENING]): 17}
        self._model_file = folder / "tiny.gguf"
        self._api_key = api_key
        self._write = write or write_model

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._write(self._model_file)
        settings = {
            "file": str(self._model_file),
            "api_keys": [self._api_key] if self._api_key else [],
            "n_ctx": 2 * self.context_tokens,
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.upstream.llama", json.dumps(settings)],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"listening "):
                self.url = line.split()[1].decode()
                break
        self._wait_healthy()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End the process by closing its standard input, as its parent's death would."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        finally:
            self._process.kill()
            self._process.stdout.close()
            self._process.wait()

    def _wait_healthy(self) -> None:
        deadline = time.monotonic() + START_S
        while self.url and self._process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=START_S) as answer:
                    if answer.status == 200:
                        return
            except urllib.error.HTTPError as loading:  # 503 while the model loads
                loading.close()
            time.sleep(0.01)
        self.__exit__(None, None, None)
        said = self.log.read_text(errors="replace")
        if "libgomp.so.1: cannot open" in said:
            pytest.skip("there is no libgomp on this machine (Debian's package: libgomp1)")
        raise RuntimeError(f"llama.cpp did not start:\n{said}")


def main() -> None:
    """Serve the model named in the settings until standard input ends."""
    import xllamacpp

    settings = json.loads(sys.argv[1])
    params = xllamacpp.CommonParams()
    params.model.path = settings["file"]
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = settings["api_keys"]
    params.n_ctx = settings["n_ctx"]
    params.n_parallel = 2
    params.n_gpu_layers = 0
    params.sampling.seed = 1  # so that a request without a seed gets the same text each time
    params.warmup = False
    params.use_jinja = True
    params.ui = False
    params.offline = True
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print("listening", server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
