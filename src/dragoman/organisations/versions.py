"""Changes that do not overwrite what somebody else has changed meanwhile."""

from __future__ import annotations

from dragoman.organisations.failures import ChangedMeanwhile


def check_version(seen: int | None, version: int, what: str) -> None:
    """See that what was seen is what is there; None has seen nothing. Raises: ChangedMeanwhile."""
    if seen is not None and seen != version:
        raise ChangedMeanwhile(
            f"{what} has been changed meanwhile: it is at version {version}, not {seen}",
            hint="read it again, and ask again with the version that is there",
        )
