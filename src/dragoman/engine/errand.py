"""What one attempt sends through an adapter: tokens are fetched on the way, jobs waited for."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.adapters.adapter import Aside
from dragoman.engine.adapted import AdaptedTarget
from dragoman.engine.steps import Close, Flow, Response, Sleep
from dragoman.errors import AdapterError
from dragoman.types.http import HttpAnswer, HttpRequest

MAX_FOLLOWS = 10_000
"""How often a job may be asked after: the timers end it before, unless they are never looked at."""

Asking = Callable[[HttpRequest], Flow[Response]]
Reading = Callable[[Response], Flow[bytes]]
Pausing = Callable[[float], None]


def run_errand(
    target: AdaptedTarget, request: HttpRequest, ask: Asking, read: Reading, pause: Pausing
) -> Flow[tuple[Response, bytes | None]]:
    """Send what the adapter wants sent. Gives the answer that counts, and its body if it was read.

    `ask` sends and sees a head, `read` reads a body whole, `pause` raises when there is no time to
    wait so long.

    Raises: DragomanError.
    """
    answer = yield from _authenticated(target, request, ask, read)
    head = HttpAnswer(status=answer.status, headers=answer.headers)
    if not (target.follows and 200 <= answer.status < 300):
        target.answered(head)
        return answer, None
    for _ in range(MAX_FOLLOWS):
        body = yield from read(answer)
        head = HttpAnswer(status=answer.status, headers=answer.headers, body=body)
        follow = target.follow(head)
        if follow is None:
            target.answered(head)
            return answer, body
        yield Close(answer)
        if follow.after_s > 0:
            pause(follow.after_s)
            yield Sleep(follow.after_s)
        answer = yield from ask(follow.request)
        if follow.stream or not 200 <= answer.status < 300:
            target.answered(HttpAnswer(status=answer.status, headers=answer.headers))
            return answer, None
    raise AdapterError(f"the adapter of {target.ask.provider.name} follows up without end")


def _authenticated(
    target: AdaptedTarget, request: HttpRequest, ask: Asking, read: Reading
) -> Flow[Response]:
    """Perform the adapter's auth flow. Gives the answer to the request that it sent last."""
    flow = target.send(request)
    answer: Response | None = None
    try:
        wanted = next(flow)
        while True:
            if answer is not None:
                yield Close(answer)
                answer = None
            if isinstance(wanted, Aside):
                beside = yield from ask(wanted.request)
                body = yield from read(beside)
                yield Close(beside)
                given = HttpAnswer(status=beside.status, headers=beside.headers, body=body)
            else:
                answer = yield from ask(wanted)
                given = HttpAnswer(status=answer.status, headers=answer.headers)
            wanted = flow.send(given)
    except StopIteration:
        pass
    finally:
        flow.close()
    if answer is None:
        raise AdapterError(
            f"the adapter of {target.ask.provider.name} never sent its request",
            hint="its auth_flow must end with: yield request",
        )
    return answer
