"""`dragoman serve --check`: asks the gateway that runs here whether it takes requests.

What a container's health check runs, so that its image needs no program for that.
"""

from __future__ import annotations

import http.client

from dragoman.cli.session import Session
from dragoman.errors import DragomanError
from dragoman.types.server import ServerSettings

PATIENCE_S = 4.0
"""Less than a container's health check has."""
_HERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104


class NotReady(DragomanError):
    """The gateway does not answer, or says that no requests should be sent to it.

    The exit status is 1, as health checks of containers want it.
    """

    code = "not_ready"


def check_gateway(session: Session, settings: ServerSettings) -> None:
    """Print what `/readyz` says. Raises: NotReady."""
    host = _HERE.get(settings.host, settings.host)
    where = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"
    connection = http.client.HTTPConnection(host, settings.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/readyz")
        with connection.getresponse() as answer:
            said = answer.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise NotReady(
            f"no gateway answers at {where}: {reason}",
            hint="start one: dragoman serve; or name its --host and --port",
        ) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise NotReady(f"the gateway takes no requests: {said}", hint="its log says why")
    session.terminal.out.line(said)
