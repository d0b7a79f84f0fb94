"""Signing in elsewhere, at a real provider that sometimes lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.control.plane import PASSWORD, Answer, Plane
from tests.upstream.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

Twist = Callable[[dict[str, Any]], None]


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as started:
        yield started


class Visitor:
    """A browser that signs in at a gateway by way of a provider."""

    def __init__(self, plane: Plane, provider: OidcProvider) -> None:
        self.plane = plane
        self.provider = provider
        self.host = {"host": f"127.0.0.1:{plane.port}"}
        root = plane.account("root@example.com", operator=True)
        self.root = plane.session(root)

    def set_up(self, **more: Any) -> Answer:
        body = {"issuer": self.provider.issuer, "client_id": CLIENT_ID, **more}
        body.setdefault("client_secret", CLIENT_SECRET)
        return self.plane.ask("PUT", "oidc/settings", body, headers=self.root)

    def begin(
        self, onward: str = "/console", session: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[str, Mapping[str, str]]:
        """Click on the button; gives where it leads, and the cookie."""
        query, headers = {"onward": onward}, {**self.host, **session}
        answer = self.plane.ask("GET", "oidc/start", headers=headers, query=query)
        assert answer.status == 302, answer
        cookie = answer.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        return answer.headers["location"], {"cookie": cookie.partition(";")[0]}

    def come_back(self, back: str, cookie: Mapping[str, str]) -> Answer:
        """Come back from the provider: it is another site, and so says the browser."""
        parts = urlsplit(back)
        headers = {**self.host, **cookie, "sec-fetch-site": "cross-site"}
        return self.plane.ask("GET", f"{parts.path}?{parts.query}", headers=headers)

    def sign_in(self, session: Mapping[str, str] = MappingProxyType({})) -> Answer:
        """Sign in, in a browser that has this session or none."""
        where, cookie = self.begin(session=session)
        return self.come_back(self.provider.sign_in(where), cookie)

    def ask(self, path: str, **query: Any) -> Answer:
        """Ask for something as the operator."""
        return self.plane.ask("GET", path, headers=self.root, query=query)

    def who(self, answer: Answer) -> Any:
        cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        return self.plane.ask("GET", "session", headers=cookie).json


@pytest.fixture
def visitor(plane: Plane, provider: OidcProvider) -> Visitor:
    plane.organisation("acme")
    return Visitor(plane, provider)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_who_signs_in_elsewhere_is_a_member_of_the_default_organisation(
    plane: Plane, algorithm: str
) -> None:
    plane.organisation("acme")
    with OidcProvider(algorithm) as provider:
        visitor = Visitor(plane, provider)
        assert visitor.set_up(organisation="acme", role="viewer").status == 200
        where, cookie = visitor.begin("/console/start?x=1")
        assert where.startswith(f"{provider.issuer}/authorize?")
        answer = visitor.come_back(provider.sign_in(where), cookie)
        assert (answer.status, answer.headers["location"]) == (302, "/console/start?x=1")
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
        me = visitor.who(answer)
        assert (me["name"], me["roles"], me["operator"]) == (
            "ada@example.com",
            {"acme": "viewer"},
            False,
        )
        again = visitor.who(visitor.sign_in())
        assert again == me
        assert "code_verifier" in provider.redeemed[0]
        assert len(set(provider.asked)) == len(provider.asked) == 2


def test_who_joins_by_signing_in_elsewhere_is_in_the_organisations_audit_log(
    visitor: Visitor,
) -> None:
    visitor.set_up(organisation="acme", role="viewer")
    assert visitor.sign_in().status == 302
    query = {"kind": "oidc"}
    (line,) = visitor.plane.ask(
        "GET", "organisations/acme/audit", headers=visitor.root, query=query
    ).json["items"]
    assert (line["action"], line["actor"]) == ("sign_in", "ada@example.com")
    assert line["difference"] == {
        "account": [None, "ada@example.com"],
        "member": [None, "ada@example.com"],
        "role": [None, "viewer"],
    }


def test_the_settings_show_no_secret_and_another_issuer_needs_its_own(
    visitor: Visitor, provider: OidcProvider
) -> None:
    shown = visitor.set_up()
    assert CLIENT_SECRET not in shown.body.decode()
    assert shown.json["has_secret"]
    assert shown.json["redirect_uri"].endswith("/api/v1/oidc/callback")
    with visitor.plane.desk.read() as connection:
        kept = [tuple(row) for row in connection.rows("SELECT * FROM setting")]
        said = [tuple(row) for row in connection.rows("SELECT * FROM audit")]
    assert CLIENT_SECRET not in f"{kept}{said}"
    same = visitor.set_up(client_secret=None, title="Company")
    assert (same.json["has_secret"], same.json["title"], same.json["version"]) == (
        True,
        "Company",
        2,
    )
    other = visitor.set_up(client_secret=None, issuer="https://id.example.com")
    assert not other.json["has_secret"]
    assert visitor.plane.ask("GET", "oidc").json == {"enabled": True, "title": "Single sign-on"}


@pytest.mark.parametrize(
    "issuer", ["http://id.example.com", "ftp://x", "nonsense", "https://a.example/?x", "https://"]
)
def test_an_issuer_without_tls_is_refused(visitor: Visitor, issuer: str) -> None:
    answer = visitor.set_up(issuer=issuer)
    assert (answer.status, answer.json["error"]["param"]) == (400, "issuer")


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ok\r\nlocation: https://evil.example",
        "/%0d%0a\n",
        "evil",
        "",
        "/" + "a" * 600,
    ],
)
def test_nobody_is_led_to_another_site(visitor: Visitor, onward: str) -> None:
    visitor.set_up()
    answer = visitor.plane.ask("GET", "oidc/start", headers=visitor.host, query={"onward": onward})
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_without_a_public_url_nobody_else_s_name_is_come_back_to(visitor: Visitor) -> None:
    visitor.set_up()
    answer = visitor.plane.ask("GET", "oidc/start", headers={"host": "evil.example"})
    assert (answer.status, answer.code) == (409, "conflict")


def _is(name: str, value: Any) -> Twist:
    return lambda claims: claims.update({name: value})


LIES: Mapping[str, Twist] = {
    "expired": lambda claims: claims.update(exp=int(time.time()) - 3600),
    "not yet": lambda claims: claims.update(iat=int(time.time()) + 3600, nbf=time.time() + 3600),
    "another client": _is("aud", "another"),
    "another client's turn": lambda c: c.update(aud=[CLIENT_ID, "x"], azp="x"),
    "another issuer": _is("iss", "https://evil.example"),
    "another sign-in": _is("nonce", "another"),
    "no sign-in": lambda claims: claims.pop("nonce"),
    "nobody": lambda claims: claims.pop("sub"),
    "for ever": lambda claims: claims.pop("exp"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_signs_nobody_in(visitor: Visitor, lie: str) -> None:
    visitor.set_up(organisation="acme")
    visitor.provider.twist = LIES[lie]
    answer = visitor.sign_in()
    assert (answer.status, answer.code) == (401, "sign_in_failed")
    assert "set-cookie" not in answer.headers


def test_a_token_that_another_key_signed_signs_nobody_in(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    visitor.provider.key = rsa.generate_private_key(65537, 2048)
    assert visitor.sign_in().status == 401


def test_a_token_without_a_signature_or_with_a_shared_secret_signs_nobody_in(
    visitor: Visitor,
) -> None:
    visitor.set_up(organisation="acme")
    for algorithm, key in (("none", None), ("HS256", CLIENT_SECRET * 3)):
        visitor.provider.header, visitor.provider.key = {"alg": algorithm}, key
        assert visitor.sign_in().status == 401


def test_a_provider_may_change_its_key(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    assert visitor.sign_in().status == 302
    visitor.provider.new_key()
    visitor.plane.clock.added_s = 60
    assert visitor.sign_in().status == 302


def test_the_answer_to_somebody_else_s_sign_in_signs_nobody_in(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    where, cookie = visitor.begin()
    other, other_cookie = visitor.begin()
    back = visitor.provider.sign_in(where)
    for given in ({}, other_cookie, {"cookie": "dragoman_oidc=v1.x.y"}):
        assert visitor.come_back(back, given).status == 401
    assert visitor.come_back(back, cookie).status == 302
    assert visitor.come_back(back, cookie).status in (401, 502)  # a code is good for once
    assert other != where


def test_what_was_begun_signs_in_once(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    where, cookie = visitor.begin()
    backs = [visitor.provider.sign_in(where) for _ in range(2)]  # the provider lets in again
    forged = urlsplit(backs[0])._replace(query="state=x&code=y").geturl()
    assert visitor.come_back(forged, cookie).status == 401
    assert visitor.come_back(backs[0], cookie).status == 302
    visitor.plane.clock.added_s = 590
    again = visitor.come_back(backs[1], cookie)
    assert (again.status, again.code) == (401, "sign_in_failed")
    assert "set-cookie" not in again.headers


def test_an_answer_without_a_code_or_of_another_provider_signs_nobody_in(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    for change in ({"error": "access_denied"}, {"iss": "https://evil.example"}, {"code": ""}):
        where, cookie = visitor.begin()
        back = urlsplit(visitor.provider.sign_in(where))
        query = urlencode({**dict(parse_qsl(back.query)), **change})
        assert visitor.come_back(back._replace(query=query).geturl(), cookie).status == 401


def test_who_took_too_long_begins_again(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    where, cookie = visitor.begin()
    visitor.plane.clock.added_s = 700
    assert visitor.come_back(visitor.provider.sign_in(where), cookie).status == 401


@pytest.mark.parametrize(
    ("settings", "claims"),
    [
        ({}, {}),
        ({"organisation": "acme", "domains": ["other.example"]}, {}),
        ({"organisation": "acme"}, {"email_verified": False}),
        ({"organisation": "acme"}, {"email": None}),
        ({"organisation": "acme", "domains": ["example.com"]}, {"email": "a@sub.example.com"}),
        ({"organisation": "acme", "domains": ["example.com"]}, {"email": "a@example.com.evil.x"}),
    ],
)
def test_who_may_not_use_the_gateway_gets_no_account(
    visitor: Visitor, settings: Any, claims: Any
) -> None:
    visitor.set_up(**settings)
    visitor.provider.claims.update(claims)
    answer = visitor.sign_in()
    assert (answer.status, answer.code) == (403, "forbidden")
    listed = visitor.plane.ask("GET", "accounts", headers=visitor.root).json["items"]
    assert [item["email"] for item in listed] == ["root@example.com"]


def test_who_is_invited_by_address_gets_an_account_and_is_no_member_until_they_accept(
    visitor: Visitor,
) -> None:
    plane = visitor.plane
    visitor.set_up()
    given = {"role": "admin", "email": "ada@example.com"}
    made = plane.ask("POST", "organisations/acme/invitations", given, headers=visitor.root).json
    visitor.provider.claims["email_verified"] = False
    assert visitor.sign_in().status == 403
    visitor.provider.claims.update(email_verified=True, email="bob@example.com")
    assert visitor.sign_in().status == 403
    visitor.provider.claims["email"] = "ada@example.com"
    answer = visitor.sign_in()
    assert visitor.who(answer)["roles"] == {}
    session = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    token = {"token": made["token"]}
    accepted = plane.ask("POST", "invitations/accept", token, headers=session)
    assert accepted.json["roles"] == {"acme": "admin"}


@pytest.mark.parametrize("wrong", ["withdrawn", "expired", "for nobody by name", "of who left"])
def test_an_invitation_that_is_not_open_for_an_address_makes_no_account(
    visitor: Visitor, wrong: str
) -> None:
    plane = visitor.plane
    visitor.set_up()
    bob = plane.account("bob@example.com", acme="admin")
    given: dict[str, Any] = {"role": "member", "email": "ada@example.com", "expires_in": 60}
    if wrong == "for nobody by name":
        given.pop("email")
    path = "organisations/acme/invitations"
    made = plane.ask("POST", path, given, headers=plane.session(bob)).json
    if wrong == "withdrawn":
        plane.ask("DELETE", f"{path}/{made['id']}", headers=visitor.root)
    if wrong == "expired":
        plane.clock.added_s = 61
    if wrong == "of who left":
        plane.ask("DELETE", f"organisations/acme/members/{bob}", headers=visitor.root)
    answer = visitor.sign_in()
    assert (answer.status, answer.code) == (403, "forbidden")


def test_an_account_is_taken_over_by_a_verified_address_alone_and_once(visitor: Visitor) -> None:
    visitor.set_up()
    ada = visitor.plane.account("ada@example.com", acme="admin")
    visitor.provider.claims["email_verified"] = False
    assert visitor.sign_in().status == 403
    visitor.provider.claims["email_verified"] = True
    me = visitor.who(visitor.sign_in())
    assert (me["account"], me["roles"]) == (ada, {"acme": "admin"})
    # Somebody else at the provider is given the same address: it is not their account.
    visitor.provider.claims["sub"] = "user-2"
    assert visitor.sign_in().status == 403
    # The same person is known by who they are, not by their address.
    visitor.provider.claims.update(sub="user-1", email="ada.new@example.com")
    assert visitor.who(visitor.sign_in())["account"] == ada


def key_of(plane: Plane, account: str) -> str:
    """Make a gateway key of an account's own in `acme`; gives its id."""
    headers = plane.session(account)
    path = "organisations/acme/keys"
    made = plane.ask("POST", path, {"name": "laptop", "member": "ada@example.com"}, headers=headers)
    assert made.status == 201, made
    return str(made.json["id"])


def test_who_made_an_account_under_somebody_elses_address_has_it_no_more_when_they_come(
    visitor: Visitor,
) -> None:
    plane = visitor.plane
    plane.organisation("blue")
    stranger = plane.account("ada@example.com", acme="admin")
    session, token, key = plane.session(stranger), plane.token(stranger), key_of(plane, stranger)
    invited = plane.ask(
        "POST", "organisations/acme/invitations", {"role": "admin"}, headers=session
    ).json
    visitor.set_up(organisation="blue", role="admin")
    me = visitor.who(visitor.sign_in())
    # What the organisations have given to the address is hers now.
    assert (me["account"], me["roles"]) == (stranger, {"acme": "admin", "blue": "admin"})
    assert [plane.ask("GET", "session", headers=one).status for one in (session, token)] == [
        401,
        401,
    ]
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert plane.ask("POST", "session", credentials).status == 401
    assert visitor.ask(f"organisations/acme/keys/{key}").json["revoked_at"]
    look = plane.ask("POST", "invitations/look", {"token": invited["token"]})
    assert (look.status, look.code) == (404, "not_found")
    (line,) = visitor.ask("audit", action="link").json["items"]
    assert (line["organisation"], line["object"]) == (None, "ada@example.com")
    assert line["difference"] == {
        "linked": [None, visitor.provider.issuer],
        "password": ["a password", None],
        "sessions": [2, None],
        "tokens": [1, None],
        "revoked keys": [None, ["laptop"]],
        "withdrawn invitations": [None, [invited["id"]]],
    }
    # No other organisation reads of them.
    (joined,) = visitor.ask("organisations/blue/audit").json["items"][:1]
    assert joined["difference"] == {
        "member": [None, "ada@example.com"],
        "role": [None, "admin"],
    }


def test_who_has_signed_in_to_the_account_links_it_and_keeps_what_is_theirs(
    visitor: Visitor,
) -> None:
    plane = visitor.plane
    visitor.set_up()
    ada, bob = (plane.account(f"{one}@example.com", acme="admin") for one in ("ada", "bob"))
    session, token, key = plane.session(ada), plane.token(ada), key_of(plane, ada)
    assert visitor.who(visitor.sign_in(session))["account"] == ada
    assert plane.ask("GET", "session", headers=token).status == 200
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert plane.ask("POST", "session", credentials).status == 200
    assert visitor.ask(f"organisations/acme/keys/{key}").json["revoked_at"] is None
    (line,) = visitor.ask("audit", action="link").json["items"]
    assert line["difference"] == {"linked": [None, visitor.provider.issuer]}
    # A session of another account, or one that has ended meanwhile, proves nothing of this one.
    visitor.provider.claims.update(sub="user-2", email="bob@example.com")
    assert visitor.who(visitor.sign_in(session))["account"] == bob
    assert plane.ask("POST", "session", {**credentials, "email": "bob@example.com"}).status == 401


def test_a_session_that_ended_while_one_signed_in_elsewhere_proves_nothing(
    visitor: Visitor,
) -> None:
    plane = visitor.plane
    visitor.set_up()
    session = plane.session(plane.account("ada@example.com"))
    where, cookie = visitor.begin(session=session)
    assert plane.ask("DELETE", "session", headers=session).status == 200
    assert visitor.come_back(visitor.provider.sign_in(where), cookie).status == 302
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert plane.ask("POST", "session", credentials).status == 401


def test_who_is_disabled_cannot_sign_in_elsewhere_either(visitor: Visitor) -> None:
    visitor.set_up(organisation="acme")
    me = visitor.who(visitor.sign_in())["account"]
    visitor.plane.ask("PATCH", f"accounts/{me}", {"enabled": False}, headers=visitor.root)
    assert visitor.sign_in().status == 403


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
        {"token_endpoint": "nonsense"},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    visitor: Visitor, description: Any
) -> None:
    visitor.provider.description = description
    visitor.set_up()
    answer = visitor.plane.ask("GET", "oidc/start", headers=visitor.host)
    assert (answer.status, answer.code) == (502, "sign_in_provider_failed")


@pytest.mark.parametrize("where", ["127.0.0.1:9", "[fe80::1]:8443"])
def test_a_provider_that_is_away_is_told_so_and_where_it_is_the_log_alone_says(
    visitor: Visitor, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.set_up(issuer=f"{'http' if where[0] == '1' else 'https'}://{where}")
    answer = visitor.plane.ask("GET", "oidc/start", headers=visitor.host)
    assert (answer.status, answer.code) == (502, "sign_in_provider_failed")
    place = where.rpartition(":")[0].strip("[]")
    assert place not in answer.body.decode()
    assert place in caplog.text


def test_behind_https_the_cookies_are_kept_to_it(
    serve_plane: Callable[..., Plane], provider: OidcProvider
) -> None:
    plane = serve_plane(public_url="https://gateway.example/")
    visitor = Visitor(plane, provider)
    visitor.root = {"cookie": visitor.root["cookie"].replace("dragoman_session", "__Host-dragoman")}
    visitor.set_up(organisation="default")
    answer = plane.ask("GET", "oidc/start")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-dragoman_oidc=")
    assert "secure" in cookie.lower()
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://gateway.example/api/v1/oidc/callback"]
    back = provider.sign_in(answer.headers["location"])
    # Another host of the domain, or who sits on the wire, could have set the plain one.
    planted = {"cookie": cookie.partition(";")[0].removeprefix("__Host-")}
    assert visitor.come_back(back, planted).status == 401
    done = visitor.come_back(back, {"cookie": cookie.partition(";")[0]})
    assert done.status == 302
    assert done.headers["set-cookie"].startswith("__Host-dragoman=")


def test_a_browser_that_is_refused_is_led_to_the_console_which_says_so(visitor: Visitor) -> None:
    visitor.set_up()
    headers = {**visitor.host, "accept": "text/html,*/*;q=0.8", "sec-fetch-site": "cross-site"}
    refused = visitor.plane.ask("GET", "oidc/callback?code=x&state=y", headers=headers)
    assert refused.status == 302
    assert refused.headers["location"] == "../../../console/?refused=sign_in_failed"
    assert "set-cookie" not in refused.headers
    # Whatever else is asked for, it is answered as to programs.
    asked = {**visitor.root, "accept": headers["accept"]}
    other = visitor.plane.ask("GET", "organisations/nowhere", headers=asked)
    assert (other.status, other.code) == (404, "not_found")
