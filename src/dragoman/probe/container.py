"""Whether this program runs inside a container, where `localhost` is the container itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_RUNTIME = re.compile(r"docker|kubepods|containerd|libpod|podman|lxc")


def host_from_inside(env: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """Name the machine around the container that we are in; None when we are in none.

    Source: https://docs.docker.com/desktop/features/networking (host.docker.internal),
    https://docs.podman.io/en/latest/markdown/podman-run.1.html (host.containers.internal, the
    variable `container`, /run/.containerenv), read 2026-11.
    """
    if env.get("container") == "podman" or (root / "run/.containerenv").exists():
        return "host.containers.internal"
    if (root / ".dockerenv").exists() or env.get("container") in ("docker", "oci"):
        return "host.docker.internal"
    try:
        groups = (root / "proc/1/cgroup").read_text("utf-8", errors="replace")[:4096]
    except OSError:  # another system than Linux, or one that does not tell
        return None
    return "host.docker.internal" if _RUNTIME.search(groups) else None
