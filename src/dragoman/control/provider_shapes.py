"""What is said and shown of an organisation's providers."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.control.words import word_of
from dragoman.errors import ConfigError, InvalidRequest
from dragoman.organisations.definition import called_urls
from dragoman.organisations.provider_rows import StoredProvider, load_provider, open_token
from dragoman.organisations.safe import Safe
from dragoman.types.checked import Checked
from dragoman.types.provider import Api, Provider

Source: TypeAlias = Literal["organisation", "configuration"]
Table: TypeAlias = dict[str, Any]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A provider's settings: each as in a table of providers of a configuration file.

    Prices are USD per million tokens, times seconds. `tls` is for operators.
    """

    base_url: str
    api: str | UnsetType = UNSET
    auth: str | UnsetType = UNSET
    headers: Table | UnsetType = UNSET
    query: Table | UnsetType = UNSET
    body: Table | UnsetType = UNSET
    default_model: str | UnsetType = UNSET
    models: list[Any] | Table | UnsetType = UNSET
    model_defaults: bool | UnsetType = UNSET
    models_only: bool | UnsetType = UNSET
    image_model: str | UnsetType = UNSET
    catalog: str | UnsetType = UNSET
    timeouts: Table | UnsetType = UNSET
    retries: int | UnsetType = UNSET
    limits: Table | UnsetType = UNSET
    check: bool | Table | UnsetType = UNSET
    learn: bool | UnsetType = UNSET
    dialect: Table | UnsetType = UNSET
    on_overflow: str | UnsetType = UNSET
    emulate: Any = UNSET
    repair_arguments: bool | UnsetType = UNSET
    repetition_guard: bool | Table | UnsetType = UNSET
    stream: bool | UnsetType = UNSET
    free: bool | UnsetType = UNSET
    cost_per_hour: float | str | UnsetType = UNSET
    privacy: list[str] | UnsetType = UNSET
    tls: Table | UnsetType = UNSET


SETTINGS = Settings.__struct_fields__


class ProviderBody(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider is to be. Settings that are not there have their defaults.

    `token`: null takes it away; where it is not there, the one from before stays, as long as
    scheme, host and port do. With `version`, only if it is at that (0: not there yet).
    """

    token: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    version: int | None = None


class TokenShown(Struct, frozen=True):
    """What is shown of a token. `readable` is false when it opens with none of the master keys.

    `origin` is where it goes: of a provider of the gateway's, for operators alone.
    """

    last_four: str
    origin: str | None
    readable: bool


class CalledUrls(Struct, frozen=True):
    """The URLs that are called; `MODEL` stands for a model's name where it is part of one."""

    requests: str
    embeddings: str
    models: str


class CheckShown(Struct, frozen=True):
    """What came of the last time that a provider was asked whether it is there, and when.

    `failed` says what went wrong; null: it is there.
    """

    at: float
    failed: str | None


class ProviderShown(Struct, frozen=True, kw_only=True):
    """A provider. `settings` is what was said of it.

    `source` is where it is from: `organisation`, or the operator's `configuration`, which is
    changed there (`read_only`). `egress` is whose word the address is: `operator` or
    `organisation`. `problems` says why it cannot be used, `warnings` what the change that was just
    made did besides. `check` is null where it is not asked now and then, or has not been yet.
    """

    name: str
    source: Source
    read_only: bool
    enabled: bool
    api: Api
    egress: str
    settings: dict[str, Any]
    token: TokenShown | None = None
    urls: CalledUrls | None = None
    problems: list[str] = []
    warnings: list[str] = []
    check: CheckShown | None = None
    place: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    version: int | None = None


def said_in(body: Settings) -> dict[str, Any]:
    """Take from a body what is said of the provider itself."""
    builtins: dict[str, Any] = msgspec.to_builtins(body)
    return {name: value for name, value in builtins.items() if name in SETTINGS}


def show_stored(
    safe: Safe,
    row: StoredProvider,
    warnings: tuple[str, ...] = (),
    checked: Checked | None = None,
) -> ProviderShown:
    """Show a provider of an organisation's own."""
    provider = load_provider(safe, row.organisation_id, row)
    problems = [problem.message for problem in provider.problems]
    urls = None
    try:
        urls = urls_of(row.said.get("base_url"), provider)
    except InvalidRequest as error:
        problems.append(error.message)
    return ProviderShown(
        name=row.name,
        source="organisation",
        read_only=False,
        enabled=row.enabled,
        api=provider.api,
        egress=row.egress,
        settings=row.said,
        token=show_token(safe, row),
        urls=urls,
        problems=problems,
        warnings=list(warnings),
        check=_show_check(checked),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def show_configured(
    provider: Provider, checked: Checked | None = None, *, to_operator: bool
) -> ProviderShown:
    """Show a provider of the operator's configuration; where it is only operators are told."""
    return ProviderShown(
        name=provider.name,
        source="configuration",
        read_only=True,
        enabled=provider.enabled,
        api=provider.api,
        egress="operator",
        settings={"base_url": provider.base_url} if to_operator else {},
        problems=[problem.message for problem in provider.problems] if to_operator else [],
        check=_show_check(checked),
        place=provider.place if to_operator else None,
    )


def _show_check(checked: Checked | None) -> CheckShown | None:
    if checked is None:
        return None
    return CheckShown(checked.at, None if checked.code is None else word_of(checked.code))


def show_token(safe: Safe, row: StoredProvider) -> TokenShown | None:
    """Show enough of a token to recognise it by."""
    try:
        token = open_token(safe, row.organisation_id, row)
    except ConfigError:
        return TokenShown("", row.origin, readable=False)
    return None if token is None else TokenShown(token.last_four, row.origin, readable=True)


def urls_of(base_url: object, provider: Provider) -> CalledUrls | None:
    """Say which URLs of a provider are called; None when it is known to be wrong.

    Raises: InvalidRequest for an address that nobody would be let write today.
    """
    if provider.problems or not isinstance(base_url, str):
        return None
    return CalledUrls(**called_urls(base_url, provider.api, provider.egress))
