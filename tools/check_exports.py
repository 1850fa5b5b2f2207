"""Checks what a shared library exports.

Usage: check_exports.py library LIBRARY HEADER_DIR EXPORTS_TXT
       check_exports.py extension MODULE

`library`: the library exports exactly the names in EXPORTS_TXT, and the headers declare exactly
those with PP_API. A change of the C API therefore shows in a reviewed file.
`extension`: a CPython extension module exports exactly its PyInit function.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

# What toolchains and sanitizers add by themselves.
FOREIGN = re.compile(r"_init$|_fini$|_edata$|_end$|__bss_start$|__(asan|ubsan|tsan|start|stop|odr_asan)_")

DECLARATION = re.compile(r"^(?:PP_NODISCARD )?PP_API\b[^;{]*?\b(pp_\w+)\s*\(", re.MULTILINE)


def exported(library: Path) -> set[str]:
    """The names of the dynamic symbols that `library` defines."""
    command = ["nm", "--dynamic", "--defined-only", "--format=posix", str(library)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    names = {line.split()[0].split("@")[0] for line in lines}
    return {name for name in names if not FOREIGN.match(name)}


def declared(header_dir: Path) -> set[str]:
    """The functions that the headers declare with PP_API."""
    names: set[str] = set()
    for header in header_dir.rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        names.update(DECLARATION.findall(text))
    return names


def difference(what: str, actual: set[str], expected: set[str]) -> list[str]:
    problems = [f"{what}: unexpected {name}" for name in sorted(actual - expected)]
    return problems + [f"{what}: missing {name}" for name in sorted(expected - actual)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    library = kinds.add_parser("library")
    library.add_argument("library", type=Path)
    library.add_argument("headers", type=Path)
    library.add_argument("exports", type=Path)
    extension = kinds.add_parser("extension")
    extension.add_argument("module", type=Path)
    options = parser.parse_args()

    if options.kind == "library":
        expected = set(options.exports.read_text(encoding="utf-8").split())
        problems = difference(options.library.name, exported(options.library), expected)
        problems += difference("headers", declared(options.headers), expected)
    else:
        name = options.module.name.split(".")[0]
        problems = difference(options.module.name, exported(options.module), {f"PyInit_{name}"})
    print("\n".join(problems) or "exports are as declared")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
