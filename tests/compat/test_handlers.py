"""A `CustomLLM` written for LiteLLM answers here, blocks nobody, and fails for itself alone."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman.errors import (
    AdapterError,
    ContextOverflow,
    DragomanError,
    RateLimited,
    ServerError,
    Timeout,
)
from dragoman.transport import performed
from dragoman.types import PartDelta
from tests.cli.running import Dragoman
from tests.compat.conftest import Ask, Table
from tests.compat.written import CALL, take_over
from tests.server.serving import Served

HI = "Hello you there"


@pytest.mark.parametrize("name", ["echo", "awaited", "Echo"])
def test_an_object_or_a_class_streams(name: str, ask: Ask) -> None:
    streamed = ask("handler", name).stream("a/m", HI)
    assert streamed.error is None
    assert streamed.completion.text == "Hello you there "
    deltas = [event for event in streamed.events if isinstance(event, PartDelta)]
    assert len(deltas) == 3
    assert streamed.completion.finish_reason == "stop"


def test_a_handler_is_told_the_parameters(ask: Ask) -> None:
    answer = ask("handler", "echo").chat("a/m", HI, temperature=0.5, body={"mood": "calm"})
    assert answer.text == "m: Hello you there ['mood', 'temperature']"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 2)


def test_coroutines_share_an_event_loop_from_call_to_call(ask: Ask) -> None:
    answers = ask("handler", "awaited").chat_at_once(5, "a/m")
    assert [answer.text for answer in answers] == ["hi"] * 5


def test_a_handler_without_a_stream_tells_it_in_one_piece(ask: Ask) -> None:
    streamed = ask("handler", "Whole").stream("a/m", HI)
    assert streamed.completion.text == HI


def test_a_tool_call_comes_together_from_its_pieces(ask: Ask) -> None:
    (call,) = ask("handler", "caller").stream("a/m").completion.tool_calls
    assert {"name": call.name, "arguments": call.arguments} == CALL


def test_vectors(ask: Ask) -> None:
    answer = ask("handler", "echo").embed("a/m", ["a", "bcd"])
    assert [list(vector) for vector in answer.vectors] == [[1.0, 0.5], [3.0, 0.5]]


# -- what goes wrong

FAULTS: dict[str, tuple[type[DragomanError], str]] = {
    "Raises": (AdapterError, "failed in completion: KeyError: 'nothing'"),
    "Limited": (RateLimited, "slow down"),
    "TooLong": (ContextOverflow, "too long"),
    "GivesText": (AdapterError, "returned a value of type str from completion"),
    "GivesNothing": (AdapterError, "returned nothing from completion"),
    "GivesANumber": (AdapterError, "returned a value of type int from completion, as the content"),
    "GivesNoChoices": (AdapterError, "returned a choice without a message"),
    "GivesNoJson": (AdapterError, "that is no JSON"),
    "Unfinished": (ServerError, "it has no completion"),
    "ConfigRaises": (AdapterError, "failed in transform_request: KeyError"),
    "ConfigGivesNothing": (AdapterError, "returned nothing from validate_environment"),
    "ConfigGivesAList": (AdapterError, "returned a value of type list from transform_request"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_handler_does_wrong_is_a_typed_error_of_its_provider(name: str, ask: Ask) -> None:
    kind, said = FAULTS[name]
    with pytest.raises(kind) as caught:
        ask("faulty", name, "http://127.0.0.1:9", retries=0).chat("a/m")
    assert said in str(caught.value)
    assert caught.value.provider == "a"
    assert "\n" not in str(caught.value)


def test_the_hint_names_the_line_of_the_handler(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(AdapterError) as caught:
        ask("faulty", "Raises").chat("a/m")
    assert f"{tmp_path}/faulty.py:" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("Raises", AdapterError, "failed in streaming: ZeroDivisionError: half way"),
        ("GivesText", AdapterError, "returned a value of type int from streaming"),
        ("GivesANumber", AdapterError, "returned a value of type int from streaming"),
        ("GivesNothing", AdapterError, "failed in streaming"),
        ("SleepsHalfWay", Timeout, "silent for 0.3 s"),
    ],
)
def test_a_stream_that_goes_wrong_ends_with_a_typed_error(
    name: str, kind: type[DragomanError], said: str, ask: Ask
) -> None:
    timeouts = {"idle": 0.3, "first_token": 2}
    streamed = ask("faulty", name, timeouts=timeouts, retries=0).stream("a/m")
    assert isinstance(streamed.error, kind)
    assert said in str(streamed.error)
    assert streamed.completion.text in ("", "so far")


@pytest.mark.parametrize("name", ["Sleeps", "Spins"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_handler_that_does_not_come_back_is_left_in_time(
    name: str, stream: bool, ask: Ask
) -> None:
    asker = ask("faulty", name, timeouts={"first_token": 0.3, "total": 0.6}, retries=0)
    began = time.monotonic()
    if stream:
        assert isinstance(asker.stream("a/m").error, Timeout)
    else:
        with pytest.raises(Timeout):
            asker.chat("a/m")
    assert time.monotonic() - began < 3.5


def test_a_handler_that_spins_is_stopped(ask: Ask) -> None:
    before = performed.count_under_way()
    asker = ask("faulty", "Spins", timeouts={"total": 0.2}, retries=0)
    with pytest.raises(Timeout):
        asker.chat("a/m")
    for thread in threading.enumerate():
        if thread.name == "dragoman-a":
            thread.join(1)
    assert performed.count_under_way() <= before


def test_a_stream_without_end_is_read_no_faster_than_it_is_taken(ask: Ask) -> None:
    streamed = ask("faulty", "EndlessStream").stream("a/m", until=lambda events: len(events) > 500)
    assert streamed.error is None
    assert streamed.completion.text.startswith("xxx")


def test_a_route_moves_on_from_a_broken_handler(ask: Ask) -> None:
    answer = ask("faulty", "Raises").chat(["a/m", "demo/echo"])
    assert answer.provider == "demo"


def keyless(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != "api_key"}


def test_an_endpoint_that_handlers_do_not_know_is_refused(table: Table) -> None:
    with Served({"a": keyless(table("handler", "echo"))}) as gateway:
        client = gateway.openai(max_retries=0)
        with pytest.raises(openai.BadRequestError, match="it knows chats and embeddings"):
            client.images.generate(model="a/m", prompt="a cat")


# -- through the gateway, and on the command line


def test_the_gateway_serves_a_handler_to_the_official_client(table: Table) -> None:
    with Served({"a": keyless(table("handler", "echo"))}) as gateway:
        client = gateway.openai(max_retries=0)
        messages: Any = [{"role": "user", "content": HI}]
        whole = client.chat.completions.create(model="a/m", messages=messages)
        assert whole.choices[0].message.content == "m: Hello you there []"
        assert whole.usage is not None
        assert whole.usage.total_tokens == 5
        chunks = list(
            client.chat.completions.create(
                model="a/m", messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == "Hello you there "
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 2
        vectors = client.embeddings.create(model="a/m", input=["abc"], encoding_format="float")
        assert vectors.data[0].embedding == [3.0, 0.5]


def test_a_handler_that_sleeps_holds_up_nobody_else(table: Table) -> None:
    providers = {
        "a": keyless(table("handler", "echo")),
        "b": keyless(table("faulty", "Sleeps", retries=0)),
    }
    with Served(providers) as gateway:
        client = gateway.openai(max_retries=0)
        messages: Any = [{"role": "user", "content": HI}]

        def ask_the_sleeper() -> None:
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(model="b/m", messages=messages, timeout=3.0)

        asking = [threading.Thread(target=ask_the_sleeper) for _ in range(4)]
        for one in asking:
            one.start()
        for _ in range(5):
            client.chat.completions.create(model="a/m", messages=messages)
        assert all(one.is_alive() for one in asking)  # they sleep for 4 s
        for one in asking:
            one.join()


def test_the_command_line_asks_a_handler_in_its_folder(tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path)
    dragoman.configure('[providers.a]\nadapter = "handler.py:echo"\n')
    take_over("handler", dragoman.config_file.parent)
    result = dragoman("-m", "a/m", HI)
    assert (result.code, result.out.strip(), result.err) == (0, HI, "")
    tested = dragoman("providers", "test", "a", "-m", "m")
    assert tested.code == 0, tested.out + tested.err
    assert "no network is needed" in tested.out


def test_a_handler_in_the_folder_of_adapters_is_a_provider_at_once(tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path)
    folder = dragoman.config_file.parent / "adapters"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "from dragoman.compat.litellm import CustomLLM\n\n\n"
        "class Mine(CustomLLM):\n"
        "    def completion(self, messages, model_response, **rest):\n"
        "        model_response.choices[0].message.content = messages[-1]['content'].upper()\n"
        "        return model_response\n"
    )
    result = dragoman("-m", "mine/m", HI)
    assert (result.code, result.out.strip(), result.err) == (0, HI.upper(), "")


def test_a_custom_provider_map_in_litellm_s_yaml_is_read(tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path)
    take_over("handler", tmp_path)
    (tmp_path / "config.yaml").write_text(
        "model_list:\n"
        '  - model_name: "mine"\n'
        "    litellm_params: {model: my-custom-llm/m1, api_key: none}\n"
        "litellm_settings:\n"
        '  custom_provider_map: [{"provider": "my-custom-llm", "custom_handler": handler.echo}]\n'
    )
    result = dragoman("--config", str(tmp_path / "config.yaml"), "-m", "mine", HI)
    assert (result.code, result.out.strip(), result.err) == (0, HI, "")
    imported = dragoman("config", "import", str(tmp_path / "config.yaml"), "--write")
    assert imported.code == 0, imported.err
    assert "Not taken over" not in imported.err
    result = dragoman("-m", "my-custom-llm/m1", HI)
    assert (result.code, result.out.strip(), result.err) == (0, HI, "")


def test_what_would_be_asked_can_be_shown(table: Table, tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path)
    for file, name in (("handler", "echo"), ("guide", "MyProviderChatConfig")):
        adapter = table(file, name)["adapter"]
        base = 'base_url = "http://127.0.0.1:9/models"' if file == "guide" else ""
        dragoman.configure(f'[providers.a]\nadapter = "{adapter}"\n{base}\n')
        shown = dragoman("explain", "a/m")
        url = "http://127.0.0.1:9/models/m" if base else "python:/a/chat"
        assert url in shown.out
