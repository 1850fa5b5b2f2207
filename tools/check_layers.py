"""Checks who includes whom.

Usage: check_layers.py [SOURCE_ROOT]

The rules are the tables below. An include is judged by what it names: "Python.h" and other CPython
headers, a public header (parapack/X.h), or a header of a core module (MODULE/X.h, or X.h beside the file).
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Which core modules each core module may include, besides itself.
CORE_LAYERS = {
    "base": set(),
    "wire": {"base"},
    "share": {"base"},
    "doc": {"base", "wire", "share"},
}

# Whose interface each public header is, and of which modules each module may include these.
PUBLIC_HEADERS = {
    "base": {"alloc", "buffer", "config", "status"},
    "wire": {"format", "reader", "skip", "timestamp", "utf8", "writer"},
    "share": {"collect", "counter", "dict", "list", "object", "queue", "set", "thread", "value"},
    "doc": {"doc", "tree"},
    "all": {"parapack"},
}
PUBLIC_LAYERS = {module: {module, *below} for module, below in CORE_LAYERS.items()}
PUBLIC_LAYERS["share"].add("wire")  # timestamps and UTF-8
PUBLIC_LAYERS["all"] = set(CORE_LAYERS)
THREADS = {"pthread.h", "threads.h"}
THREADLESS = {"wire", "doc"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
CPYTHON = re.compile(
    r"^(Python|pyconfig|structmember|frameobject|datetime|internal/pycore_.*|cpython/.*)\.h$"
)


def includes(path: Path) -> Iterator[tuple[str, int]]:
    """Every header that `path` includes, with the line."""
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        yield match.group(2), text.count("\n", 0, match.start(1)) + 1


def public_module(header: str) -> str | None:
    """Whose interface a public header (X.h, without parapack/) is."""
    name = header.removesuffix(".h")
    return next((module for module, names in PUBLIC_HEADERS.items() if name in names), None)


def check_include_of_public(module: str, header: str) -> str | None:
    """Whether `module` may include a public header, parapack/X.h."""
    other = public_module(header.removeprefix("parapack/"))
    if other is None:
        return "not a public header that tools/check_layers.py knows"
    return None if other in PUBLIC_LAYERS[module] else f"{module} must not include what is {other}'s"


def check_public(path: Path, header: str) -> str | None:
    """A public header includes those of its layer and of the ones below, and the C standard library only."""
    module = public_module(path.name)
    if module is None:
        return f"{path.name} is not a public header that tools/check_layers.py knows"
    if header.startswith("parapack/"):
        return check_include_of_public(module, header)
    if CPYTHON.match(header):
        return "a public header must not include Python"
    if "/" in header and not header.startswith("sys/"):
        return "a public header may include only public headers"
    if header.endswith("internal.h"):
        return "a public header must not include an internal one"
    return None


def check_core(path: Path, header: str, module: str) -> str | None:
    """A core file includes public headers, its own module's, and those of the layers below."""
    if CPYTHON.match(header):
        return "core must not know Python"
    if header.startswith("../"):
        return "name a header by its module: MODULE/X.h"
    if header in THREADS and module in THREADLESS:
        return f"{module} knows no threads"
    if header.startswith("parapack/"):
        return check_include_of_public(module, header)
    if "/" not in header:
        return None
    other = header.split("/")[0]
    if other in CORE_LAYERS and other != module and other not in CORE_LAYERS[module]:
        return f"{module} must not include {other}"
    if other == "ext":
        return "core must not include the extension"
    return None


def check_extension(path: Path, header: str) -> str | None:
    """The extension includes public headers and its own."""
    if header.startswith("internal/pycore_"):
        return "the extension must not use CPython's internal headers"
    own = (path.parent / header).exists()
    if header.endswith("internal.h") and not own:
        return "the extension must not include a core module's internal header"
    if header.startswith("../"):
        return "name a header by where it is seen from"
    if header.split("/")[0] in CORE_LAYERS and "/" in header:
        return "the extension may include core only through include/parapack"
    return None


def problems(root: Path) -> Iterator[str]:
    def report(path: Path, line: int, header: str, why: str | None) -> Iterator[str]:
        if why is not None:
            yield f"{path.relative_to(root)}:{line}: {header}: {why}"

    for path in sorted((root / "include").rglob("*.h")):
        for header, line in includes(path):
            yield from report(path, line, header, check_public(path, header))
    for path in sorted((root / "core").rglob("*.[ch]")):
        module = path.relative_to(root / "core").parts[0]
        if module not in CORE_LAYERS:
            yield f"{path.relative_to(root)}:1: {module} is not a layer that tools/check_layers.py knows"
            continue
        for header, line in includes(path):
            yield from report(path, line, header, check_core(path, header, module))
    for path in sorted((root / "ext").rglob("*.[ch]")):
        for header, line in includes(path):
            yield from report(path, line, header, check_extension(path, header))


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    if not (root / "core").is_dir():
        print(f"{root} has no core/")
        return 2
    found = list(problems(root))
    print("\n".join(found) or "layers are kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
