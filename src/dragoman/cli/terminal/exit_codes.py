"""What the command's exit status means: one table, for the program and for `dragoman help`.

Numbers from 64 on are those of sysexits.h where one fits; 130 and 141 are 128 + the signal.
"""

from __future__ import annotations

from enum import IntEnum

from dragoman import errors


class Exit(IntEnum):
    """Exit statuses. They are stable: scripts depend on them."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    DATA = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    INTERNAL = 70
    TEMPORARY = 75
    NO_PERMISSION = 77
    CONFIG = 78
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: dict[Exit, str] = {
    Exit.OK: "it worked",
    Exit.UNEXPECTED: "something outside went wrong (a full disk, a lost terminal)",
    Exit.USAGE: "the command line is wrong, or names a model that does not exist",
    Exit.DATA: "bad data: a request refused as it is, or an answer that its schema does not admit",
    Exit.NO_INPUT: "an input file is missing or cannot be read",
    Exit.UNAVAILABLE: "no provider or model answered, after all attempts",
    Exit.INTERNAL: "a bug in dragoman",
    Exit.TEMPORARY: "for now: rate-limited, overloaded or timed out; try again later",
    Exit.NO_PERMISSION: "a key, permission or budget is missing",
    Exit.CONFIG: "the configuration is missing or wrong",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
    Exit.BROKEN_PIPE: "nobody reads the output any more",
}


class InputMissing(errors.InvalidRequest):
    """A file that the command line names is missing or cannot be read."""

    code = "input_missing"


_BY_CLASS: tuple[tuple[type[errors.DragomanError], Exit], ...] = (
    (errors.ConfigError, Exit.CONFIG),
    (errors.UnknownModel, Exit.USAGE),
    (InputMissing, Exit.NO_INPUT),
    (errors.InvalidRequest, Exit.DATA),
    (errors.Unauthorized, Exit.NO_PERMISSION),
    (errors.Forbidden, Exit.NO_PERMISSION),
    (errors.BudgetExceeded, Exit.NO_PERMISSION),
    (errors.LimitExceeded, Exit.TEMPORARY),
    (errors.RequestError, Exit.DATA),
    (errors.BadRequest, Exit.DATA),
    (errors.SchemaMismatch, Exit.DATA),
    (errors.AuthFailed, Exit.NO_PERMISSION),
    (errors.BillingError, Exit.NO_PERMISSION),
    (errors.PermissionDenied, Exit.NO_PERMISSION),
    (errors.NotFound, Exit.UNAVAILABLE),
    (errors.RateLimited, Exit.TEMPORARY),
    (errors.Overloaded, Exit.TEMPORARY),
    (errors.UpstreamError, Exit.UNAVAILABLE),
    (errors.ProtocolError, Exit.UNAVAILABLE),
    (errors.AdapterError, Exit.UNAVAILABLE),
    (errors.DestinationDenied, Exit.NO_PERMISSION),
    (errors.Timeout, Exit.TEMPORARY),
    (errors.TransportError, Exit.UNAVAILABLE),
)
"""The first row whose class fits counts: the special stand before the general."""


def exit_code(error: errors.DragomanError) -> Exit:
    """Find the exit status for an error.

    When every deployment failed it is the status that all failures share, else `UNAVAILABLE`.
    """
    if isinstance(error, errors.AllAttemptsFailed):
        codes = {exit_code(one) for one in error.errors}
        return codes.pop() if len(codes) == 1 else Exit.UNAVAILABLE
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), Exit.UNEXPECTED)
