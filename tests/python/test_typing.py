"""The type stubs: they say what the extension is (stubtest), and mypy --strict accepts what uses them."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import support

import parapack

TYPING = support.ROOT / "tests" / "typing"
SOURCES = support.ROOT / "python"
# For free-threaded 3.13 there are old releases of mypy only, which take these stubs for something else.
HAS_MYPY = pytest.mark.skipif(
    support.FREE_THREADED
    or subprocess.run([sys.executable, "-c", "import mypy"], capture_output=True).returncode != 0,
    reason="a current mypy is not installed for this interpreter",
)


def run_mypy(module: str, *args: str, cwd: Path) -> None:
    """Run mypy or stubtest on the sources; show its output where it finds something."""
    built = Path(parapack.__file__).absolute().parent.parent
    environment = {**os.environ, "MYPYPATH": str(SOURCES), "PYTHONPATH": str(built)}
    done = subprocess.run(
        [sys.executable, "-m", module, *args], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubs_are_part_of_the_package() -> None:
    package = Path(parapack.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_parapack.pyi").exists()


def test_examples_run() -> None:
    for usage in ("usage.py", "share_usage.py"):
        runpy.run_path(str(TYPING / usage), run_name="__main__")


@HAS_MYPY
@pytest.mark.isolated
def test_stubs_say_what_the_extension_is(tmp_path: Path) -> None:
    modules = ["parapack._parapack", "parapack._exttype", "parapack.exceptions", "parapack.ext"]
    # Before 3.12 Python code cannot see that a type has the buffer protocol.
    allowed = tmp_path / "allowed"
    buffers = ["Packer.__buffer__", "Packer.__release_buffer__", "View.__buffer__"]
    allowed.write_text("".join(f"parapack._parapack.{name}\n" for name in buffers))
    options = ["--concise", "--ignore-disjoint-bases", f"--allowlist={allowed}", "--ignore-unused-allowlist"]
    run_mypy("mypy.stubtest", *options, *modules, cwd=tmp_path)


@HAS_MYPY
@pytest.mark.isolated
def test_examples_type_check(tmp_path: Path) -> None:
    run_mypy("mypy", "--strict", "--cache-dir", str(tmp_path), *map(str, TYPING.glob("*.py")), cwd=TYPING)


@HAS_MYPY
@pytest.mark.isolated
def test_package_type_checks(tmp_path: Path) -> None:
    files = [SOURCES / "parapack" / f"{name}.py" for name in ("__init__", "ext", "exceptions", "_exttype")]
    run_mypy("mypy", "--strict", "--cache-dir", str(tmp_path), *map(str, files), cwd=SOURCES)
