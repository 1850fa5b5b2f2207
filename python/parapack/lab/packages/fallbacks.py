"""Finds compiled parts that a distribution would use if it had them.

Many packages come with compiled modules that do what slower Python code of theirs does as well, and are
installed without those where nobody has built them: the wheel is pure, and nothing says so. Looked for is a
module of the package that is imported inside `try` with `except ImportError` (or wider), that does not exist,
and whose name is one that compiled modules have; the modules of KNOWN; and Python files that say themselves
whether they are compiled (Cython's pure mode) and are not. What the package asks for in vain
when it is imported is observed besides (`observe.Load.missing`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

_NAMES = re.compile(
    r"cyextension$|_?c?(speedups?|accelerat\w*|fast\w*)$|_?(c|cy|rs|rust|ext|cext|native|impl_c|core_c|cython)$"
    r"|_c[a-z]+$|c[A-Z]\w+$|_?\w+_(c|cy|cext|ext|rs|speedups?|native|cython)$|_(helpers|http_parser|http_writer)$"
)
"""What compiled modules with a fallback are called, as far as names tell."""
_PYTHON_NAMES = re.compile(
    r"_(cache\w*|cli|client|cls|cmd|codecs?|collections?|color\w*|commands?|common|compat\w*|config\w*"
    r"|constants?|context\w*|convert\w*|cookie\w*|core|css|csv)$"
)
"""Of those, the names of modules that are most often Python."""

KNOWN = {
    "markupsafe": "markupsafe._speedups",
    "yaml": "yaml._yaml",
    "msgpack": "msgpack._cmsgpack",
    "wrapt": "wrapt._wrappers",
    "multidict": "multidict._multidict",
    "frozenlist": "frozenlist._frozenlist",
    "propcache": "propcache._helpers_c",
    "yarl": "yarl._quoting_c",
    "aiohttp": "aiohttp._http_parser",
    "websockets": "websockets.speedups",
    "simplejson": "simplejson._speedups",
    "coverage": "coverage.tracer",
    "tornado": "tornado.speedups",
    "zope.interface": "zope.interface._zope_interface_coptimizations",
    "lazy_object_proxy": "lazy_object_proxy.cext",
    "google.protobuf": "google._upb._message",
}
"""A compiled module with a fallback, by the package that uses it: where neither source nor name shows it."""

_INDENTED_IMPORT = re.compile(r"^[ \t]+(?:from|import)[ \t]+(.+)", re.MULTILINE)
_ASKS_WHETHER_COMPILED = re.compile(r"^[^#\n\"']*\bcython\.compiled\b", re.MULTILINE)
_WIDE = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_MOST_BYTES = 1 << 20
_LEFT_OUT = {"_vendor", "vendor", "vendored", "test", "tests", "testing"}


def looks_compiled(name: str) -> bool:
    """Whether a module's name is one of those that compiled modules with a fallback have."""
    last = name.rpartition(".")[2]
    return name in KNOWN.values() or (bool(_NAMES.fullmatch(last)) and not _PYTHON_NAMES.fullmatch(last))


def optional_modules(sources: Mapping[str, Path], present: Collection[str]) -> list[str]:
    """The compiled modules that Python sources would use and that are not there.

    `sources` has files by their paths inside the installation ('package/module.py'), `present` the names of
    the extension modules that there are."""
    packages = _modules(sources)
    existing = packages | set(present)
    wanted = {known for package, known in KNOWN.items() if package in packages}
    roots = {name.partition(".")[0] for name in packages}
    compilable = set()
    for inside, path in sources.items():
        if _LEFT_OUT.intersection(PurePosixPath(inside).parts):
            continue
        content = _read(path)
        if _ASKS_WHETHER_COMPILED.search(content):
            compilable.add(module_name(inside))
        wanted.update(
            name
            for name in _attempted(PurePosixPath(inside), content)
            if name.partition(".")[0] in roots and looks_compiled(name)
        )
    return sorted({name for name in wanted if name not in existing} | compilable.difference(present))


def module_name(inside: str) -> str:
    """What a file is called when it is imported, from its path inside the installation."""
    parts = PurePosixPath(inside).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(path: Path) -> str:
    """The text of a file; nothing when it cannot be read, is too long to be written by people, or has no part
    of what is looked for."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) <= _MOST_BYTES and (b"except" in content or b"cython.compiled" in content):
            return content.decode()
    except (OSError, ValueError):
        pass
    return ""


def _modules(sources: Iterable[str]) -> set[str]:
    """The names of modules and packages, from their paths."""
    found = set()
    for inside in sources:
        parts = module_name(inside).split(".")
        for end in range(1, len(parts) + 1):
            found.add(".".join(parts[:end]))
    return found


def _attempted(inside: PurePosixPath, content: str) -> Iterator[str]:
    """Modules that a file imports inside a `try` which survives their absence."""
    if not _may_attempt(content):
        return
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    package = inside.parent.parts
    for statement in _statements(tree):
        if isinstance(statement, ast.Try) and any(map(_survives, statement.handlers)):
            for one in statement.body:
                yield from _imported(one, package)


def _may_attempt(content: str) -> bool:
    """Whether it is worth parsing: something that looks compiled is imported on an indented line."""
    return "except" in content and any(
        looks_compiled(name)
        for match in _INDENTED_IMPORT.finditer(content)
        for name in re.findall(r"\w+", match[1])
    )


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """All statements, those inside others too; without looking into expressions."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inside = getattr(node, name, None)
            if isinstance(inside, list):
                waiting += inside


def _survives(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _WIDE) for kind in kinds)


def _imported(statement: ast.stmt, package: tuple[str, ...]) -> Iterator[str]:
    """The modules that an import statement may mean; `from x import y` may mean x and x.y."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield alias.name
    elif isinstance(statement, ast.ImportFrom):
        base = package[: len(package) - statement.level + 1] if statement.level else ()
        origin = ".".join([*base, *([statement.module] if statement.module else [])])
        if statement.module:
            yield origin
        if not statement.module:
            for alias in statement.names:
                yield f"{origin}.{alias.name}" if origin else alias.name
