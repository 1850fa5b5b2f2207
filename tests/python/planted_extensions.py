"""Packages with extension modules that do right and wrong, built by the tests with the C compiler.

Each is written as pip would have installed it: its files, and a dist-info directory.
"""

import shutil
import subprocess
import sysconfig
import textwrap
from pathlib import Path

COMPILER = shutil.which("cc") or shutil.which("gcc")

_SOURCE = r"""
#include <Python.h>
#include <signal.h>
#include <unistd.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

static int execute(PyObject *module)
{
    (void)module;
    EXECUTE
    return 0;
}

#ifdef SINGLE_PHASE
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = TEXT(NAME), .m_size = -1};
PyMODINIT_FUNC JOIN(PyInit_, NAME)(void)
{
    (void)execute;
    return PyModule_Create(&definition);
}
#else
static struct PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if defined(DECLARES) && defined(Py_mod_gil)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
#if defined(DECLARES) && defined(Py_mod_multiple_interpreters)
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = TEXT(NAME), .m_slots = slots};
PyMODINIT_FUNC JOIN(PyInit_, NAME)(void)
{
    return PyModuleDef_Init(&definition);
}
#endif
"""

CRASH = "raise(SIGSEGV);"
HANG = "for (;;) { sleep(1000); }"
RAISE = 'PyErr_SetString(PyExc_RuntimeError, "no such machine"); return -1;'
NOT_FOUND = (
    'PyErr_SetString(PyExc_ImportError, "libplanted.so.1: cannot open shared object file"); return -1;'
)


def extension(directory: Path, module: str, execute: str = "", *defines: str) -> Path:
    """Compiles a module with its packages as directories; `execute` is C, run when it is imported."""
    name = module.rpartition(".")[2]
    target = directory.joinpath(*module.split(".")[:-1], name + sysconfig.get_config_var("EXT_SUFFIX"))
    target.parent.mkdir(parents=True, exist_ok=True)
    source = directory / f"{name}.c"
    source.write_text(_SOURCE)
    options = [f"-DNAME={name}", f"-DEXECUTE={execute}", *(f"-D{define}" for define in defines)]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        options.append("-DPy_GIL_DISABLED=1")
    include = sysconfig.get_path("include")
    command = [COMPILER, "-shared", "-fPIC", "-O0", f"-I{include}", *options, str(source), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    source.unlink()
    return target


def distribution(directory: Path, name: str, files: dict[str, str], extensions: list[Path], tag: str) -> None:
    """Writes Python files and the metadata of a distribution that has them and the extensions."""
    for inside, text in files.items():
        path = directory / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
    everything = [*files, *(str(path.relative_to(directory)) for path in extensions)]
    everything += [f"{info.name}/METADATA", f"{info.name}/WHEEL", f"{info.name}/RECORD"]
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in everything))
