"""What goes wrong when something is looked up or changed."""

from __future__ import annotations

from dragoman.errors import RequestError


class NotFound(RequestError):
    """There is no such thing, or it is somebody else's: nobody is told which of the two."""

    status = 404
    code = "not_found"


class Conflict(RequestError):
    """It would clash with what is there: a name is taken, or a limit cannot be kept."""

    status = 409
    code = "conflict"


class ChangedMeanwhile(Conflict):
    """Somebody else has changed it since it was read."""

    code = "changed_meanwhile"


class DeletedMeanwhile(ChangedMeanwhile):
    """Somebody else has deleted it since it was read."""

    code = "deleted_meanwhile"


class ReadOnly(Conflict):
    """It comes from the configuration file, and is changed there."""

    code = "read_only"


def read_only(what: str, otherwise: str = "") -> ReadOnly:
    """Make the error that says that it comes from the configuration; `otherwise` ends its hint."""
    return ReadOnly(
        f"{what} comes from the gateway's configuration",
        hint=f"it is changed there, by whoever runs the gateway{otherwise}",
    )
