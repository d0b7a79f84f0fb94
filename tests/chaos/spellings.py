"""Ways to write an address inside so that a guard takes it for another: for `ssrf`.

Source: RFC 3986 §3.2.2, RFC 4291 §2.2, inet_aton(3), the WHATWG URL standard's host parser; the
classes are those of PayloadsAllTheThings, "Server Side Request Forgery" (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

NAMES = {
    # What names lead to is looked up by a resolver of the harness's own.
    "inside.example": ("127.0.0.1",),
    "inside6.example": ("::1",),
    "both.example": ("8.8.8.8", "127.0.0.1"),
    "mapped.example": ("::ffff:127.0.0.1",),
    "nat64.example": ("64:ff9b::7f00:1",),
    "sixtofour.example": ("2002:7f00:1::",),
    "metadata.example": ("169.254.169.254",),
    "private.example": ("10.0.0.5",),
    "zero.example": ("0.0.0.0",),
    "127.0.0.1.nip.example": ("127.0.0.1",),
    "localtest.example": ("::1", "127.0.0.1"),
}

_TARGETS = ("127.0.0.1", "169.254.169.254", "10.0.0.5", "192.168.1.1", "172.16.0.1", "0.0.0.0",
            "100.100.100.200", "168.63.129.16", "192.0.0.192", "100.64.0.1", "198.18.0.1",
            "224.0.0.1", "255.255.255.255", "192.0.2.1")  # fmt: skip
_WORDS = (
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "LocalHost.", "ip6-localhost",
    "%6c%6f%63%61%6c%68%6f%73%74", "127%2e0%2e0%2e1", "127.0.0.1%00.example", "127。0。0。1",
    "①②⑦.⓪.⓪.①", "１２７.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127.0.0.1\t", "127.0.0.1 ",
    "local\u00adhost", "localhost\u200b",
)  # fmt: skip
_SIXES = (
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::1%25lo]", "[::1%lo]", "[fe80::1]",
    "[fe80::1%25eth0]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[ff02::1]",
    "[3fff::1]", "[2001:db8::1]", "[2001:20::1]", "[100::1]", "[5f00::1]", "[::ffff:127.1]",
    "[::ffff:0x7f.1]", "::1", "[::1",
)  # fmt: skip
_RADICES: tuple[Callable[[int], str], ...] = (str, lambda n: f"0{n:o}", lambda n: f"0x{n:x}")


def hosts() -> Iterator[str]:
    """Every host, as it would stand in a URL."""
    yield from _numbers()
    yield from _sixes()
    yield from _WORDS
    yield from NAMES


def _numbers() -> Iterator[str]:
    for parts in product(_RADICES, repeat=4):
        yield ".".join(write(part) for write, part in zip(parts, (127, 0, 0, 1), strict=True))
    for target in _TARGETS:
        parts4 = [int(part) for part in target.split(".")]
        whole = int.from_bytes(bytes(parts4))
        for write in _RADICES:
            yield write(whole)
            yield f"{write(parts4[0])}.{write(whole & 0xFFFFFF)}"
            yield f"{write(parts4[0])}.{write(parts4[1])}.{write(whole & 0xFFFF)}"
        yield target
        yield f"{target}."
        yield ".".join(f"{part:03d}" for part in parts4)
        yield str(whole + 2**32)


def _sixes() -> Iterator[str]:
    for target in ("127.0.0.1", "169.254.169.254", "10.0.0.5"):
        high, low = (
            int.from_bytes(bytes(map(int, target.split(".")[at : at + 2]))) for at in (0, 2)
        )
        pair = f"{high:x}:{low:x}"
        yield f"[::ffff:{target}]"
        yield f"[::ffff:{pair}]"
        yield f"[0:0:0:0:0:ffff:{pair}]"
        yield f"[::{target}]"
        yield f"[::{pair}]"
        yield f"[::ffff:0:{pair}]"
        yield f"[64:ff9b::{target}]"
        yield f"[64:ff9b:1::{pair}]"
        yield f"[2002:{pair}::]"
        yield f"[2002:{pair}::1]"
        yield f"[2001:0:{pair}::]"
        yield f"[fe80::5efe:{pair}]"
        yield f"[2001:db8::5efe:{pair}]"
    yield from _SIXES


def urls(port: int) -> Iterator[str]:
    """Every base URL: each host, and tricks with what stands around one."""
    for host in dict.fromkeys(hosts()):
        yield f"https://{host}:{port}/v1"
    inside = f"127.0.0.1:{port}"
    yield from (
        f"http://{inside}/v1", f"HTTPS://{inside}/v1", f"https:{inside}/v1", f"https:/{inside}/v1",
        f"https:///{inside}/v1", f"//{inside}/v1", f"https://api.example@{inside}/v1",
        f"https://api.example:443@{inside}/v1", f"https://{inside}#@api.example/v1",
        f"https://{inside}?@api.example/v1", f"https://api.example\\@{inside}/v1",
        f"https://{inside}\\@api.example/v1", f"https://api.example%40{inside}/v1",
        f"https://[api.example@{inside}]/v1", f"https://{inside}%2f@api.example/v1",
        f"https://api.example%23@{inside}/v1", f"https://inside.example:{port}\r\nHost: x/v1",
        f"https://inside.example:{port}%0d%0aHost:x/v1", f"ftp://{inside}/v1", f"gopher://{inside}/",
        f"dict://{inside}/", "file:///etc/passwd", f"unix://{inside}", f"ws://{inside}/v1",
        f"jar:https://{inside}!/", f"https://127.0.0.1:0{port}/v1", f"https://127.0.0.1:+{port}/v1",
        f"https://127.0.0.1:{port + 65536}/v1", f" https://{inside}/v1", f"https:// {inside}/v1",
        f"https://{inside}/v1/../../x", f"\thttps://{inside}/v1", f"h\nttps://{inside}/v1",
    )  # fmt: skip
