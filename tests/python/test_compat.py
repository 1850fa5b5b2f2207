"""parapack.compat: a whole program gets Parapack when it imports msgpack, and notices nothing else."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import support
from support import Finished, run_python

import parapack.compat

pytestmark = pytest.mark.isolated

WHOSE = "import msgpack; print(msgpack.Packer.__module__)"
FOREIGN_MSGPACK = "class Packer: pass\nclass Unpacker: pass\nversion = (0, 5, 6)\n"


def run_compat(*arguments: str, options: tuple[str, ...] = (), **how: object) -> Finished:
    """python [options] -m parapack.compat ARGUMENTS"""
    return run_python(None, "-m", "parapack.compat", *arguments, options=options, **how)  # type: ignore[arg-type]


@pytest.fixture
def foreign(tmp_path: Path) -> dict[str, str]:
    """An environment in which another package called msgpack comes first on sys.path."""
    package = tmp_path / "foreign" / "msgpack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FOREIGN_MSGPACK)
    (package / "_packer.py").write_text("")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(package.parent), os.environ.get("PYTHONPATH")]))}


class TestInstall:
    def test_the_modules_have_msgpacks_names_and_parapacks_objects(self, foreign: dict[str, str]) -> None:
        run_python(
            """
            import parapack, parapack.exceptions, parapack.ext, parapack.compat
            parapack.compat.install()
            import msgpack, msgpack.exceptions, msgpack.ext, msgpack._cmsgpack, msgpack.fallback
            names = '''Packer Unpacker pack packb unpack unpackb dump dumps load loads ExtType Timestamp
                BufferFull OutOfData FormatError StackError ExtraData UnpackException UnpackValueError
                PackException PackValueError PackOverflowError'''.split()
            for name in names:
                assert getattr(msgpack, name) is getattr(parapack, name), name
            for module in (msgpack._cmsgpack, msgpack.fallback):
                assert module.Packer is parapack.Packer and module.Unpacker is parapack.Unpacker
                assert module.unpackb is parapack.unpackb
            assert msgpack.exceptions.ExtraData is parapack.exceptions.ExtraData
            assert msgpack.ext.Timestamp is parapack.Timestamp and msgpack.ext.ExtType is parapack.ExtType
            assert msgpack.fallback.DEFAULT_RECURSE_LIMIT == 1024
            assert msgpack.version == parapack.version == parapack.compat.API_VERSION == (1, 2, 4)
            assert msgpack.__version__ == "1.2.4"
            assert parapack.compat.installed()
            """,
            env=foreign,
        )

    def test_the_modules_are_ordinary_modules(self, foreign: dict[str, str]) -> None:
        run_python(
            """
            import importlib, importlib.util, pickle, sys, types
            import parapack.compat
            parapack.compat.install()
            import msgpack
            assert type(msgpack) is types.ModuleType
            assert msgpack.__file__ == parapack.__file__
            assert msgpack.__spec__.name == msgpack.__name__ == "msgpack"
            assert msgpack.__path__ is not None and msgpack.__package__ == "msgpack"
            assert msgpack.ext is sys.modules["msgpack.ext"] and msgpack.ext.__package__ == "msgpack"
            assert importlib.util.find_spec("msgpack.fallback") is not None
            assert importlib.reload(msgpack) is msgpack
            del sys.modules["msgpack.ext"]
            import msgpack.ext
            assert msgpack.ext.ExtType is parapack.ExtType
            for missing in ("msgpack._packer", "msgpack.nothing"):
                try:
                    importlib.import_module(missing)
                except ModuleNotFoundError as error:
                    assert error.name == missing
                else:
                    raise AssertionError(missing)
            """,
            env=foreign,
        )

    def test_pickles_made_under_msgpacks_name_load(self) -> None:
        run_python(
            """
            import pickle, parapack.compat
            parapack.compat.install()
            import msgpack
            old = b"cmsgpack.ext\\nExtType\\n(I5\\nS'body'\\ntR."
            loaded = pickle.loads(old, encoding="bytes")
            assert type(loaded) is parapack.ExtType and loaded == (5, b"body"), loaded
            assert pickle.loads(b"cmsgpack.exceptions\\nOutOfData\\n.") is parapack.OutOfData
            for value in (msgpack.ExtType(3, b"x"), msgpack.Timestamp(5, 6)):
                copy = pickle.loads(pickle.dumps(value))
                assert copy == value and type(copy) is type(value)
            """
        )

    def test_programs_that_subclass_and_pass_keywords_on(self) -> None:
        run_python(
            """
            import io, parapack.compat
            parapack.compat.install()
            import msgpack

            class Packer(msgpack.Packer):
                def __init__(self, default=None, *, tag="t", **kwargs):
                    super().__init__(default=default, **kwargs)
                    self.tag = tag

            class Unpacker(msgpack.fallback.Unpacker):
                def __init__(self, *args, count=0, **kwargs):
                    super().__init__(*args, **kwargs)
                    self.count = count

            packer = Packer(default=str, tag="x", use_bin_type=True)
            data = packer.pack([1, {"a": b"b"}, 1j])
            unpacker = Unpacker(io.BytesIO(data), raw=False, count=3)
            assert list(unpacker) == [[1, {"a": b"b"}, "1j"]]
            assert (packer.tag, unpacker.count) == ("x", 3)
            """
        )

    def test_installing_and_uninstalling_twice_is_doing_it_once(self, foreign: dict[str, str]) -> None:
        run_python(
            """
            import sys, parapack.compat
            finders = list(sys.meta_path)
            parapack.compat.uninstall()
            parapack.compat.install()
            import msgpack as first
            parapack.compat.install()
            import msgpack as second
            assert first is second and len(sys.meta_path) == len(finders) + 1
            parapack.compat.uninstall()
            parapack.compat.uninstall()
            assert sys.meta_path == finders and not parapack.compat.installed()
            assert not [name for name in sys.modules if name.split(".")[0] == "msgpack"]
            import msgpack as third
            assert third.version == (0, 5, 6), third
            """,
            env=foreign,
        )

    def test_an_msgpack_imported_before_is_an_error_that_names_it(self, foreign: dict[str, str]) -> None:
        run_python(
            """
            import sys, msgpack, parapack.compat
            before = list(sys.meta_path), msgpack
            try:
                parapack.compat.install()
            except RuntimeError as error:
                assert msgpack.__file__ in str(error) and "force=True" in str(error), error
            else:
                raise AssertionError("installed over another msgpack")
            assert (list(sys.meta_path), sys.modules["msgpack"]) == before
            assert not parapack.compat.installed()
            """,
            env=foreign,
        )

    def test_force_replaces_it_and_uninstall_puts_it_back(self, foreign: dict[str, str]) -> None:
        run_python(
            """
            import sys, msgpack, msgpack._packer, parapack.compat
            theirs, their_packer = msgpack, msgpack._packer
            parapack.compat.install(force=True)
            import msgpack
            assert msgpack is not theirs and msgpack.Packer is parapack.Packer
            assert "msgpack._packer" not in sys.modules
            parapack.compat.uninstall()
            import msgpack, msgpack._packer
            assert msgpack is theirs and msgpack._packer is their_packer
            """,
            env=foreign,
        )

    @pytest.mark.stress
    def test_threads_that_install_and_uninstall_leave_one_state(self) -> None:
        rounds = support.scaled(200)
        run_python(
            f"""
            import sys, threading, parapack.compat
            sys.setswitchinterval(1e-5)
            barrier, errors = threading.Barrier(4), []

            def body():
                try:
                    barrier.wait()
                    for _ in range({rounds}):
                        parapack.compat.install()
                        parapack.compat.uninstall()
                except BaseException as error:
                    errors.append(error)

            finders = list(sys.meta_path)
            threads = [threading.Thread(target=body) for _ in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
            assert not errors, errors
            assert sys.meta_path == finders and "msgpack" not in sys.modules
            """
        )

    def test_the_environment_of_children(self) -> None:
        base = {"PYTHONPATH": "somewhere", "KEEP": "this"}
        once = parapack.compat.child_environment(base)
        assert base == {"PYTHONPATH": "somewhere", "KEEP": "this"}
        assert once["KEEP"] == "this"
        hook, rest = once["PYTHONPATH"].split(os.pathsep)
        assert (Path(hook) / "sitecustomize.py").is_file() and rest == "somewhere"
        assert parapack.compat.child_environment(once) == once

    def test_children_inherit_it_on_request_until_it_is_uninstalled(self, foreign: dict[str, str]) -> None:
        run = run_python(
            f"""
            import os, subprocess, sys, parapack.compat
            before = dict(os.environ)
            child = [sys.executable, "-c", {WHOSE!r}]
            parapack.compat.install()
            print(subprocess.run(child, check=True, capture_output=True, text=True).stdout.strip())
            parapack.compat.install(children=True)
            print(subprocess.run(child, check=True, capture_output=True, text=True).stdout.strip())
            parapack.compat.uninstall()
            assert dict(os.environ) == before, os.environ
            """,
            env=foreign,
        )
        assert run.stdout.split() == ["msgpack", "parapack"]


SHOW = """\
import msgpack, sys
print(msgpack.Packer.__module__, __name__, sys.argv, sys.path[0], sep="|")
"""


class TestRunner:
    def test_a_script_runs_as_python_would_run_it(self, tmp_path: Path, foreign: dict[str, str]) -> None:
        script = tmp_path / "program.py"
        script.write_text(SHOW + "print(__file__)\nassert __spec__ is None\n")
        run = run_compat(str(script), "-v", "--flag=1", "-m", "x", env=foreign)
        arguments = [str(script), "-v", "--flag=1", "-m", "x"]
        assert run.stdout.splitlines() == [f"parapack|__main__|{arguments}|{tmp_path}", str(script)]
        assert run.stderr == ""

    def test_a_module_a_directory_and_standard_input(self, tmp_path: Path, foreign: dict[str, str]) -> None:
        package = tmp_path / "application"
        package.mkdir()
        (package / "__main__.py").write_text(SHOW)
        by_name = run_compat("-m", "application", "a", cwd=tmp_path, env=foreign)
        assert by_name.stdout == f"parapack|__main__|['{package / '__main__.py'}', 'a']|{tmp_path}\n"
        by_path = run_compat(str(package), "a", env=foreign)
        assert by_path.stdout == f"parapack|__main__|['{package}', 'a']|{package}\n"
        by_stream = run_compat("-", "a", stdin=SHOW, env=foreign)
        assert by_stream.stdout == "parapack|__main__|['-', 'a']||\n".replace("||", "|")

    def test_code(self, foreign: dict[str, str]) -> None:
        assert run_compat("-c", SHOW, "a", "b", env=foreign).stdout == "parapack|__main__|['-c', 'a', 'b']|\n"

    @pytest.mark.parametrize(
        ("code", "status"),
        [("pass", 0), ("import sys; sys.exit(7)", 7), ("import sys; sys.exit('no')", 1), ("1 / 0", 1)],
    )
    def test_the_exit_status_is_the_programs(self, code: str, status: int) -> None:
        assert run_compat("-c", code, check=False).returncode == status

    def test_a_signal_ends_the_very_process(self) -> None:
        run = run_compat("-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)", check=False)
        assert run.returncode == -signal.SIGTERM

    def test_a_traceback_shows_the_program_only(self, tmp_path: Path) -> None:
        script = tmp_path / "program.py"
        script.write_text("def f():\n    raise KeyError('lost')\nf()\n")
        run = run_compat(str(script), check=False)
        assert run.returncode == 1
        assert run.stderr.count("  File ") == 2 and "KeyError: 'lost'" in run.stderr
        assert "parapack" not in run.stderr

    @pytest.mark.parametrize(
        "prefix",
        [["-X", "dev", "-m", "parapack.compat"], ["-Bum", "parapack.compat"], ["-Bumparapack.compat"]],
        ids=" ".join,
    )
    def test_the_interpreters_options_are_passed_on(self, prefix: list[str]) -> None:
        code = (
            "import sys; f = sys.flags; "
            "print(f.dev_mode, sys.stdout.write_through, f.dont_write_bytecode, sys.argv)"
        )
        run = run_python(
            None, *prefix, "-c", code, "a", env={"PYTHONDONTWRITEBYTECODE": None, "PYTHONUNBUFFERED": None}
        )
        dev = prefix[0] == "-X"
        assert run.stdout == f"{dev} {not dev} {int(not dev)} ['-c', 'a']\n"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "which program?"),
            (["-m"], "-m needs an argument"),
            (["-c"], "-c needs an argument"),
            (["--verbose", "x.py"], "unknown option --verbose"),
        ],
        ids=repr,
    )
    def test_wrong_usage_is_told_with_status_2(self, arguments: list[str], message: str) -> None:
        run = run_compat(*arguments, check=False)
        assert run.returncode == 2 and run.stdout == ""
        assert message in run.stderr and run.stderr.startswith("usage: ")

    def test_a_missing_script_is_the_interpreters_own_error(self, tmp_path: Path) -> None:
        run = run_compat(str(tmp_path / "missing.py"), check=False)
        assert run.returncode == 2 and "can't open file" in run.stderr

    @pytest.mark.parametrize("option", ["-h", "--help"])
    def test_help(self, option: str) -> None:
        run = run_compat(option)
        assert run.stdout.startswith("usage: ") and "-m MODULE" in run.stdout and run.stderr == ""

    @pytest.mark.parametrize("option", ["-I", "-E"])
    def test_options_that_keep_the_hook_out_are_refused(self, option: str) -> None:
        if os.environ.get("PYTHONPATH"):
            pytest.skip("Parapack is found through PYTHONPATH here, which these options switch off")
        run = run_compat("-c", "print('ran')", options=(option,), check=False)
        assert run.returncode == 2 and "install()" in run.stderr and run.stdout == ""


CHILD_MODULE = """\
import msgpack
def whose(_):
    return msgpack.Packer.__module__
"""


class TestChildren:
    @pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
    def test_multiprocessing(self, method: str, tmp_path: Path, foreign: dict[str, str]) -> None:
        (tmp_path / "child.py").write_text(CHILD_MODULE)
        program = tmp_path / "program.py"
        program.write_text(
            "import child, multiprocessing\n"
            "def main():\n"
            f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
            "        print(set(pool.map(child.whose, range(4))))\n"
            "if __name__ == '__main__':\n"
            "    main()\n"
        )
        assert run_compat(str(program), env=foreign).stdout == "{'parapack'}\n"

    def test_grandchildren(self, foreign: dict[str, str]) -> None:
        inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WHOSE!r}], check=True)"
        outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
        assert run_compat("-c", outer, env=foreign).stdout == "parapack\n"

    @pytest.mark.skipif(sys.version_info < (3, 13), reason="no interpreters with their own GIL to be had")
    def test_subinterpreters(self, foreign: dict[str, str]) -> None:
        if sys.version_info >= (3, 14):
            create = (
                "from concurrent import interpreters; i = interpreters.create(); run = i.exec; end = i.close"
            )
        else:
            create = (
                "import _interpreters as m; i = m.create()\n"
                "def run(code):\n"
                "    problem = m.exec(i, code)\n"
                "    assert problem is None, problem\n"
                "def end(): m.destroy(i)"
            )
        by_hook = run_compat("-c", f"{create}\nrun({WHOSE!r})\nend()", env=foreign)
        assert by_hook.stdout == "parapack\n"
        inside = "import parapack.compat; parapack.compat.install(); " + WHOSE
        assert run_python(f"{create}\nrun({inside!r})\nend()", env=foreign).stdout == "parapack\n"

    def test_the_machines_own_sitecustomize_still_runs(self, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import sys\nsys.custom = __name__, __file__\n")
        path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
        code = "import sys, sitecustomize; print(sys.custom); print(sitecustomize.__file__); " + WHOSE
        run = run_compat("-c", code, env={"PYTHONPATH": path})
        own = str(tmp_path / "sitecustomize.py")
        assert run.stdout.splitlines() == [str(("sitecustomize", own)), own, "parapack"]

    def test_the_hooks_directory_is_not_left_on_sys_path(self) -> None:
        run = run_compat("-c", "import sys; print([p for p in sys.path if p.endswith('_startup')])")
        assert run.stdout == "[]\n"

    @pytest.fixture
    def hook_without_parapack(self, tmp_path: Path) -> str:
        """A copy of the start-up hook from where no Parapack can be found."""
        hook = tmp_path / "lonely" / "package" / "_startup"
        hook.mkdir(parents=True)
        original = parapack.compat.child_environment({})["PYTHONPATH"]
        shutil.copy(Path(original) / "sitecustomize.py", hook)
        return str(hook)

    # -S -s would switch the hook off; a broken extension is found before the installed one instead.
    BROKEN = "raise ImportError('no extension here')\n"

    def test_a_child_without_parapack_warns_and_goes_on(
        self, hook_without_parapack: str, foreign: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "foreign" / "parapack.py").write_text(self.BROKEN)
        path = hook_without_parapack + os.pathsep + foreign["PYTHONPATH"]
        run = run_python(WHOSE, env={"PYTHONPATH": path})
        assert run.stdout == "msgpack\n"
        assert "RuntimeWarning: parapack.compat: Parapack cannot take msgpack's place" in run.stderr
        assert "no extension here" in run.stderr

    def test_the_program_itself_does_not_start_without_parapack(
        self, hook_without_parapack: str, foreign: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "foreign" / "parapack.py").write_text(self.BROKEN)
        path = hook_without_parapack + os.pathsep + foreign["PYTHONPATH"]
        start = (
            "import os, sys; os.environ['PARAPACK_COMPAT_PID'] = str(os.getpid()); "
            f"os.environ['PYTHONPATH'] = {path!r}; "
            "os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])"
        )
        run = run_python(start, check=False)
        assert run.returncode == 1 and run.stdout == ""
        assert run.stderr.startswith("parapack.compat: ") and run.stderr.count("\n") == 1
