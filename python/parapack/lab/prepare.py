"""What a run prepares before it measures: an environment for each interpreter, and the packages that the
experiments need.

What cannot be had is told and noted, and the rest goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from parapack.lab import arms, environments, sites
from parapack.lab.arms import Arm, Interpreter
from parapack.lab.environments import Environment, EnvironmentFailed
from parapack.lab.experiment import Experiment, Settings
from parapack.lab.sites import Site

Tell = Callable[[str], None]


def arms_of(
    interpreters: list[Interpreter], source: str | None, again: bool, tell: Tell, keep: contextlib.ExitStack
) -> list[tuple[Arm, Environment]]:
    """The arms of a run with their environments, made where necessary; an environment that cannot be made
    has an `error`.

    `source` is where other interpreters get Parapack from; `again` adds the null test, the first arm once
    more; `keep` is given the locks on what must stay as it is.
    """
    named = arms.arms_of(interpreters)
    ready = []
    for interpreter in interpreters:
        environment = _environment(interpreter, source, tell, keep)
        ready += [(arm, environment) for arm in named if arm.interpreter is interpreter]
    if again:
        first, environment = ready[0]
        ready.append((arms.again(first), environment))
    return ready


def _environment(
    interpreter: Interpreter, source: str | None, tell: Tell, keep: contextlib.ExitStack
) -> Environment:
    if interpreter.own_environment:
        return environments.own_environment(interpreter)
    try:
        origin = source or environments.parapack_source()
        return environments.ensure(interpreter, origin, tell, keep=keep)
    except EnvironmentFailed as error:
        tell(f"{interpreter.name} is not measured: {error}")
        return Environment(interpreter.path, {}, running=False, error=str(error))


def sites_of(
    ready: Sequence[tuple[Arm, Environment]],
    chosen: Sequence[Experiment],
    settings: Settings,
    tell: Tell,
    keep: contextlib.ExitStack,
) -> dict[tuple[str, str], dict[str, Site]]:
    """What the experiments need from the package index, by the names of arm and experiment."""
    made: dict[tuple[str, str], dict[str, Site]] = {}
    of_interpreter: dict[tuple[str, str], dict[str, Site]] = {}
    for number, experiment in enumerate(chosen, 1):
        for arm, environment in ready:
            if environment.error:
                continue
            known = (arm.interpreter.path, experiment.name)
            if known not in of_interpreter:
                stage = f"preparing {experiment.name} ({number} of {len(chosen)}) for {arm.interpreter.name}"
                of_interpreter[known] = _sites(experiment, arm, environment, settings, stage, tell, keep)
            made[arm.name, experiment.name] = of_interpreter[known]
    return made


def _sites(
    experiment: Experiment,
    arm: Arm,
    environment: Environment,
    settings: Settings,
    stage: str,
    tell: Tell,
    keep: contextlib.ExitStack,
) -> dict[str, Site]:
    try:
        needed = experiment.needed(arm.interpreter, settings)
    except Exception as error:
        tell(f"{stage}: cannot say what it needs: {type(error).__name__}: {error}")
        return {}
    found = {}
    for packages in needed:
        site = sites.ensure(
            arm.interpreter,
            environment.python,
            experiment.name,
            packages,
            lambda line: tell(f"{stage}: {line}"),
            keep=keep,
        )
        found[packages.name] = site
        for reason in dict.fromkeys(site.missing.values()):
            missing = [one for one, why in site.missing.items() if why == reason]
            tell(f"{stage}: without {', '.join(missing)}: {reason}")
    return found
