"""The algorithm: try, retry, fall back, hedge; written once, for sync and async, whole or streamed.

Nothing here does I/O: a flow yields steps (`engine.steps`) and is performed by a driver
(`engine.drive`). What it hands on or returns is the caller's; how it came about is in the exchange.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dragoman.engine.attempt import Attempt
from dragoman.engine.call import Call
from dragoman.engine.dialogue import Whole
from dragoman.engine.steps import First, Flow, Out, Race, Result, Sleep, Step
from dragoman.errors import AllAttemptsFailed, DragomanError
from dragoman.routing.plan import Plan, Try
from dragoman.types.provider import Timeouts
from dragoman.types.route import Aids
from dragoman.wire.whole import Accumulator

_DEFAULT_FIRST_TOKEN_S = Timeouts().first_token

Opened: TypeAlias = tuple[Attempt, Whole | None]
"""The attempt that answers, and the answer if it came whole."""


def complete(call: Call) -> Flow[Whole]:
    """Get a whole answer.

    A first-token time that somebody set, a race and a guard need tokens to be watched: then the
    answer is streamed from the provider and put together here.

    Raises: DragomanError, with `attempts`.
    """
    if not _watches_tokens(call):
        _, whole = yield from _try_all(call, _fetch)
        assert whole is not None, "fetching gives an answer"
        call.finish("ok")
        return whole
    call.assembling = True
    accumulator = Accumulator()

    def add(out: Out) -> None:
        if not isinstance(out, bytes):
            accumulator.add(out)

    try:
        yield from _absorb(stream(call), add)
    except DragomanError as error:
        error.partial = accumulator.completion
        raise
    return call.dialogue.tell(accumulator.completion)


def stream(call: Call) -> Flow[None]:
    """Hand on an answer, event by event. Raises: DragomanError, with `attempts`."""
    attempt, _ = yield from _try_all(call, _open)
    try:
        yield from attempt.pump()
    except DragomanError as error:
        error.exchange = call.exchange
        call.finish("truncated")
        raise
    except GeneratorExit:
        call.finish("client_closed")
        raise
    call.finish("ok")


def _fetch(attempt: Attempt) -> Flow[Whole | None]:
    return (yield from attempt.fetch())


def _open(attempt: Attempt) -> Flow[Whole | None]:
    yield from attempt.open()
    return None


def _try_all(call: Call, ask: Callable[[Attempt], Flow[Whole | None]]) -> Flow[Opened]:
    """Try deployments until one answers."""
    around = call.around
    lot = None
    if call.route.sticky and len(call.deployments) > 1:
        from dragoman.engine.sticking import conversation_of

        lot = conversation_of(call.dialogue)
    plan = Plan(call.deployments, around.health, around.random, around.policy, lot)
    errors: list[DragomanError] = []
    try:
        following: Try | None = plan.first(around.clock())
        while following is not None:
            if following.pause_s:
                yield Sleep(following.pause_s)
            try:
                return (yield from _try(call, plan, following, ask))
            except DragomanError as error:
                # Its traceback would keep what was read and is of no use any more.
                errors.append(error.with_traceback(None))
                now = around.clock()
                following = plan.failed(following.deployment, error, now)
                if following is not None and now + following.pause_s >= call.deadline:
                    break
                if following is not None and error.loud:
                    call.exchange.warnings.append(
                        f"{error.provider}/{error.model}: {error.message}"
                    )
    except GeneratorExit:
        call.finish("client_closed")
        raise
    call.finish("error")
    try:
        raise _verdict(call, errors)
    finally:
        del errors  # the error leads to this frame, and would lead from here to itself


def _try(
    call: Call, plan: Plan, following: Try, ask: Callable[[Attempt], Flow[Whole | None]]
) -> Flow[Opened]:
    """Make one attempt, or race it against the next deployment where the route says so."""
    after_s = call.hedge_after
    rival = plan.hedge(call.around.clock()) if after_s is not None else None
    if rival is None or after_s is None:
        attempt = Attempt(call, following, others=bool(plan.left))
        return attempt, (yield from ask(attempt))
    racers: list[Attempt] = []

    def one(try_: Try) -> Flow[Opened]:
        attempt = Attempt(call, try_, others=bool(plan.left), racing=True)
        racers.append(attempt)
        return attempt, (yield from ask(attempt))

    race: Race = yield First((one(following), one(Try(rival, "hedge"))), after_s)
    if race.winner is None:
        raise race.errors[0]
    opened: Opened = race.value
    opened[0].racing = False
    for attempt in racers:
        if attempt is not opened[0]:
            attempt.abandon()  # its driver closes it in its own time
    return opened


def _absorb(flow: Flow[Result], take: Callable[[Out], None]) -> Flow[Result]:
    """Have a flow's steps performed by our driver, and its output taken by `take`."""
    try:
        item = next(flow)
        while True:
            if not isinstance(item, Step):
                take(item)
                item = next(flow)
                continue
            try:
                value = yield item
            except DragomanError as error:
                item = flow.throw(error)
            else:
                item = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()


def _watches_tokens(call: Call) -> bool:
    if call.dialogue.neighbour is not None:
        return False
    if call.options.first_token is not None or call.hedge_after is not None:
        return True
    if call.route.auto == "latency":
        return True  # else there would be nothing to measure
    return any(
        deployment.first_token is not None
        or (deployment.aids is not None and _is_guarded(deployment.aids))
        or deployment.provider.timeouts.first_token != _DEFAULT_FIRST_TOKEN_S
        for deployment in call.deployments
    )


def _is_guarded(aids: Aids) -> bool:
    return aids.guard is not None and aids.stream


def _verdict(call: Call, errors: list[DragomanError]) -> DragomanError:
    """Choose what the caller is told: the one error that counts, or all of them together."""
    last = errors[-1]
    tried = {(attempt.provider, attempt.model) for attempt in call.exchange.attempts}
    if len(tried) > 1 and last.failover == "next":
        parts = "; ".join(f"{error.provider}/{error.model}: {error.message}" for error in errors)
        waits = [error.retry_after for error in errors if error.retry_after is not None]
        all_failed = AllAttemptsFailed(
            f"all {len(errors)} attempts failed: {parts}",
            errors,
            hint=next((error.hint for error in errors if error.hint), None),
        )
        all_failed.retry_after = min(waits, default=None)
        last = all_failed
    last.exchange = call.exchange
    return last
