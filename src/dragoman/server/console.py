"""The web console: files that were built before, and one page that leads to all others.

Law: the page runs no script and loads nothing but what comes from here, and says so to the browser.
It knows no address of its own: its `<base>` leads up to where the console begins, so that it works
behind any prefix that a proxy adds.
"""

from __future__ import annotations

import html
import re
import secrets
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

from dragoman.server.http.messages import Reply, Request

PATH = "/console"
_LINKS = ("/setup", "/invitation")
"""What links of set-up and invitations name; their tokens are behind `#`, and in no log."""
_ASSETS = "assets/"
_PAGE = "index.html"
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_NOTHING = re.compile(r"q\s*=\s*0(\.0*)?")
_FOR_EVER = "public, max-age=31536000, immutable"
_GUARD = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:"
    " blob:; connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'self';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Pictures that were dropped into the playground are `blob:` and `data:`; the nonce is for the
styles that dialogs set while they are open."""
_NOT_BUILT = """<!doctype html><html lang="en"><title>Dragoman</title>
<h1>The console was not built</h1>
<p>In a checkout, <code>make run</code> builds it; an installed package brings it along.</p>
<p>Everything that it does, the API under <code>/api/v1</code> does too.</p></html>"""


class File(Struct, frozen=True):
    """A file of the console: its bytes as they are, and packed in advance, by coding."""

    media_type: str
    body: bytes
    packed: dict[str, bytes]


def is_console(request: Request) -> bool:
    """Whether a GET is for the console: for it itself, or for what leads a browser there."""
    path = request.path
    if path == PATH or path.startswith(f"{PATH}/") or path in _LINKS:
        return True
    return path == "/" and "text/html" in request.headers.get("accept", "")


async def answer_console(request: Request, reply: Reply) -> None:
    """Answer a GET that `is_console` says is ours."""
    if not request.path.startswith(PATH):
        return await _lead(reply, f"console{request.path}")
    if request.path == PATH:  # what is relative on the page starts at a folder
        return await _lead(reply, "console/")
    # Browsers count folders by the slashes that they sent: the page could not say where it begins.
    if "%" in request.target or "//" in request.path:
        return await _miss(reply)
    name = request.path.removeprefix(f"{PATH}/")
    if not name.startswith(_ASSETS):
        return await _send_page(reply, name)
    found = _files().get(name)
    return await (_miss(reply) if found is None else _send(request, reply, name, found))


async def _lead(reply: Reply, to: str) -> None:
    """Lead a browser on; relative, so that a proxy's prefix stays. What is behind `#` it takes."""
    await reply.send(302, {"location": to, "cache-control": "no-store", **_GUARD}, b"")


async def _miss(reply: Reply) -> None:
    """Say that there is no such file; only for now: the next release may have it."""
    headers = {**_GUARD, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    await reply.send(404, headers, b"there is no such file\n")


async def _send_page(reply: Reply, name: str) -> None:
    """Send the page, whichever place in the console it is asked for."""
    page = _files().get(_PAGE)
    nonce = secrets.token_urlsafe(16)
    headers = {
        **_GUARD,
        "content-type": _TYPES["html"],
        "cache-control": "no-store",
        "content-security-policy": _POLICY.format(nonce=nonce),
    }
    if page is None:
        return await reply.send(503, headers, _NOT_BUILT.encode())
    up = "../" * name.count("/") or "./"
    head = f'<base href="{up}" /><meta name="csp-nonce" content="{html.escape(nonce)}" />'
    return await reply.send(200, headers, page.body.replace(b"<head>", f"<head>{head}".encode(), 1))


async def _send(request: Request, reply: Reply, name: str, found: File) -> None:
    """Send a file, packed as the browser takes it. Its hash is in its name: it never changes."""
    tag = f'W/"{name.removeprefix(_ASSETS)}"'
    headers = {**_GUARD, "cache-control": _FOR_EVER, "etag": tag, "vary": "accept-encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return await reply.send(304, headers, b"")
    headers["content-type"] = found.media_type
    accepted = _accepted(request.headers.get("accept-encoding", ""))
    for coding, body in found.packed.items():
        if accepted.get(coding, accepted.get("*", False)):
            return await reply.send(200, {**headers, "content-encoding": coding}, body)
    return await reply.send(200, headers, found.body)


def _accepted(header: str) -> dict[str, bool]:
    """Read which codings a browser takes, and which it refuses by `q=0`.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 (read 2026-11)
    """
    found: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        found[coding.strip()] = _NOTHING.fullmatch(weight.strip()) is None
    return found


@cache
def _files() -> dict[str, File]:
    """Read what was built; nothing when nothing was."""
    root = files("dragoman.console") / "build"
    return {} if not root.is_dir() else dict(_walk(root, ""))


def _walk(folder: Traversable, path: str) -> list[tuple[str, File]]:
    inside = {entry.name: entry for entry in folder.iterdir()}
    found: list[tuple[str, File]] = []
    for name, entry in inside.items():
        if entry.is_dir():
            found += _walk(entry, f"{path}{name}/")
            continue
        kind = name.rpartition(".")[2]
        if kind in _TYPES:
            packed = {
                coding: inside[name + ending].read_bytes()
                for coding, ending in _CODINGS
                if name + ending in inside
            }
            found.append((path + name, File(_TYPES[kind], entry.read_bytes(), packed)))
    return found
