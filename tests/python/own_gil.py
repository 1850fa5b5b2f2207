"""For tests with interpreters that have a GIL of their own: when they run, what their snippets begin with."""

import sys

import pytest
from support import FREE_THREADED, SANITIZER

NEEDED = pytest.mark.skipif(sys.version_info < (3, 12), reason="own-GIL interpreters are new in 3.12")
MARKS = [pytest.mark.isolated, NEEDED]

SLOW = bool(SANITIZER) or FREE_THREADED
"""Without a GIL an interpreter takes long to begin and to end."""

HEAD = """
import datetime  # first here: see "Failures of others" in docs/concurrency.md
import sys, threading
try:
    import _interpreters as low
except ImportError:
    import _xxsubinterpreters as low

def create():
    # An interpreter with a GIL and an allocator of its own.
    try:
        return low.create("isolated")
    except TypeError:
        return low.create(isolated=True)

def run(interpreter, code):
    try:
        failed = low.exec(interpreter, code)
    except AttributeError:
        failed = low.run_string(interpreter, code)
    assert failed is None, failed

def in_threads(*calls):
    errors = []
    def body(call):
        try:
            call()
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=body, args=(c,), daemon=True) for c in calls]
    for t in threads: t.start()
    for t in threads: t.join(100)
    assert not errors, errors
    assert not any(t.is_alive() for t in threads), "still running"
"""
"""Defines `low`, `create()`, `run(interpreter, code)`, `in_threads(*calls)`; they raise what went wrong."""

SHARE_HEAD = (
    HEAD
    + """
import pickle, random, time
from parapack import share

def run(interpreter, code, plain_run=run):
    plain_run(interpreter, "from parapack import share\\n" + code)
"""
)
"""The same for live objects, with `share` imported in every interpreter."""
