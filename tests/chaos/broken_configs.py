"""A configuration that is broken in many ways while requests go on."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server.process import Process, wait_until
from tests.upstream.fault import FaultUpstream, chat

GOOD = '[providers.mine]\nbase_url = "{url}"\n\n[routes.smart]\nmodels = ["mine/m"]\n'


def broken_configs(*, full: bool) -> Mapping[str, float]:
    """Reload 200 broken files under load: no request fails, every one is reported."""
    count = 200 if full else 18
    chance = random.Random(7)
    with (
        FaultUpstream(chat("ok"), record=False) as server,
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        good = GOOD.format(url=server.base_url)
        gateway = Process(Path(folder), good)
        stop = threading.Event()

        def ask() -> int:
            asked = 0
            while not stop.is_set():
                status, answer = gateway.chat("smart")
                assert status == 200, answer
                asked += 1
            return asked

        try:
            asking = pool.submit(ask)
            for number in range(count):
                gateway.file.write_text(_break(good, number, chance))
                reported = gateway.reported
                gateway.process.send_signal(signal.SIGHUP)
                wait_until(lambda reported=reported: gateway.reported > reported)  # type: ignore[misc]
            stop.set()
            asked = asking.result()
        finally:
            stop.set()
            gateway.stop()
    assert gateway.reported == count, gateway.reported
    return {"broken": count, "requests": asked, "reported": gateway.reported}


def _break(good: str, number: int, chance: random.Random) -> str:
    """Break a file, each time otherwise."""
    wrongs = (
        f"[providers.mine\nbase_url = {number}\n",
        good.replace("base_url = ", f"base_url = {number} #"),
        good.replace("http://", f"ftp{number}://"),
        good + f'[[gateway.keys]]\nname = "{number}"\nkey = ""\n',
        good + f'[[gateway.keys]]\nname = "k"\nkey = "env:NOT_SET_{number}"\n',
        good + f'[server]\nport = "number {number}"\n',
        good[: chance.randrange(20, 40)] + '"' * number,
        good + f"\x00{number}",
        good + f'[server]\negress_allow = ["inside {number}"]\n',
        good + f'[server]\ntrusted_proxies = ["10.0.0.{number}.1"]\n',
        good + f'[server.cache]\nttl = "{number} moons"\n',
        good + f'[server.ledger]\ncontent = "some{number}"\n',
        good + f'[gateway]\nbudget = "{number} dollars"\n',
        good + f"[gateway]\nrpm = -{number}\n",
        good + f'[[guardrails]]\nname = "g{number}"\nkind = "magic{number}"\n',
        good + f'[[guardrails]]\nname = "g{number}"\nkind = "pattern"\npattern = "("\n',
        good.replace("models =", f"privacy = {number}\nmodels ="),
        good.replace("models =", f'shadow = "{number}"\nmodels ='),
    )
    return wrongs[number % len(wrongs)]
