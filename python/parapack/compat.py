"""Run a program that was written for msgpack-python on Parapack, without changing the program.

From inside the program, before anything imports `msgpack`:

    import parapack.compat
    parapack.compat.install()

Or from outside, which also reaches the Python processes and the subinterpreters that the program starts:

    python -m parapack.compat SCRIPT [ARGS...]
    python -m parapack.compat -m MODULE [ARGS...]
    python -m parapack.compat -c CODE [ARGS...]

Afterwards `import msgpack` gives a module with msgpack-python's names whose classes and functions are
Parapack's, and so do `msgpack.exceptions`, `msgpack.ext`, `msgpack._cmsgpack` and `msgpack.fallback`.
msgpack-python need not be installed.

What it cannot reach:

* A module that did `from msgpack import ...` before `install(force=True)` keeps what it has.
* The copy of msgpack that pip carries (`pip._vendor.msgpack`), and other vendored copies.
* Child processes that drop `PYTHONPATH`, or run with `-I`, `-E` or `-S`, or under an interpreter that has no
  Parapack (the last of these says so in a RuntimeWarning and goes on with the msgpack it finds).
* `importlib.metadata.version("msgpack")` tells what is installed; `msgpack.version` tells `API_VERSION`.
* The environment variable MSGPACK_PUREPYTHON has no effect: there is one implementation, `msgpack.fallback`
  included.
"""

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["API_VERSION", "child_environment", "install", "installed", "uninstall"]

API_VERSION = (1, 2, 4)
"""The release of msgpack-python whose interface this is; `msgpack.version` while installed."""

_STARTUP_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_startup")
_MODULE_NAME = "parapack.compat"

# The process that this variable names fails when Parapack cannot be put in place; any other only warns.
_REQUIRED_BY = "PARAPACK_COMPAT_PID"

_EXCEPTIONS = (
    "BufferFull",
    "ExtraData",
    "FormatError",
    "OutOfData",
    "PackException",
    "PackOverflowError",
    "PackValueError",
    "StackError",
    "UnpackException",
    "UnpackValueError",
)
_CODEC = ("Packer", "Unpacker", "unpackb", "ExtType", "Timestamp")
_FUNCTIONS = ("pack", "packb", "unpack", "dump", "dumps", "load", "loads")

# Module of msgpack-python -> (the module of ours that it is made from, the names taken over).
_SURFACE: dict[str, tuple[str, tuple[str, ...]]] = {
    "msgpack": ("parapack", _CODEC + _FUNCTIONS + _EXCEPTIONS),
    "msgpack.exceptions": ("parapack.exceptions", _EXCEPTIONS),
    "msgpack.ext": ("parapack.ext", ("ExtType", "Timestamp")),
    "msgpack._cmsgpack": ("parapack", _CODEC + _EXCEPTIONS),
    "msgpack.fallback": ("parapack", _CODEC + _EXCEPTIONS),
}
_CONSTANTS: dict[str, dict[str, object]] = {
    "msgpack": {"version": API_VERSION, "__version__": ".".join(map(str, API_VERSION))},
    "msgpack.fallback": {"DEFAULT_RECURSE_LIMIT": 1024},
}


class _CompatLoader(Loader):
    """Fills a module called msgpack or msgpack.X with Parapack's objects."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None  # an ordinary module

    def exec_module(self, module: ModuleType) -> None:
        source_name, names = _SURFACE[module.__name__]
        source = importlib.import_module(source_name)
        module.__doc__ = f"Parapack under the name of {module.__name__} (see parapack.compat)."
        for name in names:
            setattr(module, name, getattr(source, name))
        for name, value in _CONSTANTS.get(module.__name__, {}).items():
            setattr(module, name, value)


class _CompatFinder(MetaPathFinder):
    """Answers for msgpack and the four submodules, for as long as it is on sys.meta_path."""

    def __init__(self) -> None:
        self.loader = _CompatLoader()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _SURFACE:
            return None
        source = importlib.import_module(_SURFACE[fullname][0])
        spec = ModuleSpec(fullname, self.loader, origin=source.__file__, is_package=fullname == "msgpack")
        spec.has_location = True  # gives the module a __file__, by which a program can tell whose it is
        return spec


# Guards the two below, sys.meta_path and sys.modules against another install or uninstall.
_lock = threading.Lock()
_finder: _CompatFinder | None = None
_replaced: dict[str, ModuleType] = {}


def install(*, force: bool = False, children: bool = False) -> None:
    """Make `import msgpack` give Parapack in this interpreter. Installing twice is installing once.

    force: replace an msgpack that is imported already. Modules that took names out of it keep those.
    children: also put the start-up hook on PYTHONPATH in `os.environ`, so that Python processes started from
        now on (multiprocessing's spawn and forkserver, subprocess, Dask's nannies) install it before their
        first line. `python -m parapack.compat` does that by itself.

    Raises RuntimeError when another msgpack has been imported and `force` is false, ImportError when
    Parapack's extension does not load; nothing is changed then.

    Threads: may be called from any thread; a thread that imports msgpack at the same time gets one or the
    other, so install first. Each interpreter has its own modules: call it in each subinterpreter, except
    where the process was started by `python -m parapack.compat`, whose hook runs in new subinterpreters too.
    """
    global _finder
    with _lock:
        if _finder is None:
            # Whatever can fail does so before anything is changed.
            for source, _ in _SURFACE.values():
                importlib.import_module(source)
            foreign = _imported_msgpack()
            if foreign and not force:
                file = getattr(foreign.get("msgpack"), "__file__", None) or next(iter(foreign))
                raise RuntimeError(
                    f"msgpack is already imported from {file}; call parapack.compat.install() before "
                    "anything imports msgpack, or install(force=True) to replace it for the imports to come"
                )
            _put_in_place(foreign)
        if children:
            os.environ.update(child_environment({"PYTHONPATH": os.environ.get("PYTHONPATH", "")}))


def _put_in_place(foreign: dict[str, ModuleType]) -> None:
    global _finder
    for name in foreign:
        del sys.modules[name]
    finder = _CompatFinder()
    sys.meta_path.insert(0, finder)
    try:
        for name in _SURFACE:
            importlib.import_module(name)
    except BaseException:
        _take_away(finder, foreign)
        raise
    _finder = finder
    _replaced.update(foreign)


def uninstall() -> None:
    """Undo `install()`: later imports find msgpack-python again, if it is there.

    Does nothing when not installed. An msgpack that `install(force=True)` replaced is put back, and the
    start-up hook leaves PYTHONPATH. Modules that have imported msgpack meanwhile keep Parapack. Threads: as
    `install`.
    """
    global _finder
    with _lock:
        if _finder is None:
            return
        _take_away(_finder, _replaced)
        _replaced.clear()
        _finder = None
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if _STARTUP_DIRECTORY in paths:
            remaining = [path for path in paths if path != _STARTUP_DIRECTORY]
            if remaining:
                os.environ["PYTHONPATH"] = os.pathsep.join(remaining)
            else:
                del os.environ["PYTHONPATH"]


def _take_away(finder: _CompatFinder, put_back: Mapping[str, ModuleType]) -> None:
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
    for name in _SURFACE:
        if _is_ours(sys.modules.get(name)):
            del sys.modules[name]
    for name, module in put_back.items():
        sys.modules.setdefault(name, module)


def installed() -> bool:
    """Whether `import msgpack` gives Parapack in this interpreter (by `install` or by the start-up hook)."""
    return _finder is not None and _is_ours(sys.modules.get("msgpack"))


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of `environ` (default: `os.environ`) under which Python starts with Parapack installed.

    For `subprocess.Popen(..., env=...)`. It puts a directory with a `sitecustomize` module first on
    PYTHONPATH; a `sitecustomize` of the machine's own runs after it.
    """
    result = dict(os.environ if environ is None else environ)
    paths = [path for path in result.get("PYTHONPATH", "").split(os.pathsep) if path]
    if _STARTUP_DIRECTORY not in paths:
        paths.insert(0, _STARTUP_DIRECTORY)
    result["PYTHONPATH"] = os.pathsep.join(paths)
    return result


def _imported_msgpack() -> dict[str, ModuleType]:
    """What is in sys.modules under msgpack's names and is not ours."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if (name == "msgpack" or name.startswith("msgpack.")) and not _is_ours(module)
    }


def _is_ours(module: ModuleType | None) -> bool:
    return isinstance(getattr(module, "__loader__", None), _CompatLoader)


_USAGE = """\
usage: python [OPTIONS] -m parapack.compat SCRIPT [ARGS...]
       python [OPTIONS] -m parapack.compat -m MODULE [ARGS...]
       python [OPTIONS] -m parapack.compat -c CODE [ARGS...]
       python [OPTIONS] -m parapack.compat - [ARGS...]"""

_HELP = f"""\
{_USAGE}

Run a Python program with Parapack in place of msgpack-python. The program is not changed: it runs exactly as
`python [OPTIONS] SCRIPT [ARGS...]` would run it, and so do the Python processes it starts.

  SCRIPT       a file, a directory or a zip file with a __main__.py
  -m MODULE    a module or package, as for python -m
  -c CODE      the program itself
  -            the program is read from standard input
  -h, --help   show this text

examples:
  python -m parapack.compat service.py --port 8080
  python -m parapack.compat -m pytest tests
  python -m parapack.compat -m distributed.cli.dask_worker tcp://scheduler:8786"""


def main(arguments: Sequence[str]) -> str | int:
    """Replace this process by the program, under the start-up hook; the return value is for `sys.exit`.

    The process is replaced (same process id) so that everything about the program is the interpreter's own
    doing: `__main__`, `sys.argv`, `sys.path[0]`, tracebacks, exit status. Returns only on wrong usage.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        print(_HELP)
        return 0
    problem = _usage_problem(arguments)
    if problem:
        print(f"{_USAGE}\nparapack.compat: error: {problem}", file=sys.stderr)
        return 2
    environment = child_environment()
    environment[_REQUIRED_BY] = str(os.getpid())
    command = [sys.executable, *_interpreter_options(), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(sys.executable, command, environment)
    except OSError as error:
        print(f"parapack.compat: error: cannot run {sys.executable}: {error.strerror}", file=sys.stderr)
        return 1


def _usage_problem(arguments: Sequence[str]) -> str | None:
    if sys.flags.isolated or sys.flags.ignore_environment or sys.flags.no_site:
        return (
            "under the interpreter's options -I, -E and -S nothing can be put in place from outside; "
            "call parapack.compat.install() in the program instead"
        )
    if not arguments:
        return "which program? Give a SCRIPT, -m MODULE or -c CODE"
    option = arguments[0]
    if option in ("-m", "-c") and len(arguments) == 1:
        return f"{option} needs an argument"
    if option.startswith("-") and option != "-" and option[:2] not in ("-m", "-c"):
        return f"unknown option {option} (the interpreter's own options go before -m {_MODULE_NAME})"
    return None


def _interpreter_options() -> list[str]:
    """What stood between the interpreter and `-m parapack.compat` on the command line."""
    head = sys.orig_argv[1 : len(sys.orig_argv) - (len(sys.argv) - 1)]
    # The interpreter takes "-m NAME", "-mNAME", and both behind other letters: "-um NAME".
    if len(head) >= 2 and head[-1] == _MODULE_NAME and head[-2].endswith("m"):
        letters = head[-2][:-1]
        head = head[:-2]
    elif head and head[-1].endswith("m" + _MODULE_NAME):
        letters = head[-1][: -len("m" + _MODULE_NAME)]
        head = head[:-1]
    else:
        return []
    return head if letters == "-" else [*head, letters]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
