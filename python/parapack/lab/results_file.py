"""Reading result files: those that this version writes, and those of earlier ones.

A file is held against the JSON Schema of its own version, by fastjsonschema (`pip install 'parapack[lab]'`).
Fields that the schema does not know are let through: a version may gain some. What an earlier version did
not write is then filled in, as unknown or as what it was at the time.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from parapack.lab import results
from parapack.lab.experiment import Settings
from parapack.lab.results import FORMAT, FORMAT_VERSION, CaseResult, ExperimentResult, Results

OLDEST_VERSION = 1
_UNKNOWN = "unknown"
_LONGEST_QUOTE = 60


class ResultError(Exception):
    """A file is no result that can be read; the message says which file, what is wrong and where."""


def load(path: str | Path) -> Results:
    """Reads a result file of any version so far. Raises ResultError."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise ResultError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ResultError(_directory(Path(path))) from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Results:
    """Reads the content of a result file; `name` is what the messages call it. Raises ResultError."""
    content = _json(data, name)
    version = _version(content, name)
    _validate(content, version, name)
    for earlier in range(version, FORMAT_VERSION):
        _UPGRADES[earlier](content)
    return _results(content, name)


def _directory(path: Path) -> str:
    """What to say to who names a directory."""
    inside = sorted(path.glob("lab-*.json"))
    if not inside:
        return f"{path}: is a directory, without result files in it"
    return f"{path}: is a directory; name a file in it, such as {inside[-1]}"


def _json(data: bytes, name: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ResultError(f"{name}: holds {constant}, which is not JSON")

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultError(f"{name}: is not UTF-8: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise ResultError(f"{name}: is empty")
    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        # A string that is cut off is reported where it begins; of a number or an escape a part can be left.
        rest = text[error.pos :].rstrip()
        if error.msg.startswith("Unterminated string") or re.fullmatch(r"[\w.+\\-]*", rest):
            raise ResultError(f"{name}: ends in the middle, at {where}: it is not complete") from error
        raise ResultError(f"{name}: is not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise ResultError(f"{name}: is no result file: nested too deeply") from error


def _version(content: Any, name: str) -> int:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ResultError(f'{name}: is no result of parapack lab (no "format": "{FORMAT}" in it)')
    version = content.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < OLDEST_VERSION:
        raise ResultError(
            f"{name}: format_version must be a number from {OLDEST_VERSION}, not {_quoted(version)}"
        )
    if version > FORMAT_VERSION:
        raise ResultError(
            f"{name}: has format version {version}, of a later Parapack; this one reads {OLDEST_VERSION} to "
            f"{FORMAT_VERSION}: pip install --upgrade parapack"
        )
    return version


def _validate(content: dict[str, Any], version: int, name: str) -> None:
    try:
        import fastjsonschema
    except ImportError:
        raise ResultError("reading result files needs fastjsonschema: pip install 'parapack[lab]'") from None
    try:
        _validator(version)(content)
    except fastjsonschema.JsonSchemaValueException as error:
        what = re.sub(r"^data\S*\s*", "", error.message)
        raise ResultError(f"{name}: {_path(error.path)} {what}, not {_quoted(error.value)}") from error


@lru_cache
def _validator(version: int) -> Callable[[Any], Any]:
    import fastjsonschema

    made: Callable[[Any], Any] = fastjsonschema.compile(_open(schema(version)), use_default=False)
    return made


def schema(version: int) -> dict[str, Any]:
    """The JSON Schema of a version of the format."""
    if version == FORMAT_VERSION:
        return results.schema()
    text = files("parapack.lab").joinpath(f"results.schema.v{version}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _open(schema: Any) -> Any:
    """The schema without its refusal of fields that it does not know."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = ("additionalProperties", False)
    return {key: _open(value) for key, value in schema.items() if (key, value) != closed}


def _path(parts: list[str]) -> str:
    """Where in the file something is, as in experiments[0].cases[3].samples."""
    steps = [f"[{part}]" if part.isdigit() else f".{part}" for part in parts[1:]]
    return "".join(steps).removeprefix(".") or "the file"


def _quoted(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _from_version_1(content: dict[str, Any]) -> None:
    """Version 1 told of no command line, and less of the machine, the processes and the packages."""
    content.setdefault("command", [])
    machine = content["machine"]
    machine.setdefault("usable_cpus", machine["cpus"])
    for field in ("memory_bytes", "governor", "load_average"):
        machine.setdefault(field, None)
    machine.setdefault("coordinator", {"executable": _UNKNOWN, "version": _UNKNOWN, "parapack": None})
    for name, value in Settings().as_dict().items():
        content["settings"].setdefault(name, list(value) if isinstance(value, tuple) else value)
    for arm in content["arms"]:
        arm.setdefault("again_of", None)
        if "interpreter" in arm:
            arm["interpreter"] = {**_UNTOLD_INTERPRETER, **arm["interpreter"]}
    for experiment in content["experiments"]:
        experiment.setdefault("error", None)
        for case in experiment["cases"]:
            case.setdefault("absent", {})


_UNTOLD_INTERPRETER: dict[str, Any] = {
    "implementation": "CPython",
    "build": _UNKNOWN,
    "compiler": _UNKNOWN,
    "configure_options": None,
    "compiler_options": None,
    "python_variables": {},
    "flags": {},
    "switch_interval": 0.005,
    "platform": _UNKNOWN,
    "machine": _UNKNOWN,
    "cpus": None,
    "usable_cpus": 1,
}
"""What an interpreter of version 1 was in all runs, or did not have to say."""

_UPGRADES: dict[int, Callable[[dict[str, Any]], None]] = {1: _from_version_1}
"""By version: what makes its content that of the next one."""


def _results(content: dict[str, Any], name: str) -> Results:
    arms = {arm["name"] for arm in content["arms"]}
    experiments = []
    for index, one in enumerate(content["experiments"]):
        where = f"{name}: experiments[{index}]"
        cases = [_case(case, arms, f"{where}.cases[{place}]") for place, case in enumerate(one["cases"])]
        made = ExperimentResult(one["name"], cases, one["complete"], one["error"])
        made.seconds = one.get("seconds", 0.0)
        made.processes = one.get("processes", {})
        made.sites = one.get("sites", {})
        made.cut_off = one["cut_off"] if "cut_off" in one else _maybe_cut_off(made, content["finished"])
        experiments.append(made)
    return Results(
        content["settings"],
        content["arms"],
        content["documents"],
        content["missing_documents"],
        experiments,
        content["started"],
        content["finished"],
        content["interrupted"],
        content["command"],
        content["machine"],
        content.get("resumed", []),
    )


def _maybe_cut_off(experiment: ExperimentResult, finished: str | None) -> str | None:
    """The case that may have been cut off where a file does not say so: the last one of an experiment that is
    not complete, when the run wrote the file at its end. While it goes on it only writes whole cases."""
    ended_early = finished is not None and not experiment.complete and experiment.cases
    return experiment.cases[-1].case if ended_early else None


def _case(content: dict[str, Any], arms: set[str], where: str) -> CaseResult:
    if content["arm"] not in arms:
        raise ResultError(f"{where}.arm: no arm of the file is called {_quoted(content['arm'])}")
    for path, value in _figures(content["samples"]):
        if not math.isfinite(value):
            raise ResultError(f"{where}.samples{path} is too large for a number")
    return CaseResult(
        content["case"],
        content["parameters"],
        content["arm"],
        content["samples"],
        content["rejected"],
        content["noisy"],
        content["error"],
        content["absent"],
        content.get("facts", {}),
    )


def _figures(samples: dict[str, dict[str, list[float]]]) -> Iterator[tuple[str, float]]:
    for variant, metrics in samples.items():
        for metric, values in metrics.items():
            for index, value in enumerate(values):
                yield f"[{variant!r}][{metric!r}][{index}]", value
