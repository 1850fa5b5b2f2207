"""Fetches the source distributions named in sdists.txt and unpacks them under build/dropin.

    python tests/dropin/sdists.py

pip downloads and checks the hashes. A second run finds everything there and uses no network. Processes that
run it at the same time do not disturb each other: each unpacks to a directory of its own and renames it into
place.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("sdists.txt")
CACHE = ROOT / "build" / "dropin"


def pinned() -> dict[str, str]:
    """The pins: name -> version."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", PINS.read_text(), flags=re.MULTILINE))


def source_tree(name: str) -> Path:
    """The unpacked source of one pinned distribution, fetched when it is not there yet.

    Raises subprocess.CalledProcessError when pip cannot fetch it or a hash differs; pip's own words are on
    stderr.
    """
    tree = CACHE / f"{name}-{pinned()[name]}"
    if not tree.is_dir():
        fetch()
    return tree


def fetch() -> None:
    """Download and unpack whatever is missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    missing = {
        name: version for name, version in pinned().items() if not (CACHE / f"{name}-{version}").is_dir()
    }
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fetch-") as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-binary", ":all:", "--require-hashes"]
        subprocess.run([*command, "--requirement", str(PINS), "--dest", scratch], check=True)
        for name, version in missing.items():
            _unpack(_archive(Path(scratch), name, version), CACHE / f"{name}-{version}")


def _archive(directory: Path, name: str, version: str) -> Path:
    """A source archive spells its name with '-' or '_' as its build tool likes."""
    pattern = re.compile(re.sub(r"[-_.]", "[-_.]", name) + "-" + re.escape(version) + r"\.tar\.gz")
    return next(path for path in directory.iterdir() if pattern.fullmatch(path.name))


def _unpack(archive: Path, tree: Path) -> None:
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="unpack-") as scratch:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        (top,) = Path(scratch).iterdir()
        try:
            top.rename(tree)
        except OSError:
            if not tree.is_dir():  # otherwise another process was first
                raise
            shutil.rmtree(top)


if __name__ == "__main__":
    fetch()
    for package, release in pinned().items():
        print(CACHE / f"{package}-{release}")
