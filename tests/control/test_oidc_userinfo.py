"""Providers whose id_token leaves out who it is: they are asked for the rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.control.plane import Plane
from tests.control.test_oidc import Visitor
from tests.upstream.oidc import OidcProvider

ADA = {"sub": "user-1", "email": "ada@example.com", "email_verified": True, "name": "Ada"}


@pytest.fixture
def visitor(plane: Plane) -> Iterator[Visitor]:
    plane.organisation("acme")
    with OidcProvider() as provider:
        provider.claims = {"sub": "user-1"}
        provider.userinfo = dict(ADA)
        yield Visitor(plane, provider)


def test_an_address_that_is_not_in_the_token_is_asked_for(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme", domains=["example.com"])
    assert visitor.who(visitor.sign_in())["name"] == "ada@example.com"
    assert visitor.provider.asked.count("/userinfo") == 1


def test_a_token_with_an_address_is_enough(visitor: Visitor) -> None:
    visitor.provider.claims = dict(ADA)
    visitor.set_up(organisation="acme")
    assert visitor.sign_in().status == 302
    assert "/userinfo" not in visitor.provider.asked


def test_what_is_said_of_somebody_else_is_not_taken(visitor: Visitor) -> None:
    visitor.provider.userinfo = {**ADA, "sub": "user-2"}
    visitor.set_up(organisation="acme")
    answer = visitor.sign_in()
    assert (answer.status, answer.code) == (401, "sign_in_failed")


def test_an_address_that_is_not_verified_there_is_none(visitor: Visitor) -> None:
    visitor.provider.userinfo = {**ADA, "email_verified": False}
    visitor.set_up(organisation="acme")
    assert visitor.sign_in().status == 403


def test_who_would_be_asked_without_tls_is_not_used(visitor: Visitor) -> None:
    visitor.provider.description = {"userinfo_endpoint": "http://evil.example/userinfo"}
    visitor.set_up(organisation="acme")
    answer = visitor.plane.ask("GET", "oidc/start", headers=visitor.host)
    assert (answer.status, answer.code) == (502, "sign_in_provider_failed")
