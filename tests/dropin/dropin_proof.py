"""A pytest plugin for the suites of other projects: proves that they ran on Parapack, counts what ran, and
keeps their tests apart.

Loaded by `-p dropin_proof`; writes its findings as JSON to the file that DROPIN_PROOF names.
"""

import json
import logging
import os
import sys
from collections import Counter
from typing import Any

import pytest

import parapack

_NAMES = ("ExtType", "Packer", "Timestamp", "Unpacker", "pack", "packb", "unpack", "unpackb")


class Proof:
    """Counts outcomes and collects whatever is not Parapack's."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.outcomes: Counter[str] = Counter()
        self.skips: set[str] = set()
        self.foreign: set[str] = set()
        self.modules: set[str] = set()
        self.at_start: Any = None

    def pytest_configure(self) -> None:
        import msgpack

        self.at_start = msgpack.Packer
        self.look_at(vars(msgpack), "msgpack")

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        module: Any = getattr(item, "module", None)
        if module is not None and module.__name__ not in self.modules:
            self.modules.add(module.__name__)
            self.look_at(vars(module), module.__name__)

    def look_at(self, namespace: dict[str, Any], where: str) -> None:
        for name in _NAMES:
            value = namespace.get(name)
            # A suite may define a subclass or a function of that name itself; what comes from an msgpack may
            # not.
            origin = str(getattr(value, "__module__", ""))
            if value is not getattr(parapack, name) and origin.split(".")[0] == "msgpack":
                self.foreign.add(f"{where}.{name} is {value!r}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Remove the handlers that earlier tests left at their loggers.

        fluent-logger's leave theirs. Such a handler connects anew with each message to the port that its test
        had, and whose server is there by now then reads from it for ever, be it of this process or another.
        """
        for logger in logging.root.manager.loggerDict.values():
            if isinstance(logger, logging.Logger):
                logger.handlers.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            self.skips.add(f"{report.nodeid}: {report.longrepr[2]}")

    def pytest_sessionfinish(self) -> None:
        import msgpack

        self.look_at(vars(msgpack), "msgpack")
        extension = sys.modules["parapack._parapack"]
        # A suite may put its own subclasses in place (msgpack-numpy does).
        packers = (self.at_start, msgpack.Packer)
        findings = {
            "extension": extension.__file__,
            "packer": f"{self.at_start.__module__}.{self.at_start.__qualname__}",
            "is_parapack": all(issubclass(packer, parapack.Packer) for packer in packers),
            "foreign": sorted(self.foreign),
            "outcomes": dict(self.outcomes),
            "skips": sorted(self.skips),
        }
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(findings, file, indent=2)


def pytest_configure(config: pytest.Config) -> None:
    proof = Proof(os.environ["DROPIN_PROOF"])
    config.pluginmanager.register(proof, "dropin-proof-counter")
    proof.pytest_configure()
