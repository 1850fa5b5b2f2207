"""A Dask scheduler and two workers on loopback whose messages Parapack packs, without a change to Dask.

    python examples/dask_cluster.py

The workers are processes of their own. Each tells which MessagePack it runs on, and how much of it this
computation used, so that nobody has to believe it. The same without a line of code: `python -m
parapack.compat PROGRAM`.
"""

import sys
import tempfile
from collections.abc import Callable
from typing import Any

import parapack.compat

# Before anything imports msgpack; `children` reaches the worker processes too.
parapack.compat.install(children=True)

import distributed  # noqa: E402


def count_calls() -> None:
    """Count, from now on, the messages that this worker takes apart.

    Runs inside a worker. Dask looks the function up at each message, so a wrapper in the module is enough.
    """
    import msgpack

    original: Callable[..., Any] = msgpack.loads

    def counted(*arguments: Any, **options: Any) -> Any:
        counted.calls += 1  # type: ignore[attr-defined]
        return original(*arguments, **options)

    counted.calls = 0  # type: ignore[attr-defined]
    msgpack.loads = counted


def describe_worker() -> dict[str, Any]:
    """Which MessagePack this worker has. Runs inside a worker."""
    import os

    import distributed.protocol.core as protocol

    import parapack._parapack

    return {
        "pid": os.getpid(),
        "module": protocol.msgpack.__file__,
        "packer": protocol.msgpack.Packer.__module__,
        "extension": parapack._parapack.__file__,
        "messages": protocol.msgpack.loads.calls,
    }


def histogram(numbers: list[int]) -> dict[str, int]:
    """How often each last digit occurs."""
    counts = {str(digit): 0 for digit in range(10)}
    for number in numbers:
        counts[str(number % 10)] += 1
    return counts


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as scratch,
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            scheduler_port=0,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            local_directory=scratch,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(count_calls)
        batches = [list(range(start, start + 1000)) for start in range(0, 40_000, 1000)]
        counts = client.gather(client.map(histogram, batches))
        total = sum(sum(count.values()) for count in counts)
        workers = client.run(describe_worker)
    print(f"{len(batches)} tasks counted {total} numbers on {len(workers)} workers")
    for address, facts in workers.items():
        print(
            f"{address} (process {facts['pid']}): {facts['messages']} messages unpacked by "
            f"{facts['packer']} from {facts['extension']}"
        )
    served = all(facts["packer"] == "parapack" and facts["messages"] > 0 for facts in workers.values())
    return 0 if served and total == 40_000 and len(workers) == 2 else 1


if __name__ == "__main__":
    sys.exit(main())
