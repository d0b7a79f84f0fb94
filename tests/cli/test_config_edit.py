"""`config edit` checks what was written before it counts, and never loses it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.cli.running import Dragoman

GOOD = 'default_model = "demo/story"  # mine\n'
BAD = "default_model = \n"


@pytest.fixture
def editing(dragoman: Dragoman) -> Dragoman:
    """Somebody whose editor puts the files `1`, `2` … of their home in place, one each time."""
    script = dragoman.home / "editor"
    script.write_text(
        "#!/bin/sh\n"
        'n=$(( $(cat "$HOME/count" 2>/dev/null || echo 0) + 1 ))\n'
        'echo $n > "$HOME/count"\n'
        'cp "$2" "$HOME/seen$n"\n'
        '[ ! -e "$HOME/$n" ] || cp "$HOME/$n" "$2"\n'
        'exit $(cat "$HOME/status" 2>/dev/null || echo 0)\n'
    )
    script.chmod(0o755)
    dragoman.env["VISUAL"] = f"'{script}' --wait"
    dragoman.env["EDITOR"] = "/nowhere/vi"
    return dragoman


def writes(dragoman: Dragoman, *texts: str) -> None:
    """Say what the editor makes of the draft, each time."""
    for number, text in enumerate(texts, 1):
        (dragoman.home / str(number)).write_text(text)


def draft(dragoman: Dragoman) -> Path:
    return dragoman.config_file.with_name("config.edit.toml")


def test_first_edit_begins_with_an_example_and_makes_a_private_file(editing: Dragoman) -> None:
    writes(editing, GOOD)
    result = editing("config", "edit")
    assert (result.code, result.err) == (0, "")
    assert result.out == "✓ Saved ~/.config/dragoman/config.toml.\n"
    assert editing.config_file.read_text() == GOOD
    assert stat.S_IMODE(editing.config_file.stat().st_mode) == 0o600
    assert not draft(editing).exists()
    example = (editing.home / "seen1").read_text()
    assert "# [providers.my-provider]" in example
    uncommented = "\n".join(line.removeprefix("# ") for line in example.splitlines()[1:])
    editing.configure(uncommented)
    assert editing("config", "check", env={"MY_PROVIDER_API_KEY": "x"}).code == 0


def test_nothing_changed_is_nothing_saved(editing: Dragoman) -> None:
    result = editing("config", "edit")
    assert (result.code, result.err) == (0, "Nothing has changed.\n")
    assert not editing.config_file.exists()
    assert not draft(editing).exists()


def test_draft_with_errors_is_not_saved_and_stays(editing: Dragoman) -> None:
    editing.configure(GOOD)
    writes(editing, BAD)
    result = editing("config", "edit")
    assert (result.code, result.out) == (78, "")
    assert "~/.config/dragoman/config.toml:1:17: is not valid TOML" in result.err
    assert "what you wrote is in ~/.config/dragoman/config.edit.toml" in result.err
    assert editing.config_file.read_text() == GOOD
    assert draft(editing).read_text() == BAD
    (editing.home / "2").write_text(GOOD.replace("story", "json"))
    again = editing("config", "edit")
    assert again.code == 0
    assert "Going on with the draft that was left" in again.err
    assert (editing.home / "seen2").read_text() == BAD
    assert "demo/json" in editing.config_file.read_text()
    assert not draft(editing).exists()


def test_person_may_edit_again(editing: Dragoman) -> None:
    editing.configure(GOOD)
    writes(editing, BAD, GOOD.replace("story", "json"))
    running = editing.at_terminal("config", "edit")
    running.wait_for("eave it?", err=True)
    running.type("e\n")
    assert running.result().code == 0
    assert "demo/json" in editing.config_file.read_text()


def test_person_may_save_what_has_errors(editing: Dragoman) -> None:
    editing.configure(GOOD)
    writes(editing, BAD)
    running = editing.at_terminal("config", "edit")
    running.wait_for("eave it?", err=True)
    running.type("x\ns\n")
    assert running.result().code == 0
    assert editing.config_file.read_text() == BAD


@pytest.mark.parametrize("typed", ["l\n", "\x04"])
def test_person_may_leave_it(typed: str, editing: Dragoman) -> None:
    editing.configure(GOOD)
    writes(editing, BAD)
    running = editing.at_terminal("config", "edit")
    running.wait_for("eave it?", err=True)
    running.type(typed)
    assert running.result().code == 78
    assert editing.config_file.read_text() == GOOD
    assert draft(editing).read_text() == BAD


def test_editor_that_fails_changes_nothing(editing: Dragoman) -> None:
    editing.configure(GOOD)
    writes(editing, GOOD.replace("story", "json"))
    (editing.home / "status").write_text("1")
    result = editing("config", "edit")
    assert result.code == 78
    assert "the editor ended with status 1" in result.err
    assert editing.config_file.read_text() == GOOD
    assert "json" in draft(editing).read_text()


def test_change_of_somebody_else_is_not_overwritten(editing: Dragoman) -> None:
    path = editing.configure(GOOD)
    theirs = editing.home / "theirs"
    theirs.write_text(GOOD + "log = false\n")
    script = editing.home / "editor"
    script.write_text(f'#!/bin/sh\ncp "{theirs}" "{path}"\necho "# mine" >> "$2"\n')
    result = editing("config", "edit")
    assert result.code == 78
    assert "changed by somebody else" in result.err
    assert path.read_text() == theirs.read_text()
    assert "# mine" in draft(editing).read_text()
    os.utime(draft(editing), (1, 1))
    later = editing("config", "edit")
    assert later.code == 2
    assert "is newer than" in later.err


def test_mode_and_other_formats_are_kept(editing: Dragoman) -> None:
    path = editing.configure("default_model: demo/echo\n", "config.yaml")
    path.chmod(0o640)
    writes(editing, "default_model: demo/story\n")
    assert editing("config", "edit").code == 0
    assert path.read_text() == "default_model: demo/story\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_named_file_is_the_one_that_is_edited(editing: Dragoman) -> None:
    writes(editing, GOOD)
    assert editing("--config", "other.toml", "config", "edit").code == 0
    assert (editing.cwd / "other.toml").read_text() == GOOD


def test_ctrl_c_in_the_editor_is_the_editors(editing: Dragoman) -> None:
    (editing.home / "editor").write_text(
        f"#!/bin/sh\ntrap '' INT\nkill -INT $PPID\nsleep 0.2\nprintf '{GOOD[:-1]}\\n' > \"$2\"\n"
    )
    result = editing("config", "edit")
    assert result.code == 0, result.err
    assert editing.config_file.read_text() == GOOD


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"VISUAL": "", "EDITOR": "no-such-editor"}, "EDITOR is 'no-such-editor'"),
        ({"VISUAL": "'", "EDITOR": ""}, 'VISUAL is "\'"'),
        ({"VISUAL": "", "EDITOR": "", "PATH": "/nowhere"}, "there is no editor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_missing_editor_is_told(env: dict[str, str], said: str, editing: Dragoman) -> None:
    result = editing("config", "edit", env=env)
    assert result.code == 2
    assert result.err.startswith(f"Error: {said}")
    assert "EDITOR=nano" in result.err or "VISUAL=nano" in result.err
    assert not draft(editing).exists()


def test_folder_that_cannot_be_written_is_told_first(editing: Dragoman) -> None:
    (editing.home / ".config").write_text("a file where a folder should be")
    result = editing("config", "edit")
    assert result.code == 1
    assert "cannot be written; nothing has changed" in result.err
    assert not (editing.home / "count").exists()
