"""The open-loop client: sends requests on a schedule, whether or not earlier ones have been answered.

A script of its own with the standard library alone, so that one interpreter loads the servers of all arms.
Its argument is the task as JSON (`Task`), its only line of output the result as JSON (`Result`).

A closed loop, such as wrk's, waits for an answer before it asks again: while the server stands still it asks
nothing, and its latencies miss what users would have waited (coordinated omission). Here request i belongs
to the time start + i / rate, and its latency counts from then, whatever it had to wait for: a connection, or
this client itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import selectors
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field

WARM_UP = 4


@dataclass(frozen=True, slots=True)
class Task:
    """What to ask, and how often."""

    host: str
    port: int
    page: str
    rate: float
    """Requests a second."""
    seconds: float
    connections: int = 64
    """At most so many at a time; beyond that requests wait for one."""
    timeout: float = 2.0
    """Seconds after its scheduled time at which a request is given up."""


@dataclass(slots=True)
class Result:
    """What came of it."""

    scheduled: int = 0
    warm_up: int = 0
    """Requests before the schedule, which count nowhere else."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of each request that was answered."""
    timeouts: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    """Requests that failed otherwise, by reason."""
    retries: int = 0
    """Requests sent again because the server had meanwhile closed an idle connection."""
    lags_ms: list[float] = field(default_factory=list)
    """How late this client came to each scheduled time: its own part in the latencies."""


class BadAnswer(Exception):
    """An answer that is no success, or cannot be understood."""


class Connection:
    """A connection that is kept open where the server allows it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.used = False
        self.open = True

    async def ask(self, request: bytes) -> None:
        """Sends a request and reads all of the answer. Raises BadAnswer, OSError or EOFError."""
        self._writer.write(request)
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        self.used = True
        self.open = status.startswith("HTTP/1.1") and headers.get("connection", "").lower() != "close"
        if "content-length" in headers:
            await self._reader.readexactly(int(headers["content-length"]))
        elif self.open:
            self.open = False
            raise BadAnswer("an answer without its length")
        else:
            await self._reader.read()
        if status.split(" ")[1] != "200":
            raise BadAnswer(f"status {status.split(' ', 1)[1]}")

    @property
    def usable(self) -> bool:
        return self.open and not self._reader.at_eof()

    def close(self) -> None:
        self.open = False
        self._writer.close()


class Client:
    """Asks for one page on a schedule."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._result = Result()
        self._errors: Counter[str] = Counter()
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(task.connections)
        self._request = f"GET {task.page} HTTP/1.1\r\nHost: {task.host}:{task.port}\r\n\r\n".encode()

    async def run(self) -> Result:
        """Warms up, keeps the schedule, and waits for the last answers."""
        loop = asyncio.get_running_loop()
        for _ in range(WARM_UP):
            async with asyncio.timeout(self._task.timeout):
                await self._ask()
            self._result.warm_up += 1
        under_way: set[asyncio.Task[None]] = set()
        count = max(1, round(self._task.rate * self._task.seconds))
        start = loop.time() + 0.01
        for number in range(count):
            scheduled = start + number / self._task.rate
            if (early := scheduled - loop.time()) > 0:
                await asyncio.sleep(early)
            elif not number % 16:
                await asyncio.sleep(0)
            self._result.lags_ms.append(1e3 * (loop.time() - scheduled))
            asking = loop.create_task(self._perform(scheduled))
            under_way.add(asking)
            asking.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)
        for connection in self._idle:
            connection.close()
        self._result.scheduled = count
        self._result.errors = dict(self._errors)
        return self._result

    async def _perform(self, scheduled: float) -> None:
        """One scheduled request; writes down what came of it."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(scheduled + self._task.timeout):
                async with self._free:
                    await self._ask()
        except TimeoutError:
            self._result.timeouts += 1
        except BadAnswer as error:
            self._errors[str(error)] += 1
        except (OSError, EOFError) as error:
            self._errors[type(error).__name__] += 1
        else:
            self._result.latencies_ms.append(1e3 * (loop.time() - scheduled))

    async def _ask(self) -> None:
        """Asks on an idle connection, or on a new one.

        A server may close an idle connection just as a request comes: that is asked again, as browsers do."""
        while True:
            connection = await self._connection()
            old = connection.used
            try:
                await connection.ask(self._request)
            except (OSError, EOFError):
                connection.close()
                if old and not self._task_is_over():
                    self._result.retries += 1
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            if connection.usable:
                self._idle.append(connection)
            else:
                connection.close()
            return

    @staticmethod
    def _task_is_over() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return Connection(*await asyncio.open_connection(self._task.host, self._task.port))


def main() -> None:
    """Performs the task in the last argument."""
    task = Task(**json.loads(sys.argv[-1]))
    # Its own collections would delay requests; it lives for seconds.
    gc.disable()

    async def run() -> Result:
        return await Client(task).run()

    # select() waits with a resolution of microseconds, epoll in asyncio with one of milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    try:
        result = loop.run_until_complete(run())
    except (OSError, EOFError, BadAnswer) as error:
        sys.exit(f"cannot ask {task.host}:{task.port} for {task.page}: {type(error).__name__} {error}")
    finally:
        loop.close()
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
