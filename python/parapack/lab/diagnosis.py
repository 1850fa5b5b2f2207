"""What is missing on this machine for which experiment, found out without importing, installing or running
it.

Nothing here needs more than the standard library and Parapack's own files.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from parapack.lab import documents, environments, interpreter_survey, sites
from parapack.lab.arms import Arm, Interpreter, why_silent
from parapack.lab.codecs import SUBJECT
from parapack.lab.environments import EnvironmentFailed
from parapack.lab.experiment import Experiment, Settings
from parapack.lab.sites import PackageSet

LAB_EXTRA = "'parapack[lab]'"
LAB_MODULES = {
    "rich": "lab run and lab compare print with it",
    "jinja2": "lab report fills its pages with it",
    "fastjsonschema": "lab compare and lab report read result files with it",
}
"""Packages that the lab itself needs, and what for."""
COMPILERS = ("cc", "gcc", "clang")
COMPILER_COMMAND = "apt-get install gcc"
_SURVEY_SECONDS = 60.0
_LISTED = 10
"""So many packages are named."""


class State(Enum):
    """How much of an experiment can run on one interpreter."""

    FULLY = "fully"
    PARTLY = "partly"
    NOT = "not at all"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing."""

    what: str
    """What is missing and what is left out for that, in a clause."""
    command: str
    """What gets it; '' where nothing of this machine's can."""
    fatal: bool = True
    """Nothing of the experiment can run; otherwise a part is left out."""


@dataclass(slots=True)
class Diagnosis:
    """What is wrong, of one experiment on one interpreter, of an interpreter, or of what all need."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What the run will do by itself, and what this interpreter cannot have."""
    libraries: dict[str, Problem] = field(default_factory=dict)
    """Of an interpreter: the libraries that its environment lacks."""
    inherited: list[Problem] = field(default_factory=list)
    """Of an experiment: what it suffers from that is said of the interpreter or of the lab already."""

    @property
    def state(self) -> State:
        problems = [*self.problems, *self.inherited]
        if not problems:
            return State.FULLY
        return State.NOT if any(problem.fatal for problem in problems) else State.PARTLY


@dataclass(slots=True)
class Subject:
    """An interpreter that is to be measured, and what is known of it."""

    interpreter: Interpreter
    header: bool = False
    """Whether extensions can be compiled for it as far as Python.h goes."""
    present: set[str] = field(default_factory=set)
    error: str | None = None
    """Why it could not be asked."""


def survey(interpreter: Interpreter, names: Iterable[str]) -> Subject:
    """Asks an interpreter which top-level packages it finds; nothing of them is imported."""
    subject = Subject(interpreter)
    arm = Arm(interpreter.name, interpreter, None)
    variables = environments.own_environment(interpreter).variables(arm)
    command = [interpreter.path, interpreter_survey.__file__, "pip", "venv", "ensurepip", *names]
    try:
        run = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=_SURVEY_SECONDS, check=True
        )
        found = json.loads(run.stdout)
        subject.header, subject.present = bool(found["header"]), set(found["present"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        subject.error = f"{interpreter.path} does not answer: {why_silent(error)}"
    return subject


def of_lab() -> Diagnosis:
    """What the lab itself needs, in the interpreter that runs it."""
    made = Diagnosis()
    for name, purpose in LAB_MODULES.items():
        if not _has_module(name):
            made.problems.append(Problem(f"{name}: {purpose}", lab_command()))
    return made


def of_cache() -> list[Problem]:
    """Whether environments and packages can be kept."""
    reason = unwritable(environments.cache_directory())
    return [Problem(f"a place to install in: {reason}", "export XDG_CACHE_HOME=DIRECTORY")] if reason else []


def unwritable(directory: Path) -> str | None:
    """Why a directory cannot be made or written; None where it can."""
    nearest = directory
    while not nearest.exists() and nearest.parent != nearest:
        nearest = nearest.parent
    if not nearest.is_dir():
        return f"{nearest} is no directory"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written"
    return None


def compiler() -> str | None:
    """The C compiler that building a package would find."""
    chosen = shlex.split(os.environ.get("CC", ""))
    return next((found for name in (*chosen[:1], *COMPILERS) if (found := shutil.which(name))), None)


def of_environment(subject: Subject, libraries: Sequence[str], source: str | None = None) -> Diagnosis:
    """Whether an interpreter can be measured, as it is or in an environment that a run makes, and which of
    the libraries it will lack.

    `source` is where Parapack is installed from, as for `parapack lab run --parapack`.
    """
    made = Diagnosis()
    interpreter = subject.interpreter
    if subject.error:
        made.problems.append(Problem(subject.error, ""))
    elif interpreter.own_environment:
        _add_own_libraries(made, subject, libraries, source)
    else:
        _add_made_environment(made, subject, source)
    return made


def _add_own_libraries(
    made: Diagnosis, subject: Subject, libraries: Sequence[str], source: str | None
) -> None:
    """What is not installed in an environment that is used as it is."""
    python = subject.interpreter.path
    missing = [name for name in libraries if name not in subject.present]
    if SUBJECT in missing:
        command = _pip_command(subject, shlex.quote(_source(source)))
        made.libraries[SUBJECT] = Problem(f"{SUBJECT} in {python}", command, fatal=False)
    peers = [name for name in missing if name != SUBJECT]
    if not peers:
        return
    command = _pip_command(subject, " ".join(peers))
    if subject.interpreter.free_threaded:  # not every one of them supports such a build
        made.notes.append(f"without {', '.join(peers)}; those that support it: {command}")
    else:
        problem = Problem(f"{', '.join(peers)} in {python}, to compare with", command, fatal=False)
        made.libraries.update(dict.fromkeys(peers, problem))


def _add_made_environment(made: Diagnosis, subject: Subject, source: str | None) -> None:
    """What is known of an environment that a run has made, or what making it will need."""
    try:
        origin = source or environments.parapack_source()
    except EnvironmentFailed as error:
        made.problems.append(Problem(str(error), "parapack lab run --parapack SOURCE"))
        return
    failures = environments.cached_failures(subject.interpreter, origin)
    if failures is None:
        made.notes.append("the run makes a virtual environment for it")
        made.problems += _needed_to_make(subject)
        _add_build(made, subject, origin)
        return
    for name, reason in failures.items():
        if name == SUBJECT:
            made.libraries[name] = Problem(f"{name}, which does not install: {reason}", "", fatal=False)
        else:
            made.notes.append(f"without {name}, which does not install: {reason}")


def _source(source: str | None) -> str:
    try:
        return source or environments.parapack_source()
    except EnvironmentFailed:
        return SUBJECT


def _needed_to_make(subject: Subject) -> list[Problem]:
    """What making an environment needs."""
    problems = of_cache()
    if "venv" not in subject.present:
        problems.append(Problem(f"the module venv in {subject.interpreter.path}", _debian(subject, "venv")))
    return problems + _needs_pip(subject, own_environment=False)


def _add_build(made: Diagnosis, subject: Subject, source: str) -> None:
    """What building Parapack needs; of a wheel or a release nothing is known."""
    if not Path(source).is_dir():
        return
    if compiler() is None:
        problem = Problem(f"a C compiler, to build Parapack from {source}", COMPILER_COMMAND, fatal=False)
    elif not subject.header:
        what = f"Python.h of {subject.interpreter.path}, to build Parapack"
        problem = Problem(what, _debian(subject, "dev"), fatal=False)
    else:
        return
    made.libraries[SUBJECT] = problem


def _needs_pip(subject: Subject, own_environment: bool) -> list[Problem]:
    """pip, the interpreter's own or the lab's; a fresh virtual environment has its own where ensurepip is."""
    own = "pip" in subject.present or (not own_environment and "ensurepip" in subject.present)
    if own or _has_module("pip"):
        return []
    return [Problem("pip, without which nothing can be installed", _get_pip())]


def of_experiment(experiment: Experiment, subject: Subject, environment: Diagnosis) -> Diagnosis:
    """What this experiment lacks on this interpreter, of which `environment` is the diagnosis."""
    made = Diagnosis(inherited=list(environment.problems))
    for name in experiment.modules:
        if not _has_module(name):
            made.problems.append(Problem(f"{name} in {sys.executable}", lab_command()))
    for name, package in experiment.tools.items():
        if shutil.which(name) is None:
            made.problems.append(_missing_tool(name, package, experiment.without.get(name)))
    if subject.error is None:
        packages = _add_sites(made, experiment, subject)
        lost = [name for name in experiment.libraries if name in environment.libraries]
        nothing_left = not packages and len(lost) == len(experiment.libraries)
        for problem in dict.fromkeys(environment.libraries[name] for name in lost):
            made.inherited.append(replace(problem, fatal=nothing_left))
    _add_documents(made, experiment)
    return made


def _missing_tool(name: str, package: str, left_out: str | None) -> Problem:
    what = f"the program {name}; left out: {left_out}" if left_out else f"the program {name}"
    return Problem(what, f"apt-get install {package}", fatal=not left_out)


def _add_sites(made: Diagnosis, experiment: Experiment, subject: Subject) -> bool:
    """Packages that are installed for the experiment alone. Returns whether there are any."""
    interpreter = subject.interpreter
    try:
        needed = experiment.needed(interpreter, Settings())
    except Exception as error:
        made.problems.append(Problem(f"cannot say what it needs: {type(error).__name__}: {error}", ""))
        return True
    missing = []
    for packages in needed:
        site = sites.cached(interpreter, experiment.name, packages)
        if site is None:
            missing.append(packages)
            continue
        for requirement, reason in site.missing.items():
            made.notes.append(f"without {requirement}, which does not install: {reason}")
        if not site.usable:
            made.problems.append(
                Problem(f"what the packages of {packages.name!r} would give", "", len(needed) == 1)
            )
    if missing:
        _add_installation(made, subject, missing, whole=len(missing) == len(needed))
    return bool(needed)


def _add_installation(made: Diagnosis, subject: Subject, missing: list[PackageSet], whole: bool) -> None:
    """What installing packages will need; `whole` if the experiment has no others."""
    requirements = [
        one for packages in missing for one in (*packages.alone, *packages.requirements, *packages.optional)
    ]
    made.notes.append(f"the run installs {_shortened(list(dict.fromkeys(requirements)))}")
    for problem in [*of_cache(), *_needs_pip(subject, subject.interpreter.own_environment)]:
        if problem not in made.inherited:
            made.problems.append(replace(problem, fatal=whole))
    if compiler() is None:
        what = "a C compiler, for packages that have no wheel for this interpreter"
        if subject.interpreter.free_threaded:
            made.problems.append(Problem(what, COMPILER_COMMAND, fatal=False))
        else:
            made.notes.append(f"there may be need of {what}")


def _shortened(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _add_documents(made: Diagnosis, experiment: Experiment) -> None:
    """Cases about documents that cannot be had."""
    found, missing = _documents()
    if not missing:
        return
    settings = Settings()
    everything = {case.name for case in experiment.cases(settings, [*found, *missing])}
    there = {case.name for case in experiment.cases(settings, found)}
    if everything - there:
        made.problems.append(Problem(f"the documents {', '.join(missing)}", lab_command(), fatal=not there))


def _documents() -> tuple[list[str], list[str]]:
    try:
        found, missing = documents.load()
    except (OSError, ValueError):
        return [], list(documents.NAMES)
    return list(found), list(missing)


def _has_module(name: str) -> bool:
    """Whether the running interpreter finds a top-level package. Not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def lab_command() -> str:
    """What installs the `lab` extra for the interpreter that runs the lab."""
    python = shlex.quote(sys.executable)
    get_pip = "" if _has_module("pip") else f"{_get_pip()} && "
    return f"{get_pip}{python} -m pip install {LAB_EXTRA}"


def _get_pip() -> str:
    """What gives the running interpreter a pip."""
    if _has_module("ensurepip"):
        return f"{shlex.quote(sys.executable)} -m ensurepip"
    return "apt-get install python3-pip"


def _pip_command(subject: Subject, requirements: str) -> str:
    python = shlex.quote(subject.interpreter.path)
    if "pip" in subject.present or not _has_module("pip"):
        return f"{python} -m pip install {requirements}"
    return f"{shlex.quote(sys.executable)} -m pip --python {python} install {requirements}"


def _debian(subject: Subject, part: str) -> str:
    """The Debian package with a part of CPython that its main package lacks."""
    minor = ".".join(subject.interpreter.version.split(".")[:2])
    return f"apt-get install python{minor}-{part}"
