"""An adapter's faults are its provider's: typed, one line, and nobody else's business."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.config import Config
from dragoman.errors import AdapterError, ConfigError, DragomanError
from tests.adapters.conftest import KEY
from tests.library.asking import Asker
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error

Start = Callable[..., FaultUpstream]
Make = Callable[..., Asker]

RAISING = {
    "RaisesInHeaders": "failed in validate_environment: KeyError: 'region'",
    "RaisesInUrl": "failed in get_complete_url: ZeroDivisionError: division by zero",
    "RaisesInRequest": "failed in transform_request: IndexError",
    "RaisesInResponse": "failed in transform_response: IndexError",
    "RaisesInFlow": "failed in auth_flow: OSError: no token",
    "Exits": "failed in transform_request: SystemExit: bye",
}
RETURNING = {
    "HeadersAreAList": "returned a value of type list from validate_environment",
    "UrlIsNothing": "returned nothing from get_complete_url",
    "UrlIsNoUrl": "made a URL that is none",
    "UrlHasDots": "made a URL with '.' or '..' in its path",
    "UrlIsAFile": "made a URL that is none",
    "BodyIsANumber": "returned a value of type int from transform_request",
    "BodyIsNoJson": "made a body in transform_request that is no JSON",
    "TextIsANumber": "text must be a str, not int",
    "FlowIsAString": "returned a value of type str from auth_flow",
    "FlowSendsNothing": "never sent its request",
    "FlowNeverEnds": "made 10 requests, and still wants another",
    "FollowIsTrue": "returned a value of type bool from follow_up",
}


ACME = Path(__file__).parent / "acme.py"


def at(name: str) -> str:
    return f"tests.adapters.faulty:{name}"


@pytest.mark.parametrize(("name", "said"), [*RAISING.items(), *RETURNING.items()])
def test_what_goes_wrong_in_a_hook_is_an_error_of_its_provider(
    asker: Make, upstream: Start, name: str, said: str
) -> None:
    server = upstream(lambda _: chat("hi"))
    ask = asker(server, at(name))
    with pytest.raises(AdapterError) as caught:
        ask.chat("a/m")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize("name", ["RaisesInRequest", "UrlIsNothing", "FlowNeverEnds"])
def test_a_route_moves_on_from_a_broken_adapter(asker: Make, upstream: Start, name: str) -> None:
    server = upstream(lambda _: chat("hi"))
    ask = asker(server, at(name))
    answer = ask.chat(["a/m", "demo/echo"])
    assert answer.provider == "demo"
    assert any("the adapter of a" in warning for warning in answer.warnings)


def test_the_hint_names_the_line_of_the_adapter(asker: Make, upstream: Start) -> None:
    with pytest.raises(AdapterError) as caught:
        asker(upstream(lambda _: chat("hi")), at("RaisesInUrl")).chat("a/m")
    assert caught.value.place is not None
    path, _, line = caught.value.place.rpartition(":")
    assert "ZeroDivisionError" in Path(path).read_text().splitlines()[int(line) - 1]


def test_an_error_in_the_middle_of_a_stream_ends_it(asker: Make, upstream: Start) -> None:
    streamed = asker(upstream(chat_stream(["a", "b"])), at("RaisesInStream")).stream("a/m")
    assert isinstance(streamed.error, AdapterError)


def test_an_error_hook_that_returns_no_error_is_told(asker: Make, upstream: Start) -> None:
    with pytest.raises(AdapterError, match="type str from get_error"):
        asker(upstream(error(500)), at("ErrorIsText")).chat("a/m")


def test_an_adapter_that_cannot_be_made_is_a_fault_of_the_configuration(
    asker: Make, upstream: Start
) -> None:
    with pytest.raises(ConfigError, match="nothing works"):
        asker(upstream(chat("hi")), at("RaisesAtOnce")).chat("a/m")


def test_a_job_that_is_followed_for_ever_ends_with_its_time(asker: Make, upstream: Start) -> None:
    ask = asker(upstream(lambda _: chat("hi")), at("FollowsForEver"))
    with pytest.raises(DragomanError):
        ask.chat("a/m", total=0.3, retries=0)


def test_a_hook_that_never_comes_back_is_stopped(asker: Make, upstream: Start, kind: str) -> None:
    name = "Loops" if kind == "sync" else "LoopsAndCatches"
    began = time.monotonic()
    with pytest.raises(AdapterError, match=r"did not come back from transform_request within 3 s"):
        asker(upstream(chat("hi")), at(name)).chat("a/m", retries=0)
    assert time.monotonic() - began < 20


def test_the_gateway_outlives_a_hook_that_waits(tmp_path: Path) -> None:
    config = "".join(
        f'[[providers]]\nname = "{name.lower()}"\nbase_url = "http://127.0.0.1:9"\n'
        f'adapter = "{Path(__file__).parent / "faulty.py"}:{name}"\n'
        for name in ("Waits", "Loops")
    )
    gateway = Process(tmp_path, config)
    try:
        for name in ("waits", "loops"):
            status, answer = gateway.chat(f"{name}/m")
            assert (status, answer["error"]["code"]) == (502, "adapter_error")
            assert gateway.chat("demo/echo")[0] == 200
    finally:
        gateway.stop()


def test_a_broken_file_leaves_all_other_providers_alone(
    tmp_path: Path, load: Callable[..., Config]
) -> None:
    folder = tmp_path / ".config/dragoman/adapters"
    folder.mkdir(parents=True)
    (folder / "syntax.py").write_text("def broken(:\n")
    (folder / "raises.py").write_text("import does_not_exist\n")
    (folder / "exits.py").write_text("raise SystemExit(3)\n")
    (folder / "good.py").write_text(ACME.read_text())
    config = load()
    assert config.providers["good"].problems == ()
    places = {name: config.providers[name].problems[0].place for name in ("syntax", "raises")}
    assert places == {"syntax": f"{folder}/syntax.py:1", "raises": f"{folder}/raises.py:1"}
    assert len(config.problems) == 3
