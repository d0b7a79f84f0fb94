"""A file is changed as its owner would by hand; what is not understood is not touched."""

from __future__ import annotations

import errno
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.config.edit import Draft, edit_file, read_draft
from dragoman.config.replace import replace_file
from dragoman.errors import ConfigError

CASES = tomllib.loads((Path(__file__).parent / "cases/edit.toml").read_text("utf-8"))["case"]
FILE = Path("/home/me/config.toml")


def change(draft: Draft, case: dict[str, Any]) -> None:
    if "add" in case:
        draft.add_provider(**case["add"])
    elif "remove" in case:
        assert draft.remove_provider(case["remove"])
    elif "flag" in case:
        draft.set_flag(case["flag"]["name"], "enabled", case["flag"]["value"])
    else:
        draft.set_top("default_model", case["default"], "The default.")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_change_is_what_a_person_would_have_made(case: dict[str, Any], end: str) -> None:
    before = case["before"].replace("\n", end)
    draft = Draft(FILE, before)
    if "refused" in case:
        with pytest.raises(ConfigError) as caught:
            change(draft, case)
        assert case["refused"] in str(caught.value.hint)
        assert draft.text == before
        return
    change(draft, case)
    if before:
        assert draft.text == case["after"].replace("\n", end)
    else:
        assert draft.text == case["after"]


TABLES = st.sampled_from(
    [
        '[providers.x]\nbase_url = "http://x/v1"\n',
        "# a comment of the routes\n[routes.r]\nmodels = ['x/m'] # here\n",
        "[providers.x.dialect]\ndrop = [\n  'a', # why\n  'b',\n]\n",
        '[providers.y] # y\nbase_url = "http://y/v1"\n\n# trailing\n',
        "[aliases]\nfast = 'x/m'\n",
        '[providers.y.headers]\n"a.b" = "[providers.x]"\n',
        "[providers.z]\npreset = 'groq'\n",
        "\n\n# alone\n\n",
    ]
)


@given(st.lists(TABLES, unique=True, max_size=8), st.sampled_from(["x", "y", "z"]))
@settings(max_examples=200, deadline=None)
def test_whatever_is_taken_out_all_else_says_the_same(tables: list[str], name: str) -> None:
    text = "\n".join(tables)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    draft = Draft(FILE, text)
    try:
        removed = draft.remove_provider(name)
    except ConfigError:
        assert draft.text == text
        return
    rest = tomllib.loads(draft.text)
    assert removed is (name in data.get("providers", {}))
    data.get("providers", {}).pop(name, None)
    assert {k: v for k, v in rest.items() if v} == {k: v for k, v in data.items() if v}
    for comment in ("# alone", "# a comment of the routes", "# here"):
        assert draft.text.count(comment) == text.count(comment)


@given(st.lists(TABLES, unique=True, max_size=8))
@settings(max_examples=200, deadline=None)
def test_whatever_is_added_every_line_stays(tables: list[str]) -> None:
    text = "\n".join(tables)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    draft = Draft(FILE, text)
    draft.add_provider("new", {"base_url": "http://new/v1"})
    draft.set_top("default_model", "new/m")
    assert [line for line in text.splitlines() if line] == [
        line
        for line in draft.text.splitlines()
        if line
        and line not in ("[providers.new]", 'base_url = "http://new/v1"', 'default_model = "new/m"')
    ]


def test_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    edit_file(path, lambda draft: draft.add_provider("x", {"base_url": "http://x/v1"}))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    path.chmod(mode)
    edit_file(path, lambda draft: draft.add_provider("x", {"base_url": "http://x/v1"}))
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_text().startswith("# mine\n")


def test_link_still_leads_to_the_file(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "dragoman.toml"
    real.parent.mkdir()
    real.write_text("# mine\n")
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    edit_file(link, lambda draft: draft.add_provider("x", {"base_url": "http://x/v1"}))
    assert link.is_symlink()
    assert "[providers.x]" in real.read_text()


def test_byte_order_mark_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf# mine\r\n")
    edit_file(path, lambda draft: draft.add_provider("x", {"preset": "groq"}))
    assert path.read_bytes() == b'\xef\xbb\xbf# mine\r\n\r\n[providers.x]\r\npreset = "groq"\r\n'


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    before = path.stat()
    assert edit_file(path, lambda draft: draft.remove_provider("x")) is False
    assert path.stat() == before


BROKEN = {
    "no TOML": b"providers = [",
    "not UTF-8": b'name = "\xff"',
    "UTF-16": "default_model = 'x'".encode("utf-16"),
    "a folder": None,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_left_as_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    content = BROKEN[name]
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        edit_file(path, lambda draft: draft.add_provider("x", {"preset": "groq"}))
    assert str(path) in str(caught.value)
    assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_other_languages_are_left_to_their_owner(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only TOML is edited"):
        read_draft(tmp_path / f"config{suffix}")


def test_full_disk_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    # A limit on the size of files stands for a full disk: the write fails half-way.
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10));"
        "from pathlib import Path; from dragoman.config.replace import replace_file\n"
        "try: replace_file(Path(sys.argv[1]), b'x' * 100)\n"
        "except OSError as error: print(error.errno)"
    )
    import subprocess
    import sys

    run = subprocess.run(
        [sys.executable, "-B", "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert resource
    assert run.stdout.strip() == str(errno.EFBIG)
    assert path.read_text() == "# mine\n"
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    names = [f"p{number}" for number in range(12)]

    def add(name: str) -> None:
        edit_file(path, lambda draft: draft.add_provider(name, {"base_url": "http://x/v1"}))

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tomllib.loads(path.read_text())["providers"]) == sorted(names)


def test_interrupted_change_leaves_everything(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")

    def interrupted(draft: Draft) -> None:
        draft.add_provider("x", {"preset": "groq"})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit_file(path, interrupted)
    assert path.read_text() == "# mine\n"
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
    replace_file(path, b"free again\n")
