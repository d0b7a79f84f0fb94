"""What `dragoman doctor` looks at of the configuration: files, keys, providers, the default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dragoman.cli.config.finding import Check, Verdict, failed
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit
from dragoman.errors import ConfigError, DragomanError

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.config.config import LoadedFile
    from dragoman.probe.reachable import Reachable


def check_files(session: Session, config: Config) -> Iterator[Check]:
    """Which files count, what each of them sets, and what a stronger one says otherwise."""
    from dragoman.config.show import check_gateway_keys, list_settings

    settings = list_settings(config)
    for file in config.files:
        in_force = [s.name for s in settings if _stands_in(s.place, str(file.path))]
        yield _file(session, file, in_force)
    files = {str(file.path) for file in config.files}
    others = [s for s in settings if not any(_stands_in(s.place, path) for path in files)]
    for setting in others:
        yield Check(
            subject="files",
            name=setting.origin,
            detail=f"{setting.place} sets {setting.name}",
            facts={"place": setting.place, "sets": [setting.name]},
        )
    for problem in (*config.problems, *check_gateway_keys(config, session.env)):
        yield broken(problem)
    for note in config.notes:
        yield Check(subject="files", verdict="warning", detail=note.message, fix=note.hint)


def _file(session: Session, file: LoadedFile, in_force: list[str]) -> Check:
    from dragoman.cli.config.user_file import shown

    where = shown(file.path, session)
    facts: dict[str, Any] = {
        "path": str(file.path),
        "found": file.found,
        "trusted": file.trusted,
        "sets": list(file.sets),
    }
    check = Check(subject="files", name=file.layer, detail=where, facts=facts)
    if not file.found:
        return _but(check, "none", "not there")
    if file.error is not None:
        return _but(check, "warning", "nothing of it is used")
    lost = [name for name in file.sets if not _holds(name, in_force)]
    facts["overridden"] = lost
    said = [f"sets {', '.join(file.sets)}"] if file.sets else ["sets nothing"]
    said += [f"but not in force: {', '.join(lost)}"] if lost else []
    whose = f" (as {file.kind}'s)" if file.kind != "dragoman" else ""
    if not file.trusted:
        fix = "read it; if all of it is to count: dragoman config trust"
        return _but(check, "warning", f"{'; '.join(said)}; only part of it counts", fix)
    return _but(check, "ok", f"{'; '.join(said)}{whose}")


def _stands_in(place: str, path: str) -> bool:
    """Whether a setting's place is a file, or a line of it: an adapter's file has no lines."""
    return place == path or place.startswith(f"{path}:")


def _holds(name: str, in_force: list[str]) -> bool:
    return any(setting == name or setting.startswith(f"{name}.") for setting in in_force)


def _but(check: Check, verdict: Verdict, words: str, fix: str | None = None) -> Check:
    from msgspec.structs import replace

    return replace(check, verdict=verdict, detail=f"{check.detail}  {words}", fix=fix)


def broken(error: ConfigError) -> Check:
    return failed("files", error, facts={"place": error.place})


# ------------------------------------------------------------------------ keys and providers


def check_keys(session: Session) -> Iterator[Check]:
    from dragoman.cli.providers.credentials import find_keys, key_object

    try:
        found = find_keys(session)
    except ConfigError as error:
        yield failed("keys", error, Exit.NO_PERMISSION)
        return
    for key in found:
        last = f"…{key.last_four}" if key.last_four else "…"
        unused = f" (not used: {key.why_not})" if key.why_not else ""
        yield Check(
            subject="keys",
            name=key.name,
            verdict="none" if key.why_not else "ok",
            detail=f"{last}  {key.source.strip('()')}, for {key.origin}{unused}",
            facts=key_object(key),
        )
    if not found:
        yield Check(subject="keys", verdict="none", detail="there are none")


def reach_providers(session: Session) -> tuple[Reachable, ...]:
    """Ask those that are set up, and the built-in ones that have a key."""
    from dragoman.cli.providers.models import select_providers
    from dragoman.cli.terminal.spinner import Spinner
    from dragoman.probe.reachable import reach_all

    asked = [
        provider
        for provider in select_providers(session, None, every=False)
        if provider.base_url and not provider.base_url.startswith("demo:") and not provider.problems
    ]
    with Spinner(session.terminal, lambda: f"asking {len(asked)} providers"):
        return reach_all(asked, session.env)


def check_providers(reached: tuple[Reachable, ...]) -> Iterator[Check]:
    from dragoman.cli.records.receipt import duration
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.types.http import parse_url

    for one in reached:
        url = masked_url(one.base_url)
        facts: dict[str, Any] = {"base_url": url, "reachable": one.error is None}
        if one.seconds is not None:
            facts["ms"] = round(one.seconds * 1000, 1)
            detail = f"{url}  answers, {duration(one.seconds)}"
            yield Check(subject="providers", name=one.name, detail=detail, facts=facts)
            continue
        words = one.error or ""
        yield Check(
            subject="providers",
            name=one.name,
            verdict="failed",
            detail=words if parse_url(one.base_url).host in words else f"{url}  {words}",
            fix=one.fix,
            facts=facts,
            code=Exit.UNAVAILABLE,
        )
    if not reached:
        yield Check(
            subject="providers",
            verdict="none",
            detail="none is set up, and no built-in one has a key",
            fix="dragoman setup, or dragoman providers add NAME|URL",
        )


def check_default(session: Session) -> Check:
    """The model that is asked when none is named."""
    registry = session.registry()
    ref = registry.default_ref()
    if ref is None:
        detail = "no model is the default: name one with -m, or set default_model"
        return Check(subject="providers", name="default", verdict="none", detail=detail)
    try:
        registry.resolve(ref)
    except DragomanError as error:
        return Check(
            subject="providers",
            name="default",
            verdict="failed",
            detail=f"{ref}: {error.message}",
            fix=error.hint,
            facts={"ref": ref},
            code=Exit.CONFIG,
        )
    return Check(subject="providers", name="default", detail=ref, facts={"ref": ref})
