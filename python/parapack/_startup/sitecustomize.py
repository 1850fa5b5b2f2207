"""Start-up hook: puts Parapack in msgpack's place before a program's first line.

`python -m parapack.compat` and `parapack.compat.child_environment()` put this file's directory on PYTHONPATH,
and the interpreter imports `sitecustomize` as it starts, in child processes and in subinterpreters too.
Written for whatever Python a child may be, hence without anything newer than Python 3.
"""

import importlib.machinery
import importlib.util
import os
import sys
import warnings


def install_parapack(package_parent):
    """Install it; the directory it lies in goes last on sys.path where nothing there leads to it."""
    try:
        import parapack.compat
    except ImportError:
        sys.path.append(package_parent)
        try:
            import parapack.compat
        except BaseException:
            sys.path.remove(package_parent)
            raise
    parapack.compat.install()


def run_next_sitecustomize(own_directory):
    """Run the sitecustomize that this one hides."""
    elsewhere = [path for path in sys.path if os.path.abspath(path) != own_directory]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def main():
    own_directory = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != own_directory]
    required = os.environ.pop("PARAPACK_COMPAT_PID", None) == str(os.getpid())
    try:
        install_parapack(os.path.dirname(os.path.dirname(own_directory)))
    except Exception as error:
        message = "parapack.compat: Parapack cannot take msgpack's place in {}: {!r}".format(  # noqa: UP032
            sys.executable, error
        )
        if required:
            # An exception or sys.exit would end the process too, with a page of the interpreter's tracebacks.
            sys.stderr.write(message + "\n")
            sys.stderr.flush()
            os._exit(1)
        warnings.warn(message, RuntimeWarning, stacklevel=1)
    run_next_sitecustomize(own_directory)


main()
