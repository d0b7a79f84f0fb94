"""Changes that do not overwrite what somebody else has changed meanwhile."""

from __future__ import annotations

from dragoman.organisations.failures import ChangedMeanwhile, DeletedMeanwhile


def check_version(seen: int | None, version: int, what: str) -> None:
    """See that what was seen is what is there; None has seen nothing, 0 that nothing was there.

    Raises: ChangedMeanwhile, DeletedMeanwhile.
    """
    if seen and not version:
        raise DeletedMeanwhile(
            f"{what} has been deleted meanwhile", hint="ask with version 0 to make it anew"
        )
    if seen is not None and seen != version:
        raise ChangedMeanwhile(
            f"{what} has been changed meanwhile: it is at version {version}, not {seen}",
            hint="read it again, and ask again with the version that is there",
        )
