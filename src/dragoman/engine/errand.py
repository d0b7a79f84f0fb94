"""What one attempt sends through an adapter: tokens are fetched on the way, jobs waited for."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from msgspec.structs import replace

from dragoman.adapters.adapter import Aside, Pause
from dragoman.engine.adapted import AdaptedTarget
from dragoman.engine.steps import Close, Flow, Response, Sleep
from dragoman.errors import AdapterError, DragomanError
from dragoman.types.http import HttpAnswer, HttpRequest

MAX_FOLLOWS = 10_000
"""How often a job may be asked after: the timers end it before, unless they are never looked at."""

LEAST_PAUSE_S = 0.001
_NOTHING = HttpAnswer(status=0, headers={})

Asking = Callable[[HttpRequest], Flow[Response]]
Reading = Callable[[Response], Flow[bytes]]
Pausing = Callable[[float], None]


def run_errand(
    target: AdaptedTarget, request: HttpRequest, send: Asking, read: Reading, pause: Pausing
) -> Flow[tuple[Response, bytes | None]]:
    """Send what the adapter wants sent. Gives the answer that counts, and its body if it was read.

    `send` sends and sees a head, `read` reads a body whole, `pause` raises when there is no time to
    wait so long. Whatever an adapter asks goes over the provider's kind of connection: its egress
    policy, proxy and TLS.

    Raises: DragomanError.
    """

    def ask(wanted: HttpRequest) -> Flow[Response]:
        return send(replace(wanted, options=request.options))

    answer = yield from authenticated(target, request, ask, read, pause)
    head = HttpAnswer(status=answer.status, headers=answer.headers)
    if not (target.follows and 200 <= answer.status < 300):
        target.answered(head)
        return answer, None
    for _ in range(MAX_FOLLOWS):
        body = yield from read(answer)
        head = HttpAnswer(status=answer.status, headers=answer.headers, body=body)
        follow = target.follow(head, request.url.origin)
        if follow is None:
            target.answered(head)
            return answer, body
        yield Close(answer)
        if follow.after_s > 0:
            pause(follow.after_s)
            yield Sleep(follow.after_s)
        if follow.request.url.origin == request.url.origin:
            answer = yield from authenticated(target, follow.request, ask, read, pause)
        else:
            answer = yield from send(_led_elsewhere(follow.request, request))
        if follow.stream or not 200 <= answer.status < 300:
            target.answered(HttpAnswer(status=answer.status, headers=answer.headers))
            return answer, None
    raise AdapterError(f"the adapter of {target.ask.provider.name} follows up without end")


def _led_elsewhere(led: HttpRequest, first: HttpRequest) -> HttpRequest:
    """Make what an upstream leads us to, at another origin than its own, go out as a stranger's.

    A public server has no business with what is near us; one that is near itself may have.
    """
    options = first.options
    if not _is_near(first.url.host):
        options = replace(options, egress="organisation")
    return replace(led, options=options)


def _is_near(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def authenticated(
    target: AdaptedTarget, request: HttpRequest, ask: Asking, read: Reading, pause: Pausing
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
            if isinstance(wanted, Pause):
                seconds = max(wanted.seconds, LEAST_PAUSE_S)
                pause(seconds)
                yield Sleep(seconds)
                given = _NOTHING
            elif isinstance(wanted, Aside):
                try:
                    given = yield from _read_beside(wanted.request, ask, read)
                except DragomanError as error:
                    wanted = flow.throw(error)
                    continue
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


def _read_beside(request: HttpRequest, ask: Asking, read: Reading) -> Flow[HttpAnswer]:
    """Send a request beside the real one, and read its answer whole."""
    beside = yield from ask(request)
    try:
        body = yield from read(beside)
    except DragomanError:
        yield Close(beside)
        raise
    yield Close(beside)
    return HttpAnswer(status=beside.status, headers=beside.headers, body=body)
