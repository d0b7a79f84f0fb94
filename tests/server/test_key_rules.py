"""What a gateway key may be used for: held against everything that would be asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from dragoman.errors import Forbidden
from dragoman.permit import Permit
from dragoman.server.admission.addresses import Proxies
from dragoman.server.http.messages import Request
from dragoman.types.gateway_key import KeyRules
from dragoman.types.provider import Provider
from tests.server.serving import Served, ask
from tests.server.tenancy import Team
from tests.upstream.fault import chat, error

Start = Callable[..., Any]
SAY: Any = [{"role": "user", "content": "hi"}]
PICTURE = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        ],
    }
]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with Team(tmp_path / "dragoman.db") as team:
        yield team


class World:
    """A gateway with providers `eu` (which fails first, where asked), `home` and `us`."""

    def __init__(self, team: Team, upstream: Start, serve: Start, *, eu: Any = None) -> None:
        self.team = team
        self.ups = {name: upstream(lambda _, name=name: chat(name)) for name in ("home", "us")}
        self.ups["eu"] = upstream(eu or (lambda _: chat("eu")))
        classes = {"eu": ["eu"], "home": ["local", "eu"], "us": []}
        providers = {
            name: {"base_url": self.ups[name].base_url, "privacy": classes[name], "retries": 0}
            for name in ("eu", "home", "us")
        }
        self.served: Served = serve(
            providers,
            team=team,
            routes={
                "smart": {"models": ["eu/big", "us/big", "home/big"]},
                "cheap": {"models": ["us/small"]},
                "kept": {"models": ["eu/big", "us/big"], "privacy": "eu"},
                "racing": {"models": ["eu/big", "us/big"], "hedge_after": 0.01},
                "seeing": {"models": ["eu/text"], "image_model": "us/eyes"},
            },
        )
        self.organisation = team.organisation("red")

    def ask(self, model: str, messages: Any = SAY, **rules: Any) -> str:
        name = f"k{len(self.served.seen.refusals)}-{len(self.served.seen.exchanges)}-{model[:8]}"
        key = self.team.key(self.organisation, name, **rules)[1]
        client = self.served.openai(api_key=key)
        made = client.chat.completions.create(model=model, messages=messages)
        return made.choices[0].message.content or ""

    def asked(self, name: str) -> int:
        return len(self.ups[name].requests)


@pytest.fixture
def world(team: Team, upstream: Start, serve: Start) -> World:
    return World(team, upstream, serve)


@pytest.mark.parametrize(
    ("model", "rules", "answers"),
    [
        ("eu/big", {"models": ("eu/*",)}, "eu"),
        ("us/small", {"models": ("small",)}, "us"),
        ("cheap", {"models": ("us/small",)}, "us"),
        ("cheap", {"models": ("cheap",)}, "us"),
        ("smart", {"models": ("home/*",)}, "home"),
        ("smart", {"providers": ("us",)}, "us"),
        ("smart", {"privacy": "local"}, "home"),
        ("kept", {}, "eu"),
    ],
)
def test_a_key_leads_where_its_rules_permit(
    world: World, model: str, rules: dict[str, Any], answers: str
) -> None:
    assert world.ask(model, **rules) == answers


@pytest.mark.parametrize(
    ("model", "rules", "says"),
    [
        ("us/big", {"models": ("eu/*",)}, "the models eu/*"),
        ("cheap", {"models": ("eu/*", "che*")}, "the models eu/*, che*"),
        ("us/small", {"models": ("cheap",)}, "the models cheap"),
        ("smart", {"providers": ("nobody",)}, "the providers nobody"),
        ("us/big", {"privacy": "eu"}, "class 'eu'"),
        ("smart", {"privacy": "moon"}, "class 'moon'"),
    ],
)
def test_what_a_key_may_not_ask_is_403_and_says_what_it_may(
    world: World, model: str, rules: dict[str, Any], says: str
) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        world.ask(model, **rules)
    assert says in str(caught.value)
    assert [world.asked(name) for name in world.ups] == [0, 0, 0]


@pytest.mark.parametrize("model", ["smart", "kept"])
def test_a_fallback_never_leaves_the_class(
    team: Team, upstream: Start, serve: Start, model: str
) -> None:
    world = World(team, upstream, serve, eu=lambda _: error(500))
    if model == "kept":
        with pytest.raises(openai.InternalServerError):
            world.ask(model)
    else:
        assert world.ask(model, privacy="eu") == "home"
    assert world.asked("us") == 0
    assert world.asked("eu") == 1


def test_a_hedge_never_leaves_the_class(team: Team, upstream: Start, serve: Start) -> None:
    world = World(team, upstream, serve, eu=lambda _: chat("late").paced(1, pause_s=0.0002))
    assert world.ask("racing", privacy="eu") == "late"
    assert world.asked("us") == 0


def test_a_picture_goes_to_no_model_that_the_key_may_not_ask(world: World) -> None:
    assert world.ask("seeing", privacy="eu") == "eu"
    answered = world.ask("seeing", PICTURE, privacy="eu")
    assert (answered, world.asked("us")) == ("eu", 0)


def test_only_what_may_be_asked_is_listed(world: World) -> None:
    key = world.team.key(world.organisation, models=("us/*",))[1]
    listed = {model.id for model in world.served.openai(api_key=key).models.list()}
    assert listed == {"smart", "cheap", "racing"}


@pytest.mark.parametrize(
    ("endpoints", "path", "status"),
    [
        (("/chat/completions",), "/v1/chat/completions", 200),
        (("/chat/completions",), "/chat/completions", 200),
        (("/chat*",), "/v1/chat/completions", 200),
        (("/embeddings",), "/v1/chat/completions", 403),
        (("/messages",), "/v1/messages/count_tokens", 200),
        (("/messages",), "/v1/messagesx", 403),
        (("/chat/completions",), "/v1/models", 403),
    ],
)
def test_endpoints_are_held_to(
    world: World, endpoints: tuple[str, ...], path: str, status: int
) -> None:
    key = world.team.key(world.organisation, endpoints=endpoints)[1]
    body = json.dumps({"model": "us/m", "messages": SAY}).encode()
    found, _, said = ask(f"{world.served.url}{path}", body, x_api_key=key)
    assert found == status, said


def test_anthropic_s_client_is_refused_in_its_own_words(world: World) -> None:
    key = world.team.key(world.organisation, models=("eu/*",))[1]
    client = world.served.anthropic(api_key=key)
    with pytest.raises(anthropic.PermissionDeniedError, match="may not be used"):
        client.messages.create(model="us/m", max_tokens=5, messages=SAY)


@pytest.mark.parametrize(
    ("addresses", "opens"),
    [(("127.0.0.0/8",), True), (("10.0.0.0/8", "2001:db8::/32"), False)],
)
def test_addresses_are_held_to(world: World, addresses: tuple[str, ...], opens: bool) -> None:
    key = world.team.key(world.organisation, addresses=addresses)[1]
    client = world.served.openai(api_key=key, default_headers={"x-forwarded-for": "10.0.0.1"})
    if opens:
        assert client.chat.completions.create(model="us/m", messages=SAY)
        return
    with pytest.raises(openai.PermissionDeniedError, match="from this address"):
        client.chat.completions.create(model="us/m", messages=SAY)


async def _no_body() -> bytes:
    return b""


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.7,10.0.0.2", "10.0.0.7"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(
    peer: str, said: str, found: str
) -> None:
    headers = {"x-forwarded-for": said} if said else {}
    request = Request("POST", "/", "", headers, _no_body, peer)
    assert Proxies(("10.0.0.0/8",)).address_of(request) == found


def test_a_permit_for_a_pattern_matches_all_of_a_name() -> None:
    permit = Permit(KeyRules(models=("acme/gpt-*",)))
    acme, other = Provider(name="acme", base_url=""), Provider(name="acme2", base_url="")
    assert permit.allows(acme, "gpt-5")
    assert not permit.allows(acme, "x/acme/gpt-5")
    assert not permit.allows(other, "gpt-5")
    assert Forbidden.status == 403


@pytest.mark.parametrize("name", ["api_base", "base_url", "custom_host", "azure_endpoint"])
def test_a_request_does_not_say_where_it_is_sent(world: World, name: str) -> None:
    key = world.team.key(world.organisation)[1]
    said = {"model": "us/m", "messages": SAY, name: "http://127.0.0.1:1"}
    body = json.dumps(said).replace(name, f"\\u{ord(name[0]):04x}{name[1:]}").encode()
    status, _, answer = ask(f"{world.served.base_url}/chat/completions", body, x_api_key=key)
    assert (status, name in answer.decode()) == (400, True)


@pytest.mark.parametrize("name", ["x-portkey-custom-host", "helicone-target-url", "x-api-base"])
def test_nor_does_a_header(world: World, name: str) -> None:
    key = world.team.key(world.organisation)[1]
    client = world.served.openai(api_key=key, default_headers={name: "http://127.0.0.1:1"})
    with pytest.raises(openai.BadRequestError, match=name):
        client.chat.completions.create(model="us/m", messages=SAY)
