"""How a kind of server is told from others: rows of the catalog, and reading of answers by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.config.baseurl import variable_url
from dragoman.config.kinds import Wrong
from dragoman.config.layers import read_catalog
from dragoman.probe.fetch import Reply
from dragoman.transport.proxy import is_loopback
from dragoman.types.http import parse_url


class Sign(Struct, frozen=True, forbid_unknown_fields=True):
    """What such a server answers to GET `path`, with status 200.

    `header` names a header, `member` a member of its JSON (`data.0.owned_by`); without either the
    answer itself is meant. `value` is what that must be; without it, that it is there.
    """

    path: str
    member: str | None = None
    header: str | None = None
    value: str | None = None

    def fits(self, reply: Reply) -> bool:
        """Tell whether an answer is this sign."""
        if reply.status != 200:
            return False
        if self.header is not None:
            found: Any = reply.headers.get(self.header)
        else:
            found = _member(_decode(reply.body), self.member)
        if found is None or found is False:
            return False
        return self.value is None or found == self.value


class Kind(Struct, frozen=True):
    """A kind of server: the catalog's row, what people call it, where it listens, how it shows."""

    name: str
    title: str
    ports: tuple[int, ...]
    signs: tuple[Sign, ...]
    base_url: str


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    ports: tuple[int, ...]
    signs: tuple[Sign, ...]


def list_kinds(env: Mapping[str, str]) -> tuple[Kind, ...]:
    """List the kinds of servers that are looked for on this machine.

    A variable of the server's own (Ollama's, say) that names another port here comes first.
    """
    return tuple(
        Kind(kind.name, kind.title, _ports(kind, hosts, env), kind.signs, kind.base_url)
        for kind, hosts in _rows()
    )


@cache
def _rows() -> tuple[tuple[Kind, tuple[str, ...]], ...]:
    """Read the catalog, once: it belongs to the package."""
    return tuple(_read_rows())


def _read_rows() -> Iterator[tuple[Kind, tuple[str, ...]]]:
    rows: Mapping[str, Mapping[str, Any]] = read_catalog().data["providers"]
    for name, row in rows.items():
        if "probe" in row:
            table = msgspec.convert(row["probe"], _Table)
            host = row.get("host_env", ())
            hosts = (host,) if isinstance(host, str) else tuple(host)
            yield Kind(name, table.title, table.ports, table.signs, row["base_url"]), hosts


def _ports(kind: Kind, hosts: tuple[str, ...], env: Mapping[str, str]) -> tuple[int, ...]:
    try:
        named = variable_url(kind.base_url, (), hosts, env)
        url = parse_url(named) if named else None
    except (Wrong, ValueError):  # told when the provider is used
        return kind.ports
    if url is None or not is_loopback(url.host):
        return kind.ports
    return tuple(dict.fromkeys((url.port, *kind.ports)))


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _member(value: Any, path: str | None) -> Any:
    """Find `a.0.b` in decoded JSON; None where there is nothing."""
    for step in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
