"""Attachments: pictures, documents and text become what models can read, or are refused."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.greeter import PNG, content
from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat_stream

Upstream = Callable[..., FaultUpstream]


def test_image_is_told_by_its_first_bytes(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "picture.dat").write_bytes(PNG)
    assert dragoman("-a", "picture.dat", "What is this?").code == 0
    text, image = content(up)  # type: ignore[misc]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


def test_piped_image_is_an_attachment(dragoman: Dragoman, up: FaultUpstream) -> None:
    for arguments in (["What?"], ["-a", "-", "What?"]):
        assert dragoman(*arguments, stdin=PNG).code == 0
        assert content(up)[1]["type"] == "image_url"  # type: ignore[index]


def test_image_url_is_handed_on(dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman("-a", "https://example.org/cat.jpg", "What?").code == 0
    assert content(up)[1]["image_url"]["url"] == "https://example.org/cat.jpg"  # type: ignore[index]


def test_text_file_becomes_text_under_its_name(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "notes.md").write_text("# Plan\n\n```py\n1\n```\n")
    assert dragoman("-a", "notes.md", "Summarise").code == 0
    sent = content(up)
    joined = sent if isinstance(sent, str) else "\n".join(part["text"] for part in sent)  # type: ignore[attr-defined]
    assert "Summarise" in joined
    assert "notes.md:\n````\n# Plan\n\n```py\n1\n```\n````" in joined


def test_image_for_a_text_model_is_refused_before_sending(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat_stream(["no"]))
    dragoman.configure(
        f'[[providers]]\nname = "up"\nbase_url = "{server.base_url}"\n'
        '[[providers.models]]\nid = "m1"\ninput = ["text"]\n'
    )
    (dragoman.cwd / "a.png").write_bytes(PNG)
    result = dragoman("-m", "up/m1", "-a", "a.png", "What?")
    assert result.code == 65
    assert "image" in result.err
    assert server.requests == []
