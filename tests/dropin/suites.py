"""Which suites of other projects are run against Parapack, and how."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """One project's own tests, as its source distribution carries them."""

    distribution: str
    """Its name in sdists.txt."""
    paths: Sequence[str]
    """What pytest is given, relative to the source tree."""
    at_least: int
    """How many tests have to pass: fewer means that something was not collected."""
    needs: Sequence[str] = ()
    """Modules without which the suite is skipped."""
    parallel: bool = False
    """Whether its tests may run in several threads at once (pytest-run-parallel)."""
    options: Sequence[str] = ()
    """What else pytest has to be told; the project's own configuration is not read."""
    attempts: int = 1
    """How often it may be run until it passes: more than once where it waits for times of its own, too short
    for a busy machine, whichever msgpack is there."""
    seconds: int = 800
    """How long one attempt may take; after half of it pytest says where it is."""


SUITES = [
    # The last file is not collected by its own name. It packs 40 MB strings in eight threads through one
    # Packer.
    Suite("msgpack", ["test", "test/uneeded_test_multithreading.py"], at_least=155, parallel=True),
    # Subclasses ExtType, packs with keywords, unpacks from a file. It takes a second, or waits for ever where
    # a connection was not made in time.
    Suite("fluent-logger", ["tests"], at_least=70, attempts=3, seconds=200),
    # Registers packb and unpackb as a serializer.
    Suite(
        "kombu",
        ["t/unit/test_serialization.py"],
        at_least=34,
        needs=("vine", "amqp"),
        options=["-o", "python_classes=test_*"],
    ),
    # Subclasses Packer and Unpacker with every keyword, and puts itself in the place of msgpack's functions.
    Suite("msgpack-numpy", ["tests.py"], at_least=30, needs=("numpy",), parallel=True),
]
