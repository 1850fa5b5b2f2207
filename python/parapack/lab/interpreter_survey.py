"""Run by the interpreter in question: what it has of what is asked for, as JSON, without importing any of it.

    python interpreter_survey.py NAME...

Written for every interpreter from 3.11 and by itself: it must not need the package around it.
"""

import json
import os
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

EXTENSIONS = {"parapack": "_parapack"}
"""Packages that are of no use without their extension for this very interpreter."""


def present(name: str) -> bool:
    """Whether a top-level package can be found; for those above, with its extension."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    if name not in EXTENSIONS:
        return True
    places = spec.submodule_search_locations or ()
    files = [EXTENSIONS[name] + suffix for suffix in EXTENSION_SUFFIXES]
    return any(os.path.exists(os.path.join(place, file)) for place in places for file in files)


def survey(names: "list[str]") -> "dict[str, object]":
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    return {"header": os.path.exists(header), "present": [name for name in names if present(name)]}


if __name__ == "__main__":
    sys.path.pop(0)  # where this file lies, whose names are not meant
    print(json.dumps(survey(sys.argv[1:])))
