"""The form that an answer takes: data of a schema, code alone, events as lines; and templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.cli.ask.extract import extract_code
from dragoman.cli.ask.schema_option import short_schema
from tests.cli.running import Dragoman
from tests.upstream.answers import chat, chat_stream, error
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]
DOG = '{"name": "Rex", "age": 3}'


def asks(server: FaultUpstream) -> list[str]:
    return ["--base-url", server.base_url, "-m", "m", "-o", "retries", "0"]


# ------------------------------------------------------------------------------------- schemas


def test_short_form_asks_for_data_and_prints_it(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat(DOG))
    result = dragoman(*asks(server), "--schema", "name, age int: in years", "A dog.")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{DOG}\n"
    schema = server.requests[0].json()["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["age"] == {"type": "integer", "description": "in years"}
    assert schema["required"] == ["name", "age"]
    shown = dragoman.at_terminal(*asks(server), "--schema", "name, age int", "A dog.").result()
    assert shown.out == '{\n  "name": "Rex",\n  "age": 3\n}\n'


def test_schema_is_a_file_or_written_out(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat('{"ok": true}'))
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    (dragoman.cwd / "ok.json").write_text(json.dumps(schema))
    for given in ("ok.json", json.dumps(schema)):
        assert dragoman(*asks(server), "--schema", given, "Hi").out == '{"ok": true}\n'


def test_several_are_a_list(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat(f'{{"items": [{DOG}]}}'))
    result = dragoman(*asks(server), "--schema-multi", "name, age int", "Dogs.")
    assert json.loads(result.out) == {"items": [json.loads(DOG)]}


def test_answer_that_is_no_such_data_is_asked_for_again_then_refused(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream([chat('{"name": "Rex"}'), chat(DOG), *[chat("a dog")] * 20])
    arguments = [*asks(server), "--schema", "name, age int", "A dog."]
    assert json.loads(dragoman(*arguments).out)["age"] == 3
    result = dragoman(*arguments)
    assert (result.code, result.out) == (65, "")
    assert result.err.startswith("Error: ")
    assert "dragoman logs show has what it said" in result.err
    found = dragoman("--json", *arguments)
    assert found.code == 65
    assert found.json()["data"] is None
    assert found.json()["error"]["exit_code"] == 65


def test_data_goes_into_the_json_object(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat(DOG))
    found = dragoman(*asks(server), "--json", "--schema", "name, age int", "A dog.").json()
    assert (found["data"], found["via"]) == ({"name": "Rex", "age": 3}, "native")


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("name", {"name": {"type": "string"}}),
        ("a float, b bool", {"a": {"type": "number"}, "b": {"type": "boolean"}}),
        ("a: one, two", {"a": {"type": "string", "description": "one"}, "two": {"type": "string"}}),
        ("a: one, two\nb int", {
            "a": {"type": "string", "description": "one, two"}, "b": {"type": "integer"},
        }),
    ],
)  # fmt: skip
def test_short_form(text: str, properties: dict[str, Any]) -> None:
    assert short_schema(text)["properties"] == properties


# ------------------------------------------------------------------------------------ the code

CODE = "Like so:\n\n```python\nprint(1)\n```\n\nor\n\n  ~~~\n  x = 2\n  ~~~\nDone.\n"


@pytest.mark.parametrize(
    ("text", "last", "code"),
    [
        (CODE, False, "print(1)\n"),
        (CODE, True, "x = 2\n"),
        ("none", False, None),
        ("```\n````\n```\n", False, ""),  # a longer fence ends a shorter one
        ("````\n```\n````\n", False, "```\n"),
        ("```js\nopen", False, None),
        ("```\n```", False, ""),
    ],
)
def test_block_of_code(text: str, last: bool, code: str | None) -> None:
    assert extract_code(text, last=last) == code


def test_only_the_code_is_printed(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream([CODE[:30], CODE[30:]]))
    assert dragoman(*asks(server), "-x", "Hi").out == "print(1)\n"
    assert dragoman(*asks(server), "--xl", "Hi").out == "x = 2\n"
    assert dragoman(*asks(server), "-x", "--json", "Hi").json()["text"] == CODE
    bare = upstream(chat_stream(["no code here"]))
    assert dragoman(*asks(bare), "-x", "Hi").out == "no code here\n"


def test_code_that_had_come_is_kept_when_the_stream_breaks(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat_stream([CODE], finish=None, usage=None, done=False))
    result = dragoman(*asks(server), "-x", "Hi")
    assert (result.code, result.out) == (69, "print(1)\n")


# ---------------------------------------------------------------------------------- the events


def test_events_are_lines_of_json(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Good", " day"]))
    lines = [json.loads(line) for line in dragoman(*asks(server), "--jsonl", "Hi").out.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["finish", "answer"]
    assert "".join(line["text"] for line in lines if line["type"] == "part_delta") == "Good day"
    whole = dragoman(*asks(server), "--jsonl", "Hi").out.splitlines()[-1]
    assert json.loads(whole)["text"] == "Good day"


def test_last_line_has_the_error(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(error(401, message="Wrong key"))
    result = dragoman(*asks(server), "--jsonl", "Hi")
    assert result.code == 77
    (line,) = result.out.splitlines()
    assert json.loads(line)["error"]["exit_code"] == 77


# ----------------------------------------------------------------------------------- templates


def test_template_is_saved_filled_and_overruled(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["ok"]))
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    saved = dragoman(
        "-m", "up/m", "-s", "You turn {a} into {b}.", "-o", "temperature", "0.2",
        "--save", "tr", "Translate: {input}",
    )  # fmt: skip
    assert saved.code == 0
    path = dragoman.home / ".config/dragoman/templates/tr.toml"
    assert saved.err == f"Saved as {path}\n"
    assert server.requests == []
    assert dragoman("-t", "tr", "-p", "a", "French", "-p", "b", "English", "Bonjour").code == 0
    sent = server.requests[0].json()
    assert [m["content"] for m in sent["messages"]] == [
        "You turn French into English.", "Translate: Bonjour",
    ]  # fmt: skip
    assert sent["temperature"] == 0.2
    arguments = ["-t", "tr", "-p", "a", "x", "-p", "b", "y", "-s", "Other.", "-o", "temperature"]
    assert dragoman(*arguments, "1", stdin=b"piped").code == 0
    sent = server.requests[1].json()
    assert [m["content"] for m in sent["messages"]] == ["Other.", "Translate: piped"]
    assert sent["temperature"] == 1
    again = dragoman("--save", "tr", "-s", "x")
    assert again.code == 2
    assert "already" in again.err


def test_variables_have_defaults_and_braces_stay(dragoman: Dragoman) -> None:
    folder = dragoman.home / ".config/dragoman/templates"
    folder.mkdir(parents=True)
    (folder / "t.toml").write_text(
        'model = "demo/echo"\nprompt = "{greeting} {{kept}} {\\"json\\": 1} {input}"\n'
        '[defaults]\ngreeting = "Hello"\n'
    )
    assert dragoman("-t", "t", "you").out == 'Hello {kept} {"json": 1} you\n'
    assert dragoman("-t", "t", "-p", "greeting", "Bye", "you").out.startswith("Bye ")


def test_template_holds_for_a_conversation(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["ok"]))
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    dragoman("-m", "up/m", "-s", "Be {how}.", "--save", "t")
    assert dragoman("chat", "-t", "t", "-p", "how", "kind", stdin=b"Hi\n").out == "ok\n"
    assert server.requests[0].json()["messages"][0]["content"] == "Be kind."


TEMPLATES = {
    "missing": (["-t", "nope", "Hi"], None, 66, "there is no template 'nope'"),
    "another is there": (["-t", "nope", "Hi"], "", 66, "Fix: there is t"),
    "no name": (["-t", "../x", "Hi"], None, 2, "'../x'"),
    "variable without a value": (["-t", "t", "Hi"], 'prompt = "{who}"', 2, "who"),
    "variable that is not there": (["-t", "t", "-p", "x", "1", "Hi"], "", 2, "x"),
    "no TOML": (["-t", "t", "Hi"], "prompt = ", 65, "t.toml"),
    "unknown setting": (["-t", "t", "Hi"], 'promt = "x"', 65, "promt"),
    "wrong kind": (["-t", "t", "Hi"], "prompt = 1", 65, "t.toml"),
    "values without a template": (["-p", "x", "1", "Hi"], None, 2, "-t"),
    "nothing to save": (["--save", "x"], None, 2, "nothing to save"),
    "name of a path": (["--save", "a/b", "Hi"], None, 2, "a/b"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_that_cannot_be_used_is_explained(name: str, dragoman: Dragoman) -> None:
    arguments, text, code, said = TEMPLATES[name]
    if text is not None:
        folder = dragoman.home / ".config/dragoman/templates"
        folder.mkdir(parents=True)
        (folder / "t.toml").write_text(text)
    result = dragoman(*arguments, env={"DRAGOMAN_MODEL": "demo/echo"})
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("Error: ")
    assert said in result.err
    assert len(result.err.splitlines()) <= 3
