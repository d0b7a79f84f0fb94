"""The control plane is what its document says: whatever is sent, it answers, and as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.control.plane import Plane

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 6
"""Of each operation; more of them find nothing else, and take as long as they are many."""
ENDLESS = ("/requests/tail",)
ASIDE = ("/providers/{name}/models", "/test", "/oidc/start", "/demo-traffic")
"""What asks somebody else: that they do not answer is a 502, and true."""


@pytest.fixture
def document(plane: Plane) -> dict[str, Any]:
    found: dict[str, Any] = plane.ask("GET", "/openapi.json").json
    return found


def test_whatever_is_sent_is_answered_as_the_document_says(
    plane: Plane, document: dict[str, Any]
) -> None:
    headers = dict(plane.session(plane.account("root@example.com", operator=True)))
    found = schemathesis.openapi.from_dict(document)
    tried = []
    for result in found.get_all_operations():
        operation = result.ok()
        path = operation.path
        if not path.startswith("/api/v1/") or path.endswith((*ENDLESS, *ASIDE)):
            continue
        tried.append(path)

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def examine(case: Any) -> None:
            response = case.call(base_url=plane.url, headers=headers)
            case.validate_response(response, checks=CHECKS)

        examine()
    assert len(tried) > 50


def test_the_document_is_one_for_both_planes(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert {"/v1/chat/completions", "/api/v1/organisations/{org}"} < paths.keys()
    ids = [op["operationId"] for methods in paths.values() for op in methods.values()]
    assert len(ids) == len(set(ids))
    for path, methods in paths.items():
        if path.startswith("/api/v1/"):
            for operation in methods.values():
                assert operation["summary"], path
                assert "default" in operation["responses"], path
                assert operation["description"].endswith("."), path
    assert "Listed_" not in str(document)
