"""What of the operator's configuration the members of an organisation are shown: no place in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import AdapterError, ConfigError, ConnectFailed, DestinationDenied
from dragoman.explain import explain_resolution
from dragoman.registry import Registry
from dragoman.store import Ledger
from dragoman.types.exchange import Attempt, Exchange
from tests.control.plane import Plane
from tests.library.asking import configure

CONFIG: dict[str, Any] = {
    "providers": {
        "opco": {"base_url": "http://127.0.0.1:18701/v1", "api_key": "env:SECRET_VAR_NAME"},
        "offco": {"base_url": "http://127.0.0.1:18702/v1", "enabled": False},
    },
    "routes": {"house": {"models": ["opco/x"]}},
}
PRIVATE = ("127.0.0.1", "SECRET_VAR_NAME", "config.toml", "take out")
FAILED = {
    ConfigError.code: "/etc/config.toml:42:1 (mapco.api_key): no key: $SECRET_VAR_NAME is not set",
    AdapterError.code: "/etc/config.toml: the adapter stumbled",
    ConnectFailed.code: "http://127.0.0.1:9 refused the connection",
    DestinationDenied.code: "127.0.0.1 is private: requests may not go there",
}


@pytest.fixture
def ask_as(tmp_path: Path) -> Iterator[Any]:
    """Serve an organisation: `ask_as("viewer")(method, path, body)`, or `ask_as("operator")`."""
    with Plane(tmp_path / "dragoman.db", config=CONFIG) as plane:
        organisation = plane.organisation("acme")
        accounts = {
            "operator": plane.account("root@example.com", operator=True),
            "viewer": plane.account("eve@example.com", acme="viewer"),
            "owner": plane.account("amy@example.com", acme="owner"),
        }
        with Ledger(tmp_path / "dragoman.db") as ledger:
            ledger.record(failed(organisation), source="gateway")

        def give(who: str) -> Any:
            headers = plane.token(accounts[who])
            return lambda method, path, body=None, **query: plane.ask(
                method, f"organisations/acme/{path}", body, headers=headers, query=query
            )

        yield give


def failed(organisation: str) -> Exchange:
    """An exchange of which all went wrong that the configuration can do."""
    attempts = [
        Attempt(
            id=f"req_1-{number}",
            number=number,
            kind="fallback",
            provider="mapco",
            model="m",
            credential="$SECRET_VAR_NAME",
            started_at=1.0,
            error=code,
            reason=reason,
        )
        for number, (code, reason) in enumerate(FAILED.items(), 1)
    ]
    return Exchange(
        id="req_1",
        asked="mapco/m",
        started_at=1.0,
        organisation_id=organisation,
        attempts=attempts,
        warnings=[f"mapco/m: {reason}" for reason in FAILED.values()],
    )


def private(answer: Any) -> list[str]:
    return [word for word in PRIVATE if word in answer.body.decode()]


@pytest.mark.parametrize("who", ["viewer", "owner"])
def test_where_a_request_would_go_is_explained_without_the_operators_addresses(
    ask_as: Any, who: str
) -> None:
    for model in ("opco/x", "house"):
        told = ask_as(who)("POST", "routes/explain", {"model": model})
        assert told.status == 200
        assert private(told) == []
        steps = told.json["steps"]
        assert any(step.strip() == "provider  opco (the operator's)" for step in steps)
        assert any(step.strip().startswith("limits") for step in steps)
        whole = ask_as("operator")("POST", "routes/explain", {"model": model})
        assert private(whole) == ["127.0.0.1", "SECRET_VAR_NAME"]
    disabled = ask_as(who)("POST", "routes/explain", {"model": "offco/x"})
    assert (disabled.status, private(disabled)) == (404, [])
    assert private(ask_as("operator")("POST", "routes/explain", {"model": "offco/x"})) != []


def test_an_organisation_is_told_all_of_its_own_providers() -> None:
    config = configure(CONFIG["providers"])
    own = replace(
        config.providers["opco"], origin="organisation", organisation_id="org_1", credentials=()
    )
    seen = replace(config, providers={**config.providers, "opco": own})
    told = explain_resolution(Registry(seen).resolve("opco/x"), whole=False)
    assert any("http://127.0.0.1:18701/v1/chat/completions" in line for line in told)


@pytest.mark.parametrize("who", ["viewer", "owner"])
def test_a_request_is_shown_without_what_the_configuration_holds(ask_as: Any, who: str) -> None:
    shown = ask_as(who)("GET", "requests/req_1")
    assert shown.status == 200
    assert private(shown) == []
    assert "it cannot be reached" in shown.json["attempts"][2]["reason"]
    assert "mapco/m: it is not set up as it has to be" in shown.json["warnings"]
    for form in ("json", "csv", "jsonl"):
        assert private(ask_as(who)("GET", "requests", format=form)) == []
    whole = ask_as("operator")("GET", "requests/req_1").json
    assert [one["reason"] for one in whole["attempts"]] == list(FAILED.values())
    assert whole["attempts"][0]["credential"] == "$SECRET_VAR_NAME"
