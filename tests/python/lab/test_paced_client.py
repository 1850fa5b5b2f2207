"""The open-loop client against servers that do what they are told: answer, stand still, fail, hang up."""

import contextlib
import socket
import sys
import threading
import time

import pytest
import support

from parapack.lab.web import load, paced

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
    pytest.mark.skipif(bool(support.SANITIZER), reason="nothing of it is instrumented"),
]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Stub:
    """A server with a thread for each connection, which calls `answer(connection, number)` per request."""

    def __init__(self, answer):
        self._answer = answer
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open = []
        self.port = self._listener.getsockname()[1]
        self.requests = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        waiting = b""
        with contextlib.suppress(OSError):
            while more := connection.recv(65536):
                waiting += more
                while b"\r\n\r\n" in waiting:
                    _, _, waiting = waiting.partition(b"\r\n\r\n")
                    with self._lock:
                        self.requests += 1
                        number = self.requests
                    self._answer(connection, number)


def ask(answer, rate=100.0, seconds=1.0, timeout=20.0, connections=64):
    stub = Stub(answer)
    try:
        task = paced.Task("127.0.0.1", stub.port, "/", rate, seconds, connections, timeout)
        result = load.run_paced(sys.executable, task)
    finally:
        stub.close()
    assert result.scheduled == round(rate * seconds)
    failed = sum(result.errors.values())
    assert len(result.latencies_ms) + result.timeouts + failed == result.scheduled
    return result, stub


def test_every_request_is_answered_and_counted():
    result, stub = ask(lambda connection, _: connection.sendall(OK), rate=200.0)
    assert len(result.latencies_ms) == 200
    assert result.warm_up == paced.WARM_UP
    assert stub.requests == 200 + paced.WARM_UP
    # Connections are kept, and opened only where none is free.
    assert stub.connections < 100
    assert min(result.latencies_ms) > 0
    assert len(result.lags_ms) == 200
    figures = load.paced_figures(result, 2.0)
    assert figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"] <= figures["max_ms"]


def test_a_server_that_stands_still_delays_all_that_was_due_meanwhile():
    """A closed loop would have sent one request in that time, and seen one slow answer."""
    still = threading.Lock()

    def answer(connection, number):
        with still:
            if number == paced.WARM_UP + 20:
                time.sleep(0.5)
        connection.sendall(OK)

    result, _ = ask(answer)
    slow = [latency for latency in result.latencies_ms if latency > 100]
    assert len(slow) >= 35
    assert max(result.latencies_ms) >= 490


def test_requests_that_wait_for_a_connection_count_from_when_they_were_due():
    def answer(connection, _):
        time.sleep(0.05)
        connection.sendall(OK)

    # One connection serves 20 a second; the last of 50 asked for within half a second waits for two.
    result, stub = ask(answer, seconds=0.5, connections=1)
    assert stub.connections == 1
    assert max(result.latencies_ms) > 1500


def test_time_outs_count_as_long_as_they_took():
    def answer(connection, number):
        if number <= paced.WARM_UP or number % 2:
            connection.sendall(OK)

    result, _ = ask(answer, rate=40.0, seconds=0.5, timeout=0.8)
    assert result.timeouts == 10
    figures = load.paced_figures(result, 0.8)
    assert figures["timeouts"] == 10
    assert figures["max_ms"] == 800
    assert figures["p99_ms"] == 800


def test_answers_that_are_no_success_are_errors_by_their_status():
    def answer(connection, number):
        bad = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(OK if number <= paced.WARM_UP or number % 4 else bad)

    result, _ = ask(answer, rate=40.0, seconds=0.5)
    assert result.errors == {"status 503 Service Unavailable": 5}
    assert len(result.latencies_ms) == 15


def test_a_server_that_closes_each_connection():
    def answer(connection, _):
        connection.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nok")
        connection.shutdown(socket.SHUT_RDWR)

    result, stub = ask(answer, seconds=0.3)
    assert result.errors == {}
    assert stub.connections == 30 + paced.WARM_UP


def test_a_request_on_a_connection_that_was_just_closed_is_sent_again():
    def answer(connection, number):
        if number == paced.WARM_UP + 5:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(OK)

    result, stub = ask(answer, seconds=0.2, connections=1)
    assert result.errors == {}
    assert result.retries == 1
    assert stub.requests == 20 + paced.WARM_UP + 1


def test_a_server_that_hangs_up_without_an_answer():
    def answer(connection, number):
        if number > paced.WARM_UP:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(OK)

    result, _ = ask(answer, seconds=0.2)
    assert result.latencies_ms == []
    assert sum(result.errors.values()) == 20
    assert "p50_ms" not in load.paced_figures(result, 2.0)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "an answer without its length"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404 Not Found"),
    ],
)
def test_a_server_that_cannot_be_measured_is_an_error_that_says_why(answer, why):
    with pytest.raises(load.LoadFailed, match=f"cannot ask .* for /: BadAnswer {why}"):
        ask(lambda connection, _: connection.sendall(answer))


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(load.LoadFailed, match=f"cannot ask 127.0.0.1:{port} for /: ConnectionRefusedError"):
        load.run_paced(sys.executable, paced.Task("127.0.0.1", port, "/", 10.0, 0.1))


def test_an_interpreter_that_is_not_there():
    with pytest.raises(load.LoadFailed, match=r"^/no/such/python: "):
        load.run_paced("/no/such/python", paced.Task("127.0.0.1", 1, "/", 10.0, 0.1))
