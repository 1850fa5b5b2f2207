"""`parapack lab doctor`: what is missing for which experiment, and the command that gets it.

Works where nothing is there but the standard library, and changes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator

from parapack.lab import arms, diagnosis, environments, experiments, interpreters, noise, pip
from parapack.lab.diagnosis import Diagnosis, Problem, State, Subject
from parapack.lab.experiment import Experiment

EXIT_MISSING = 1
EXIT_USAGE = 2
_ONLINE_SECONDS = 60.0
_INDEX_PROBE = "fastjsonschema"
"""A small package of the lab's own, which pip is asked to find without installing it."""

_EXAMPLES = """\
examples:
  parapack lab doctor
  parapack lab doctor web feed --python python3.13 --python python3.13t
  parapack lab doctor --online                  also whether the package index can be reached

exit status: 0 when every experiment can run fully; 1 when something is missing; 2 for a wrong call.
"""


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `doctor` to the actions of `parapack lab`."""
    parser = actions.add_parser(
        "doctor",
        help="say what is missing for which experiment, and how to get it",
        description="Says for each experiment and interpreter whether it can run fully, in part or not at "
        "all, what is missing for that, and the command that gets it. Installs nothing and runs none.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="which ones (default: all)")
    parser.add_argument("--python", action="append", default=[], metavar="PATH",
                        help="an interpreter, as for `parapack lab run`; may be given several times "
                             "(default: the running one)")  # fmt: skip
    parser.add_argument("--parapack", type=environments.named_source, metavar="SOURCE",
                        help="as for `parapack lab run`")  # fmt: skip
    parser.add_argument("--online", action="store_true", help="also ask the package index")
    parser.set_defaults(run=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Prints the diagnosis. Returns 0 when every experiment can run fully, else 1; 2 for a wrong call."""
    names = experiments.names()
    unknown = [name for name in options.experiments if name not in names]
    if unknown:
        print(
            f"parapack lab doctor: no experiment named {unknown[0]!r}; there are: {', '.join(names)}",
            file=sys.stderr,
        )
        return EXIT_USAGE
    chosen, broken = _load(list(dict.fromkeys(options.experiments)) or list(names))
    subjects, unusable = _subjects(options.python, chosen)
    common = _common(options.online)
    report = Report(common, unusable)
    report.machine(subjects, named=bool(options.python))
    found = {id(one): diagnosis.of_environment(one, _libraries(chosen), options.parapack) for one in subjects}
    for subject in subjects:
        report.interpreter(subject, found[id(subject)])
    report.heading("experiments")
    for name, problem in broken.items():
        report.experiment(name, "", Diagnosis([problem]))
    for experiment in chosen:
        for subject in subjects:
            one = diagnosis.of_experiment(experiment, subject, found[id(subject)])
            one.inherited += common.problems
            label = f" on {subject.interpreter.name}" if len(subjects) > 1 else ""
            report.experiment(experiment.name, label, one)
    report.conclusion()
    return 0 if report.complete else EXIT_MISSING


def _load(names: list[str]) -> tuple[list[Experiment], dict[str, Problem]]:
    """The experiments, and those that cannot even be loaded."""
    found, broken = [], {}
    for name in names:
        try:
            found.append(experiments.get(name))
        except Exception as error:
            # Distributions put parts of the standard library into packages of their own.
            left_out = isinstance(error, ModuleNotFoundError) and error.name in sys.stdlib_module_names
            command = "apt-get install python3-full" if left_out else ""
            broken[name] = Problem(f"cannot be loaded: {type(error).__name__}: {error}", command)
    return found, broken


def _subjects(paths: list[str], chosen: list[Experiment]) -> tuple[list[Subject], list[Problem]]:
    subjects, unusable = [], []
    for path in paths or [sys.executable]:
        try:
            interpreter = arms.probe(path)
        except arms.NoInterpreter as error:
            unusable.append(Problem(str(error), ""))
            continue
        subjects.append(diagnosis.survey(interpreter, _libraries(chosen)))
    return subjects, unusable


def _libraries(chosen: list[Experiment]) -> list[str]:
    """What the experiments measure of each interpreter's environment."""
    return list(dict.fromkeys(name for experiment in chosen for name in experiment.libraries))


def _common(online: bool) -> Diagnosis:
    """What every experiment needs, whichever the interpreter."""
    made = diagnosis.of_lab()
    if online:
        reason = _index_unreachable()
        if reason:
            made.problems.append(Problem(reason, "", fatal=False))
        else:
            made.notes.append("the package index can be reached")
    return made


def _index_unreachable() -> str | None:
    """Why pip gets nothing from the package index; None if it does."""
    with tempfile.TemporaryDirectory() as directory:
        options = ["--dry-run", "--no-deps", "--ignore-installed", "--target", directory]
        failure = pip.install(sys.executable, [*options, _INDEX_PROBE], _ONLINE_SECONDS)
    return failure.reason if failure else None


class Report:
    """Prints, and remembers what is needed at the end."""

    def __init__(self, common: Diagnosis, unusable: list[Problem]) -> None:
        self._common = common
        self._unusable = unusable
        self._commands: dict[str, None] = {}
        self._states: list[State] = []

    @property
    def complete(self) -> bool:
        """Whether every experiment can run fully on every interpreter that was named."""
        return not self._unusable and all(state is State.FULLY for state in self._states)

    def heading(self, text: str) -> None:
        print(f"\n{text}")

    def machine(self, subjects: list[Subject], named: bool) -> None:
        """What holds for all experiments."""
        print("the lab")
        self._problems("  ", [*self._common.problems, *self._unusable])
        for note in [*self._common.notes, *self._notes(subjects, named)]:
            print(f"  note: {note}")
        if not self._common.problems:
            print("  has what it needs")
        print(f"  what runs install is kept in {environments.cache_directory()}")

    def _notes(self, subjects: list[Subject], named: bool) -> Iterator[str]:
        if not noise.available():
            yield "no /proc/stat here: disturbed repetitions cannot be told from others"
        if diagnosis.compiler() is None:
            yield "there is no C compiler: apt-get install gcc"
        if not any(subject.interpreter.free_threaded for subject in subjects):
            yield (
                "no free-threaded interpreter: nothing is measured without the GIL. One way to one: "
                "pip install uv && uv python install 3.14t, and --python with its path"
            )
        if not named:
            for other in interpreters.on_path():
                yield f"{other.name} is there too: --python {other.path}"

    def interpreter(self, subject: Subject, found: Diagnosis) -> None:
        """One interpreter, and whether it can be measured."""
        interpreter = subject.interpreter
        names = ", ".join(arm.name for arm in arms.arms_of([interpreter]))
        print(f"\n{names}: {interpreter.path}")
        if interpreter.own_environment:
            print("  is measured with what is installed there")
        self._problems("  ", [*found.problems, *dict.fromkeys(found.libraries.values())])
        for note in found.notes:
            print(f"  note: {note}")

    def experiment(self, name: str, label: str, found: Diagnosis) -> None:
        """One experiment on one interpreter."""
        self._states.append(found.state)
        words = {
            State.FULLY: "can run fully",
            State.PARTLY: "can run in part",
            State.NOT: "cannot run",
        }[found.state]
        above = " (see above)" if found.inherited else ""
        print(f"  {name}{label}: {words}{above}")
        self._problems("    ", found.problems)
        for note in found.notes:
            print(f"    note: {note}")

    def _problems(self, indent: str, problems: list[Problem]) -> None:
        for problem in problems:
            print(f"{indent}missing: {problem.what}")
            if problem.command:
                print(f"{indent}    get it: {problem.command}")
                self._commands[problem.command] = None

    def conclusion(self) -> None:
        """How many can run, and every command once."""
        fully = self._states.count(State.FULLY)
        self.heading(f"{fully} of {len(self._states)} can run fully")
        if self._commands:
            print("what is missing is got by")
            for command in self._commands:
                print(f"  {command}")
