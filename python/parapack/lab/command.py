"""The command line of the lab: `parapack lab` and its actions, each in a module beside what it drives."""

from __future__ import annotations

import argparse
import sys

from parapack.lab import arms, compare_command, doctor, experiments, report_command, run_command
from parapack.lab.experiment import Experiment


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `lab` and its own subcommands to the command line."""
    lab = commands.add_parser(
        "lab", help="measure Parapack and free threading on this machine, with these interpreters"
    )
    actions = lab.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_command.add_parser(actions)
    compare_command.add_parser(actions)
    report_command.add_parser(actions)
    doctor.add_parser(actions)
    listing = actions.add_parser("list", help="list the experiments and what each needs")
    listing.set_defaults(run=run_list)


def run_list(_options: argparse.Namespace) -> int:
    """Prints the experiments with their summaries, and what each needs besides Parapack and the peers."""
    found = experiments.all_experiments()
    width = max(map(len, found))
    for name, experiment in found.items():
        print(f"{name:{width}}  {experiment.summary}")
        needs = _needs(experiment)
        if needs:
            print(f"{'':{width}}  needs {needs}")
    return 0


def _needs(experiment: Experiment) -> str:
    """Programs, and packages that are installed for it on the running interpreter."""
    programs = [f"the program {name}" for name in experiment.tools]
    packages: dict[str, None] = {}
    for one in experiment.packages(arms.probe(sys.executable)):
        packages.update(dict.fromkeys((*one.alone, *one.requirements, *one.optional)))
    from_index = [f"from the package index {', '.join(packages)}"] if packages else []
    return "; ".join(programs + from_index)
