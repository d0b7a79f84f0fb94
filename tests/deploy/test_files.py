"""The image's recipe, the Compose files and systemd's units, by their own linters."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dragoman import __version__
from dragoman.types.server import ServerSettings
from tests.deploy.tools import DEPLOY, ROOT, run

COMPOSE = ("compose.yaml", "compose.scale.yaml")
UNIT = DEPLOY / "systemd/dragoman.service"
EXPOSURE_LIMIT = 1.5
"""Of ten, as `systemd-analyze security` has it."""
LAST_WORDS_S = 12
TEXTS = [path for path in DEPLOY.rglob("*") if path.is_file()]


def _instructions(stage: int = -1) -> dict[str, list[str]]:
    """List a stage's instructions, by their word."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    starts = [n for n, line in enumerate(lines) if line.startswith("FROM ")]
    found: dict[str, list[str]] = {}
    for line in lines[starts[stage] :]:
        word, _, rest = line.partition(" ")
        found.setdefault(word, []).append(" ".join(rest.split()))
    return found


def _compose(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return read


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert run("hadolint", "--failure-threshold", "style", DEPLOY / "Dockerfile") == ""


def test_the_image_is_not_roots_and_is_told_to_stop_itself() -> None:
    last = _instructions()
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"][-1])
    assert json.loads(last["ENTRYPOINT"][0]) == ["dragoman"]
    assert json.loads(last["CMD"][0]) == ["serve"]
    assert last["STOPSIGNAL"] == ["SIGTERM"]
    health = last["HEALTHCHECK"][0].partition("CMD ")[2]
    assert json.loads(health) == ["dragoman", "serve", "--check"]
    assert not re.search("curl|wget|apt-get", (DEPLOY / "Dockerfile").read_text())


def test_everything_has_the_version_of_the_program() -> None:
    assert f"VERSION={__version__}" in _instructions()["ARG"]
    chart = yaml.safe_load((DEPLOY / "helm/dragoman/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_registry_is_written_anywhere(path: Path) -> None:
    images = re.findall(r"^(?:FROM|\s*image:|\s*repository:)\s+\"?(\S+)", path.read_text(), re.M)
    for image in images:
        host, slash, _ = image.partition("/")
        assert not slash or not re.search(r"[.:]|^localhost$", host) or "{{" in image, image


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_files_are_as_their_schema_has_them(name: str) -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / name)
    run("yamllint", "--strict", "--config-data", YAMLLINT, DEPLOY / name)


YAMLLINT = (
    "{extends: default, rules: {document-start: disable, line-length: {max: 100},"
    " braces: {max-spaces-inside: 0}}}"
)


@pytest.mark.parametrize("name", COMPOSE)
def test_the_gateway_in_compose_is_closed_in_and_has_time_to_drain(name: str) -> None:
    read = _compose(name)
    gateway = read["services"]["dragoman"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert gateway["extra_hosts"] == ["host.docker.internal:host-gateway"]
    assert all(port.startswith("127.0.0.1:") for port in gateway["ports"])
    minutes, seconds = re.fullmatch(r"(\d+)m(\d+)s", gateway["stop_grace_period"]).groups()  # type: ignore[union-attr]
    grace = 60 * int(minutes) + int(seconds)
    assert grace >= int(gateway["environment"]["DRAGOMAN_SERVER__DRAIN"]) + LAST_WORDS_S


@pytest.mark.parametrize("name", COMPOSE)
def test_secrets_in_compose_come_from_files(name: str) -> None:
    read = _compose(name)
    used = {
        secret for service in read["services"].values() for secret in service.get("secrets", ())
    }
    assert used == set(read["secrets"])
    assert all(set(secret) == {"file"} for secret in read["secrets"].values())
    for service in read["services"].values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|DATABASE", variable):
                assert variable.endswith("_FILE") or "/" not in value, variable
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_only_the_gateway_of_a_large_set_up_reaches_out_and_is_reached() -> None:
    read = _compose("compose.scale.yaml")
    assert read["networks"]["inside"] == {"internal": True}
    for name, service in read["services"].items():
        if name != "dragoman":
            assert (service["networks"], "ports" in service) == (["inside"], False)
            assert service["healthcheck"]
            assert read["services"]["dragoman"]["depends_on"][name] == {
                "condition": "service_healthy"
            }


def test_units_are_what_systemd_takes(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/dragoman/bin/dragoman", sys.executable))
    socket = tmp_path / "dragoman.socket"
    socket.write_text((UNIT.parent / socket.name).read_text())
    told = run("systemd-analyze", "verify", "--man=no", here, socket)
    assert not [line for line in told.splitlines() if "dragoman" in line], told


def test_the_service_is_closed_in_and_has_time_to_drain() -> None:
    limit = str(int(10 * EXPOSURE_LIMIT))
    run("systemd-analyze", "security", "--offline=yes", f"--threshold={limit}", UNIT)
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M)
    assert stop is not None
    assert int(stop[1]) >= ServerSettings().drain + LAST_WORDS_S


def test_every_variable_of_deployment_files_is_one_that_is_read() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    for path in TEXTS:
        for name in re.findall(r"DRAGOMAN_[A-Z_]*[A-Z]", path.read_text()):
            setting = re.fullmatch(r"DRAGOMAN_SERVER__([A-Z_]+)", name)
            if setting is not None:
                assert hasattr(ServerSettings(), setting[1].lower()), name
            else:
                assert name.removesuffix("_FILE") in sources, name
