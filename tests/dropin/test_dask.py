"""A real Dask scheduler and two workers run on Parapack, and say so from inside the workers."""

import re
from pathlib import Path

import pytest
import support

import parapack._parapack

EXAMPLE = support.ROOT / "examples" / "dask_cluster.py"
WORKER = re.compile(
    r"tcp://127\.0\.0\.1:\d+ \(process (\d+)\): (\d+) messages unpacked by parapack from (.*)"
)

# Without the example's own call of install(): a program that knows nothing of Parapack.
PLAIN = """
import distributed, distributed.protocol.core as protocol

def whose():
    import distributed.protocol.core as protocol
    return protocol.msgpack.Packer.__module__

if __name__ == "__main__":
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", scheduler_port=0, dashboard_address="127.0.0.1:0"
    ) as cluster, distributed.Client(cluster) as client:
        print(protocol.msgpack.Packer.__module__, *client.run(whose).values())
        print(client.submit(sum, [1, 2, 3]).result())
"""

# A busy machine takes longer to start three processes than Dask waits for.
PATIENT = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "300s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "300s",
}

pytestmark = [pytest.mark.isolated, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def needs_distributed() -> None:
    pytest.importorskip("distributed", reason="distributed is not installed for this interpreter")


def test_the_example_proves_that_the_workers_run_on_parapack(tmp_path: Path) -> None:
    run = support.run_python(None, str(EXAMPLE), env=PATIENT, cwd=tmp_path, timeout=800)
    workers = WORKER.findall(run.stdout)
    assert len(workers) == 2, str(run)
    assert len({process for process, _, _ in workers}) == 2
    for _, messages, extension in workers:
        assert int(messages) > 0
        assert Path(extension).samefile(parapack._parapack.__file__)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_knows_nothing_of_parapack(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PLAIN)
    scratch = {**PATIENT, "DASK_TEMPORARY_DIRECTORY": str(tmp_path)}
    run = support.run_python(
        None, "-m", "parapack.compat", str(program), env=scratch, cwd=tmp_path, timeout=800
    )
    assert run.stdout.split() == ["parapack", "parapack", "parapack", "6"], str(run)
