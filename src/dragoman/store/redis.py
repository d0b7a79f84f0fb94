"""Redis or Valkey: what workers share from one moment to the next.

Law: nothing waits for it longer than a moment. A command has 50 ms, in which our event loop turns:
that it is busy is not Redis' fault. When there is no answer in that time, several times in a row,
or no connection, a breaker opens, and until it tries again everything that would be asked fails at
once. What is kept there can be lost at any time: the database holds the truth.

Commands of one event loop share one connection: what comes while an answer is awaited goes together
in the next packet, so that thousands at a time cost a few round trips.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ (read 2026-11)
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from dragoman.store.address import ENCODE, ServerUrl, is_readable
from dragoman.store.database import StoreError, read_url

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

VARIABLE = "DRAGOMAN_REDIS_URL"
SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
}
"""What a URL may begin with, and what our client calls it."""
_WRITE = f"write it as redis://:password@host:6379/0; {ENCODE}"
TIMEOUT_S = 0.05
"""For a command to be answered, a connection to be made included."""
CONNECT_S = 0.25
"""For the first connection of a process, with TLS and a password: nobody waits for it yet."""
TIMEOUTS_LIMIT = 3
"""So many silences in a row, and the breaker opens. A refused connection opens it at once."""
PAUSES_S = (0.25, 0.5, 1.0, 2.0)
"""How long the breaker stays open, the longer the more often it had to."""
STUMBLE_S = 1.0
"""Who is silent for no longer than this, on a busy machine, is not taken to be gone."""
QUEUE_LIMIT = 10_000
BATCH_LIMIT = 128
"""Commands in one packet: what comes after them waits for no more than these."""
PARTS = 10
"""Of a time limit, each at least one turn of the event loop. An answer takes up to five turns."""
CONNECT_PARTS = 30
"""To connect, sign in, choose a database and ask takes up to fifteen; TLS some more."""

Word: TypeAlias = str | bytes | int | float


class RedisDown(StoreError):
    """It does not answer, or was not even asked. `unknown`: a command may yet take effect."""

    unknown = False


class RedisAddress(ServerUrl, frozen=True):
    """Where it is."""


def redis_address(env: Mapping[str, str]) -> RedisAddress | None:
    """Say where Redis is: what `DRAGOMAN_REDIS_URL` or its file names; None where nothing does.

    The URL may stand in the file that `DRAGOMAN_REDIS_URL_FILE` names.

    Raises: StoreError for a URL that names no Redis, or cannot be read.
    """
    url = read_url(env, VARIABLE)
    return read_address(url) if url else None


def read_address(url: str) -> RedisAddress:
    """Read a URL: `redis://:password@host:6379/0`, `rediss://…`, `valkey://…`, `unix:///path`.

    Raises: StoreError, which does not repeat the URL: it may hold a password.
    """
    scheme, colon, rest = url.partition("://")
    if not (colon and scheme in SCHEMES and rest):
        raise StoreError(
            f"{VARIABLE} begins with none that is known (redis://…, rediss://… or unix:///path)",
            hint=_WRITE,
        )
    if not is_readable(url):
        raise StoreError(f"{VARIABLE} cannot be read", hint=_WRITE)
    return RedisAddress(f"{SCHEMES[scheme]}://{rest}")


class Script(Struct, frozen=True):
    """A program in Lua that Redis runs all at once; it is sent when Redis does not have it."""

    text: str

    @property
    def digest(self) -> str:
        """What Redis knows it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Breaker:
    """Whether to ask at all. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._silences = 0
        self._opened = 0
        self._until: float | None = None
        self._gone_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether it is known to be away, and is not to be asked now."""
        return self._until is not None and self._clock() < self._until

    @property
    def away(self) -> bool:
        """Whether it is known to be away, and has not answered since."""
        return self._until is not None

    @property
    def gone(self) -> bool:
        """Whether nothing is there, or it has been away for so long that it does not stumble."""
        return self._gone_at is not None and self._clock() >= self._gone_at

    def well(self) -> None:
        """Note an answer."""
        self._silences = self._opened = 0
        self._until = self._gone_at = None

    def silent(self) -> None:
        """Note that none came in time."""
        self._silences += 1
        if self._gone_at is None and self._silences >= TIMEOUTS_LIMIT:
            self._gone_at = self._clock() + STUMBLE_S
        if self._gone_at is not None:
            self._open()

    def refused(self) -> None:
        """Note that nothing is there."""
        self._gone_at = self._clock()
        self._open()

    def _open(self) -> None:
        pause_s = PAUSES_S[min(self._opened, len(PAUSES_S) - 1)]
        self._opened += 1
        self._until = self._clock() + pause_s


class Redis:
    """A Redis, for one event loop.

    Example:
        redis = Redis(read_address("redis://localhost:6379/0"))
        await redis.ask("SET", "dragoman:a", 1, "PX", 500)
        await redis.run(script, ["dragoman:a"], [5])
        await redis.close()
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_installed()
        self.address = address
        self.breaker = Breaker(clock)
        self._timeout_s = timeout_s
        self._met = False
        self._connection: AbstractConnection | None = None
        self._waiting: deque[tuple[Sequence[Word], asyncio.Future[Any]]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._digests: dict[str, str] = {}
        """Of the scripts that Redis has from this connection, by their text."""

    @property
    def away(self) -> bool:
        """Whether it is known not to answer."""
        return self.breaker.away

    @property
    def gone(self) -> bool:
        """Whether it has not answered for longer than a moment."""
        return self.breaker.gone

    async def ask(self, *command: Word) -> Any:
        """Run a command; what it gives back are bytes, numbers, lists, None.

        Raises: RedisDown when there is no answer, StoreError when the answer is an error.
        """
        answer = await self._send(command)
        if isinstance(answer, Exception):
            raise self._refused(answer)
        return answer

    async def run(self, script: Script, keys: Sequence[str], values: Sequence[Word]) -> Any:
        """Run a script. Raises: as `ask`."""
        from redis.exceptions import NoScriptError

        whole = ("EVAL", script.text, len(keys), *keys, *values)
        digest = self._digests.get(script.text)
        answer: Any = None
        if digest is not None:
            answer = await self._send(("EVALSHA", digest, len(keys), *keys, *values))
        if digest is None or isinstance(answer, NoScriptError):
            # Whole until it is known: were it refused, what was sent behind it would overtake it.
            answer = await self._send(whole)
            self._digests[script.text] = script.digest
        if isinstance(answer, Exception):
            raise self._refused(answer)
        return answer

    async def close(self) -> None:
        """Close the connection; what still waits fails."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        await self._disconnect()
        self._fail(RedisDown(f"{self.address}: closed"))

    # -- one connection, one packet at a time

    async def _send(self, command: Sequence[Word]) -> Any:
        if self.breaker.open:
            raise RedisDown(f"{self.address} does not answer")
        if len(self._waiting) >= QUEUE_LIMIT:
            raise RedisDown(f"{self.address}: too much waits for it already")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, future))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            if self.breaker.open:
                return self._fail(RedisDown(f"{self.address} does not answer"))
            # Whoever left meanwhile (a client that went away) is not asked for.
            batch: list[tuple[Sequence[Word], asyncio.Future[Any]]] = []
            limit = 1 if self.away else BATCH_LIMIT
            while self._waiting and len(batch) < limit:
                command, future = self._waiting.popleft()
                if not future.done():
                    batch.append((command, future))
            if batch:
                await self._perform(batch)
        return None

    async def _perform(self, batch: Sequence[tuple[Sequence[Word], asyncio.Future[Any]]]) -> None:
        from redis.exceptions import RedisError

        down: RedisDown | None = None
        try:
            async with self._moment():
                answers = await self._exchange([command for command, _ in batch])
        except TimeoutError:
            self._met = True
            down = RedisDown(
                f"{self.address} has not answered within {self._timeout_s * 1000:g} ms"
            )
            down.unknown = True
            self.breaker.silent()
        except (RedisError, OSError) as error:
            down = RedisDown(f"{self.address}: {_reason(self.address, error)}")
            down.unknown = self._connection is not None
            self.breaker.refused()
        except asyncio.CancelledError:
            down = RedisDown(f"{self.address}: closed")
            raise
        else:
            self._met = True
            self.breaker.well()
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        finally:
            if down is not None:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(down)
                await self._disconnect()

    def _moment(self) -> _Moment:
        seconds = self._timeout_s if self._met else max(self._timeout_s, CONNECT_S)
        return _Moment(seconds, CONNECT_PARTS if self._connection is None else PARTS)

    async def _exchange(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        from redis.exceptions import ResponseError

        connection = self._connection
        if connection is None:
            connection = _connection(self.address)
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._connection = connection
        await connection.send_packed_command(connection.pack_commands(commands))
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response(disable_decoding=True))
            except ResponseError as error:
                answers.append(error)
        return answers

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._digests.clear()
        if connection is not None:
            await connection.disconnect(nowait=True)

    def _fail(self, error: RedisDown) -> None:
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)

    def _refused(self, error: Exception) -> StoreError:
        return StoreError(f"{self.address}: {_reason(self.address, error)}")


class _Moment:
    """A time limit that runs only while the event loop turns.

    It is counted in parts, and each looks at what has come before the next one begins. So a loop
    that is late, or stands still for as long as it likes, takes away no more than one part: an
    answer that lies in the socket, unread, is not late.
    """

    def __init__(self, seconds: float, parts: int) -> None:
        self._part_s = seconds / parts
        self._parts = parts
        self._over = False

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._handle: asyncio.Handle = self._loop.call_later(self._part_s, self._next, self._parts)

    def _next(self, left: int) -> None:
        if left > 1:
            self._handle = self._loop.call_later(self._part_s, self._next, left - 1)
        else:
            self._over = True
            self._task.cancel()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._handle.cancel()
        if self._over and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise TimeoutError


class BlockingRedis:
    """A Redis for one thread at a time: the command line, and handlers that run in threads."""

    def __init__(self, address: RedisAddress, *, timeout_s: float = TIMEOUT_S) -> None:
        check_installed()
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.address = address
        self._client = redis.Redis.from_url(
            address.url,
            socket_timeout=timeout_s,
            socket_connect_timeout=max(timeout_s, CONNECT_S),
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def ask(self, *command: Word) -> Any:
        """Run a command. Raises: RedisDown."""
        from redis.exceptions import RedisError

        try:
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            raise RedisDown(f"{self.address}: {_reason(self.address, error)}") from None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _connection(address: RedisAddress) -> AbstractConnection:
    from redis.asyncio.connection import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = ConnectionPool.from_url(
        address.url,
        socket_timeout=None,  # the moment is ours to measure
        socket_connect_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def check_installed() -> None:
    """See that what speaks to it is there, and load it. Raises: StoreError."""
    try:
        import redis.asyncio.connection  # noqa: F401
    except ImportError:
        raise StoreError(
            "Redis needs a package that is not installed: pip install 'dragoman[redis]'"
        ) from None


def _reason(address: RedisAddress, error: BaseException) -> str:
    return address.hide(" ".join(str(error).split())) or type(error).__name__
