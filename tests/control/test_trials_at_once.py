"""Connection tests of several organisations at once: none waits for another's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from dragoman.control.trials import OF_ONE, WAITING_LIMIT
from tests.upstream.fault import models

Start = Callable[..., Any]


def test_tests_that_hang_hold_up_their_own_organisation_alone(
    serve_plane: Start, upstream: Start
) -> None:
    plane = serve_plane(egress_allow=["127.0.0.1"])
    plane.organisation("red")
    plane.organisation("blue")
    operator = plane.token(plane.account("op@example.com", operator=True))
    let_go = threading.Event()

    def hangs(request: Any) -> Any:
        let_go.wait(60)
        return models("m")

    for name, server in (("red", upstream(hangs)), ("blue", upstream(models("n")))):
        path = f"organisations/{name}/providers/acme"
        put = plane.ask("PUT", path, {"base_url": server.base_url}, headers=operator)
        assert put.status == 200

    def listed(name: str) -> Any:
        return plane.ask("GET", f"organisations/{name}/providers/acme/models", headers=operator)

    count = OF_ONE + WAITING_LIMIT + 1
    with ThreadPoolExecutor(count) as pool:
        try:
            many = [pool.submit(listed, "red") for _ in range(count)]
            refused = next(as_completed(many)).result()
            assert (refused.status, refused.headers["retry-after"]) == (429, "5")
            assert [one["id"] for one in listed("blue").json["items"]] == ["n"]
        finally:
            let_go.set()
    assert sorted(one.result().status for one in many) == [200] * (count - 1) + [429]
    assert listed("red").status == 200
