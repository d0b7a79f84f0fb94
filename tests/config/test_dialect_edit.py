"""What was found of a provider's dialect, put into files as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.config import load
from dragoman.config.dialect_edit import set_dialect
from dragoman.config.edit import edit_file
from dragoman.errors import ConfigError

FOUND = {"stream_usage": False, "max_tokens_field": "max_completion_tokens"}
LINE = 'dialect = { stream_usage = false, max_tokens_field = "max_completion_tokens" }'

URL = 'base_url = "http://127.0.0.1:9/v1"'

FILES = {
    "no file": "",
    "another's table": f"# Mine.\n[providers.b] # b\n{URL}\n",
    "a table": f"[providers.a] # home\n{URL} # here\nretries = 1 # few\n",
    "a list of tables": f'[[providers]]\nname = "a" # home\n{URL}\n',
    "a dialect on one line": (
        f"[providers.a]\n{URL}\n"
        "dialect = { stream_usage = true, strict_tools = true } # odd\n# the end\n"
    ),
    "a dialect's own table": (
        f"[providers.a]\n{URL}\n\n[providers.a.dialect] # odd\nstrict_tools = true # yes\n\n"
        "# Theirs.\n[routes.r]\nmodels = ['a/m']\n"
    ),
    "all on one line": f"providers.a = {{ {URL} }} # short\n",
}
AFTER = {
    "no file": f"[providers.a]\n{LINE}\n",
    "another's table": f"# Mine.\n[providers.b] # b\n{URL}\n\n[providers.a]\n{LINE}\n",
    "a table": f"[providers.a] # home\n{URL} # here\n{LINE}\nretries = 1 # few\n",
    "a list of tables": f'[[providers]]\nname = "a" # home\n{URL}\n{LINE}\n',
    "a dialect on one line": (
        f"[providers.a]\n{URL}\n"
        "dialect = { stream_usage = false, strict_tools = true,"
        ' max_tokens_field = "max_completion_tokens"} # odd\n# the end\n'
    ),
    "a dialect's own table": (
        f"[providers.a]\n{URL}\n\n[providers.a.dialect] # odd\nstrict_tools = true # yes\n"
        'stream_usage = false\nmax_tokens_field = "max_completion_tokens"\n\n'
        "# Theirs.\n[routes.r]\nmodels = ['a/m']\n"
    ),
    "all on one line": f"providers.a = {{ {URL}, {LINE}}} # short\n",
}


@pytest.mark.parametrize("name", FILES)
def test_dialect_is_put_where_a_person_would_write_it(name: str, tmp_path: Path) -> None:
    before, after = FILES[name], AFTER[name]
    path = tmp_path / "config.toml"
    path.write_text(before)
    edit_file(path, lambda draft: set_dialect(draft, "a", FOUND))
    assert path.read_text() == after
    if URL not in after.partition("a]")[2]:
        return
    provider = load(file=path, env={}, cwd=Path("/")).providers["a"]
    assert provider.dialect.stream_usage is False
    assert provider.dialect.max_tokens_field == "max_completion_tokens"
    assert provider.dialect.strict_tools == ("strict_tools" in before)


def test_file_that_cannot_be_changed_without_risk_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = '[providers.a]\nbase_url = """\\\n  http://127.0.0.1:9/v1"""\n'
    path.write_text(text)
    with pytest.raises(ConfigError, match="without risk") as told:
        edit_file(path, lambda draft: set_dialect(draft, "a", FOUND))
    assert LINE in (told.value.hint or "")
    assert path.read_text() == text
