"""Which distributions an environment has, and what of them is compiled.

Read from metadata and files alone; nothing of what is found is imported.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.metadata
import json
import mmap
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from parapack.lab.packages import fallbacks

_LIBRARY = re.compile(r"\.(so|pyd)$")
_FOREIGN = re.compile(r"\.(cpython-\d+\w*|cp\d+\w*|abi3t?|pypy\d+\w*)[-.]")
_TEST_PARTS = {"test", "tests", "testing"}
_NOT_ROOTS = {"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks"}
_MOST_ROOTS = 8


@dataclass(frozen=True, slots=True)
class Extension:
    """A file that an interpreter can load as a module."""

    name: str
    """With its packages, as `import` takes it."""
    path: str
    tag: str
    """What its name says that it was built for, such as 'cpython-313t-x86_64-linux-gnu' or 'abi3'; '' if
    nothing."""

    @property
    def is_test(self) -> bool:
        """It is there for the package's own tests."""
        parts = self.name.split(".")
        return bool(_TEST_PARTS.intersection(parts)) or bool(re.search(r"_tests?$", parts[-1]))


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution, or (with no version) modules that none of the environment's claims."""

    name: str
    version: str | None
    roots: tuple[str, ...] = ()
    """Its outermost packages and modules."""
    extensions: tuple[Extension, ...] = ()
    foreign: tuple[str, ...] = ()
    """Extension modules made for other interpreters, by their paths in it."""
    libraries: int = 0
    """Shared libraries that are no modules."""
    tags: tuple[str, ...] = ()
    """Of the wheel that it was installed from."""
    optional: tuple[str, ...] = ()
    """Compiled modules that its code would use and that it does not have, see fallbacks."""
    requires: tuple[str, ...] = ()
    """The normalised names of what it depends on without extras."""

    @property
    def compiled(self) -> bool:
        """Whether there is anything to probe: compiled modules, or the lack of them."""
        return bool(self.extensions or self.foreign or self.optional)

    @property
    def modules(self) -> tuple[Extension, ...]:
        """The extension modules without those for its tests."""
        return tuple(one for one in self.extensions if not one.is_test)


@dataclass(frozen=True, slots=True)
class Environment:
    """What an interpreter finds installed."""

    distributions: dict[str, Distribution] = field(default_factory=dict)
    """By normalised name, sorted."""

    @property
    def pure(self) -> list[str]:
        return [one.name for one in self.distributions.values() if not one.compiled]


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def own() -> Environment:
    """What the running interpreter finds on its path, looked for once."""
    return of_path(tuple(sys.path))


def of_path(path: Sequence[str]) -> Environment:
    """What lies in the directories of a path, the standard library's left out."""
    directories = _directories(path)
    found: dict[str, Distribution] = {}
    claimed: set[str] = set()
    for one in importlib.metadata.distributions(path=directories):
        # What stands earlier on the path hides what follows.
        name = one.metadata["Name"]
        if name and normalised(name) not in found:
            files = [file for file in one.files or [] if ".dist-info" not in file.parts[0]]
            claimed.update(_located(one, file) for file in files if _LIBRARY.search(file.name))
            found[normalised(name)] = _describe(one, files)
    for name, extensions in _unclaimed(directories, claimed).items():
        found.setdefault(normalised(name), Distribution(name, None, (name,), tuple(extensions)))
    return Environment(dict(sorted(found.items())))


def _directories(path: Sequence[str]) -> list[str]:
    """The directories of a path that things are installed into, each once."""
    standard = {os.path.realpath(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")}
    standard |= {os.path.join(one, "lib-dynload") for one in standard}
    found = dict.fromkeys(os.path.realpath(entry or os.getcwd()) for entry in path)
    return [entry for entry in found if entry not in standard and os.path.isdir(entry)]


def _located(one: importlib.metadata.Distribution, file: importlib.metadata.PackagePath) -> str:
    return os.path.realpath(str(one.locate_file(file)))


def _describe(
    one: importlib.metadata.Distribution, files: Sequence[importlib.metadata.PackagePath]
) -> Distribution:
    extensions: list[Extension] = []
    foreign: list[str] = []
    libraries = 0
    for file in files:
        if not _LIBRARY.search(file.name) or ".." in file.parts:
            continue
        extension = _extension(file, _located(one, file))
        if extension is not None:
            extensions.append(extension)
        elif _FOREIGN.search(file.name):
            foreign.append(str(file))
        else:
            libraries += 1
    sources = {str(file): Path(str(one.locate_file(file))) for file in files if file.suffix == ".py"}
    return Distribution(
        one.metadata["Name"],
        one.version,
        _roots(files),
        tuple(extensions),
        tuple(foreign),
        libraries,
        tuple(re.findall(r"^Tag: (\S+)", one.read_text("WHEEL") or "", re.MULTILINE)),
        tuple(fallbacks.optional_modules(sources, {extension.name for extension in extensions})),
        tuple(_required(one.requires or [])),
    )


def _extension(file: PurePosixPath, path: str) -> Extension | None:
    """The module in a file, if this interpreter would find one there."""
    suffix = next((one for one in importlib.machinery.EXTENSION_SUFFIXES if file.name.endswith(one)), None)
    if suffix is None:
        return None
    parts = [*file.parent.parts, file.name[: -len(suffix)]]
    if not all(re.fullmatch(r"\w+", part) for part in parts) or not _is_module(path, parts[-1]):
        return None
    if parts[-1] == "__init__":
        parts.pop()
    return Extension(".".join(parts), path, re.sub(r"^\.|\.?(so|pyd)$", "", suffix))


def _is_module(path: str, name: str) -> bool:
    """Whether a shared library has a module's entry point."""
    prefix = "PyInit_" if name.isascii() else "PyInitU_"
    entry = f"{prefix}{name}" if name.isascii() else prefix
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(entry.encode()) >= 0
    except (OSError, ValueError):
        return False


def _roots(files: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The outermost packages and modules that a program imports: not the namespaces that they are in."""
    python = [file for file in files if file.suffix == ".py" or _LIBRARY.search(file.name)]
    packages = {file.parent for file in python if re.match(r"__init__\.(py$|.*so$|.*pyd$)", file.name)}
    outermost = {one for one in packages if not packages.intersection(one.parents)}
    names = {".".join(one.parts) for one in outermost if one.parts}
    names |= {
        file.name.partition(".")[0]
        for file in python
        if len(file.parts) == 1 and (file.suffix == ".py" or _extension_name(file))
    }
    good = [name for name in names if all(re.fullmatch(r"\w+", part) for part in name.split("."))]
    public = [name for name in good if not name.startswith("_") and name not in _NOT_ROOTS]
    return tuple(sorted(public or good)[:_MOST_ROOTS])


def _extension_name(file: PurePosixPath) -> bool:
    return any(file.name.endswith(suffix) for suffix in importlib.machinery.EXTENSION_SUFFIXES)


def _required(requirements: Iterable[str]) -> list[str]:
    names = [re.match(r"[\w.-]+", one) for one in requirements if not re.search(r";.*\bextra\s*==", one)]
    return [normalised(name[0]) for name in names if name]


def _unclaimed(directories: Iterable[str], claimed: set[str]) -> dict[str, list[Extension]]:
    """Extension modules that no metadata lists (those of a source tree on the path), by outermost package."""
    found: dict[str, list[Extension]] = {}
    for directory in directories:
        for place, inside, files in os.walk(directory, followlinks=True):
            # Only packages: below anything else nothing can be imported.
            inside[:] = [name for name in inside if name.isidentifier() and name != "__pycache__"]
            for name in files:
                path = os.path.join(place, name)
                if not _LIBRARY.search(name) or os.path.realpath(path) in claimed:
                    continue
                file = PurePosixPath(os.path.relpath(path, directory))
                extension = _extension(file, path)
                if extension is not None:
                    found.setdefault(extension.name.partition(".")[0], []).append(extension)
    return found


def main() -> None:
    """Prints, for who runs another interpreter, what this one has that is to be probed."""
    found = own().distributions.items()
    print(json.dumps({key: [one.name, len(one.extensions)] for key, one in found if one.compiled}))


def as_facts(one: Distribution) -> dict[str, object]:
    """What is known of a distribution without loading it, for the result file."""
    known = asdict(one)
    for key in ("extensions", "requires"):
        del known[key]
    return known | {"for_tests": [extension.name for extension in one.extensions if extension.is_test]}
