"""Connection tests of an organisation's providers, and the models that they list.

Law: a tenant is told how far it came and which word there is for what went wrong, never what the
other side said: else any address that answers could be read through this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from litestar import get, post
from msgspec import Struct
from msgspec.structs import replace

from dragoman.config.secrets import Secrets, origin_of
from dragoman.control.context import Context
from dragoman.control.provider_shapes import ProviderBody, said_in
from dragoman.control.words import word_of
from dragoman.errors import DragomanError, InvalidRequest, LimitExceeded
from dragoman.organisations.actor import Actor
from dragoman.organisations.definition import check_definition, with_token
from dragoman.organisations.opened import Opened
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.provider_rows import find_stored, get_stored, load_provider, open_token
from dragoman.organisations.providers import check_name
from dragoman.probe.ladder import Ladder, Step
from dragoman.probe.listing import list_models
from dragoman.transport.sync import SyncTransport
from dragoman.types.credential import Secret
from dragoman.types.provider import Provider

T = TypeVar("T")

AT_ONCE = 8
OF_ONE = 2
"""Of one organisation so many run at once: one whose providers hang holds up none but itself."""
WAITING_LIMIT = 8
QUICK = ("reach", "tls", "auth", "models", "chat", "stream")
"""The steps of a test that is not thorough."""

_SAFE = ("tls", "auth", "models")
"""Steps that tell nothing of what the other side said but its models' names."""

_threads = ThreadPoolExecutor(AT_ONCE, "provider-test")
_turns: dict[str, _Turns] = {}
"""By organisation, as long as it has tests under way."""


class TrialBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model to try; the first that is known where none is named.

    `thorough` asks for tools, schemas and images as well.
    """

    model: str | None = None
    thorough: bool = False


class DraftTrial(ProviderBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider that need not be there yet; without `token` that of the one by this `name`."""

    name: str
    model: str | None = None
    thorough: bool = False


class StepShown(Struct, frozen=True, omit_defaults=True):
    """A step of a test: how it went, why not, in how many seconds. `needed`: no use without it."""

    name: str
    verdict: str
    needed: bool
    detail: str = ""
    fix: str | None = None
    code: str | None = None
    seconds: float | None = None


class Trial(Struct, frozen=True):
    """What a test came to. `model` is the one that was tried, `models` those that it lists."""

    ok: bool
    model: str | None
    models: list[str]
    steps: list[StepShown]


class ModelFound(Struct, frozen=True):
    """A model. `declared`: the provider's settings name it; `listed`: the provider itself does."""

    id: str
    declared: bool
    listed: bool


class ModelsFound(Struct, frozen=True):
    """A provider's models. `error` says why it gave no list of its own."""

    items: list[ModelFound]
    error: str | None = None


@post("/organisations/{org:str}/providers/{name:str}/test", opt={"least": "admin"}, status_code=200)
async def try_provider(
    context: Context,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: TrialBody | None = None,
) -> Trial:
    """Test a provider of the organisation's own: connection, token, models, answers.

    It asks the model for a few tokens, which may cost something.
    """
    asked = data or TrialBody()

    def run() -> Trial:
        provider = _stored(context, organisation, name)
        return _test(context, actor, provider, asked.model, thorough=asked.thorough)

    return await _in_turn(organisation, run)


@post("/organisations/{org:str}/provider-drafts/test", opt={"least": "admin"}, status_code=200)
async def try_draft(
    context: Context, actor: Actor, organisation: Organisation, data: DraftTrial
) -> Trial:
    """Test a provider that is not kept yet, or that is to be changed. Nothing is kept."""

    def run() -> Trial:
        provider = _drafted(context, actor, organisation, data)
        return _test(context, actor, provider, data.model, thorough=data.thorough)

    return await _in_turn(organisation, run)


@get("/organisations/{org:str}/providers/{name:str}/models", opt={"least": "member"})
async def list_provider_models(
    context: Context, organisation: Organisation, name: str
) -> ModelsFound:
    """List the models of a provider of the organisation's own: it is asked for them now."""

    def run() -> ModelsFound:
        provider = _stored(context, organisation, name)
        listed, error = _listed(context, provider)
        names = dict.fromkeys([*provider.models, *listed])
        items = [ModelFound(one, one in provider.models, one in listed) for one in names]
        return ModelsFound(items, error)

    return await _in_turn(organisation, run)


class _Turns:
    """The tests of one organisation: `slots` for those that run, `asked` counts those waiting, too.

    For one event loop.
    """

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(OF_ONE)
        self.asked = 0


async def _in_turn(organisation: Organisation, work: Callable[[], T]) -> T:
    """Do something that takes long in a thread of its own kind. Raises: LimitExceeded."""
    turns = _turns.setdefault(organisation.id, _Turns())
    if turns.asked >= OF_ONE + WAITING_LIMIT:
        raise LimitExceeded(
            "too many providers are being tested", hint="try again in a moment", retry_after=5
        )
    turns.asked += 1
    try:
        async with turns.slots:
            return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        turns.asked -= 1
        if turns.asked == 0:
            del _turns[organisation.id]


def _stored(context: Context, organisation: Organisation, name: str) -> Provider:
    """Load a provider. Raises: NotFound; ConfigError when it cannot be used."""
    with context.desk.read() as connection:
        row = get_stored(connection, organisation.id, name, custom=True)
    return load_provider(context.safe, organisation.id, row)


def _drafted(
    context: Context, actor: Actor, organisation: Organisation, data: DraftTrial
) -> Provider:
    """Make a provider of a draft. Raises: InvalidRequest, Conflict."""
    with context.desk.read() as connection:
        row = find_stored(connection, organisation.id, data.name)
    if row is None:
        opened = Opened(organisation.id, organisation.quotas)
        check_name(data.name, context.config(), actor, opened)
    provider = check_definition(data.name, said_in(data), actor.egress)
    if isinstance(data.token, str):
        if not (data.token.isascii() and data.token.isprintable()):
            raise InvalidRequest("a token is printable ASCII", param="token")
        return with_token(provider, Secret(data.token))
    kept = None
    if data.token is not None and row is not None and row.origin == origin_of(provider.base_url):
        kept = open_token(context.safe, organisation.id, row)
    return with_token(provider, kept)


def _test(
    context: Context, actor: Actor, provider: Provider, model: str | None, *, thorough: bool
) -> Trial:
    """Climb the ladder, as far as was asked for."""
    if provider.problems:
        raise InvalidRequest(
            provider.problems[0].message, hint=provider.problems[0].hint or "change its settings"
        )
    told_all = actor.operator and provider.egress == "operator"
    network = context.network()
    with SyncTransport(network=network) as transport:
        ladder = Ladder(
            replace(provider, enabled=True),
            env={},
            model=model,
            transport=transport,
            network=network,
        )
        steps = list(_taken(ladder, thorough=thorough))
    return Trial(
        ok=ladder.error is None,
        model=ladder.model,
        models=list(ladder.models),
        steps=[_show(step, told_all=told_all) for step in steps],
    )


def _taken(ladder: Ladder, *, thorough: bool) -> Iterator[Step]:
    for step in ladder.climb():
        if not thorough and step.name not in QUICK:
            return
        yield step


def _show(step: Step, *, told_all: bool) -> StepShown:
    detail, fix = step.detail, step.fix
    if not told_all:
        fix = None
        if step.verdict == "skipped":
            detail = ""
        elif step.code is not None or step.verdict == "failed":
            detail = word_of(step.code)
        elif step.name not in _SAFE:
            detail = ""
    return StepShown(
        name=step.name,
        verdict=step.verdict,
        needed=step.needed,
        detail=detail,
        fix=fix,
        code=step.code,
        seconds=None if step.seconds is None else round(step.seconds, 4),
    )


def _listed(context: Context, provider: Provider) -> tuple[list[str], str | None]:
    """Ask for the list; what went wrong in words of ours."""
    if provider.problems:
        return [], provider.problems[0].message
    try:
        with SyncTransport(network=context.network()) as transport:
            found = list_models(provider, Secrets({}), transport)
    except DragomanError as error:
        return [], word_of(error.code)
    if found.models is None:
        return [], word_of(found.error.code if found.error is not None else None)
    return list(found.models), None


HANDLERS = (try_provider, try_draft, list_provider_models)
