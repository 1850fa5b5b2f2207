"""`parapack lab compare`: what has changed from one run to another."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from parapack.lab import experiments, results_file, run_comparison, tables
from parapack.lab.compare import Metric
from parapack.lab.results import Results
from parapack.lab.run_comparison import ArmComparison, Comparison, Difference
from parapack.lab.stats import CONFIDENCE
from parapack.lab.tables import Table

EXIT_NOTHING = 1
EXIT_USAGE = 2
_LISTED = 8
"""So many of what only one run has are named."""

_EXAMPLES = """\
examples:
  parapack lab compare results/before.json results/after.json
  parapack lab compare before.json after.json --only "bin 1 MiB" --all
  parapack lab compare run.json run.json --arms "3.13.5t GIL=1" "3.13.5t GIL=0"

Ratios are of B to A, turned so that above 1 is better. Their intervals come from the repetitions within each
run; what differs between two runs for other reasons is not in them.

exit status: 0 when something was compared, whatever came out; 1 when the runs have nothing in common; 2 for
a wrong call or a file that cannot be read.
"""


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `compare` to the actions of `parapack lab`."""
    parser = actions.add_parser(
        "compare",
        help="compare two runs",
        description="Compares two result files, the first of which is the base.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", type=Path, metavar="A", help="result file of the run to compare with")
    parser.add_argument("other", type=Path, metavar="B", help="result file of the run in question")
    parser.add_argument("--arm", action="append", default=[], metavar="NAME",
                        help="only this arm of A; may be given several times (default: all that both have, "
                             "by name, or else by minor version, build and GIL)")  # fmt: skip
    parser.add_argument("--arms", action="append", default=[], nargs=2, metavar=("A-NAME", "B-NAME"),
                        help="this arm of A against that of B; may be given several times")  # fmt: skip
    parser.add_argument("--only", action="append", default=[], metavar="TEXT",
                        help="only cases whose name contains this; may be given several times")  # fmt: skip
    parser.add_argument("--all", action="store_true",
                        help="also list what does not differ significantly")  # fmt: skip
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> int:
    """Compares and prints. Returns 0; 1 when there is nothing to compare; 2 for a wrong call or file."""
    if importlib.util.find_spec("rich") is None:
        print("parapack lab compare needs a few more packages: pip install 'parapack[lab]'", file=sys.stderr)
        return EXIT_USAGE
    from parapack.lab.terminal import Terminal

    try:
        base, other = results_file.load(options.base), results_file.load(options.other)
        pairs = _pairs(base, other, options)
    except (results_file.ResultError, UnknownArm) as error:
        print(f"parapack lab compare: {error}", file=sys.stderr)
        return EXIT_USAGE
    made = run_comparison.compare(base, other, pairs, known_metrics(), options.only)
    terminal = Terminal()
    terminal.say(f"A  {options.base}, {base.started}\nB  {options.other}, {other.started}")
    for arm, counterpart in pairs:
        if arm != counterpart:
            terminal.say(f"compared: {arm} of A with {counterpart} of B")
    for one in tables_of(made, options.all):
        terminal.table(one)
    for line in closing_lines(made):
        terminal.say(line)
    return 0 if made.count else EXIT_NOTHING


class UnknownArm(Exception):
    """A run has no arm of that name; the message says which it has."""


def _pairs(base: Results, other: Results, options: argparse.Namespace) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = [(one, another) for one, another in options.arms]
    for path, run, names in (
        (options.base, base, [pair[0] for pair in pairs]),
        (options.other, other, [pair[1] for pair in pairs]),
    ):
        there = [arm["name"] for arm in run.arms if not arm["error"]]
        for name in names:
            if name not in there:
                raise UnknownArm(f"{path} has no arm {name!r}; it has: {', '.join(there) or 'none'}")
    matching = run_comparison.matching_arms(base, other)
    for name in options.arm:
        found = [pair for pair in matching if pair[0] == name]
        if not found:
            both = ", ".join(pair[0] for pair in matching) or "none"
            raise UnknownArm(f"no arm {name!r} that both runs have; they have: {both}")
        pairs += found
    return list(dict.fromkeys(pairs)) if options.arm or options.arms else matching


def known_metrics() -> dict[str, tuple[Metric, ...]]:
    """What the experiments of this version are compared by, by their names."""
    return {name: experiment.metrics for name, experiment in experiments.all_experiments().items()}


def tables_of(made: Comparison, everything: bool = False) -> list[Table]:
    """For each experiment and arm: the differences, and the geometric means.

    `everything` also lists what does not differ significantly."""
    found = []
    for experiment in made.experiments:
        for arm in experiment.arms:
            title = f"{experiment.name} ({arm.arm}): B against A"
            if arm.differences:
                found.append(_differences_table(title, arm, everything))
                found += _means_tables(title, arm)
            elif arm.only_base or arm.only_other or arm.not_comparable:
                found.append(Table(f"{title}: nothing to compare", ["case"], notes=_notes(arm)))
    return found


def _differences_table(title: str, arm: ArmComparison, everything: bool) -> Table:
    table = Table(
        f"{title}, the worst first",
        ["case", "variant", "metric", "A", "B", "B is", "times better"],
        text_columns=3,
    )
    shown = arm.differences if everything else arm.significant
    for one in shown:
        table.rows.append(
            [
                one.case + (tables.NOISY_MARK if one.noisy else ""),
                one.variant,
                one.metric.name,
                f"{one.base:.4g}",
                f"{one.other:.4g}",
                verdict(one),
                tables.times(one.estimate),
            ]
        )
    table.notes = _counts(arm, everything) + _notes(arm)
    return table


def verdict(one: Difference) -> str:
    """In a word or two."""
    if one.estimate.few:
        return "too few repetitions"
    if not one.estimate.significant:
        return "no significant difference"
    return "better" if one.estimate.value > 1 else "worse"


def _counts(arm: ArmComparison, everything: bool) -> list[str]:
    total, significant = len(arm.differences), len(arm.significant)
    few = sum(one.estimate.few for one in arm.differences)
    by_chance = total * (1 - CONFIDENCE)
    notes = [
        f"{significant} of {total} differ significantly; by chance alone up to {by_chance:.0f} or so would"
        if significant
        else f"no significant difference in any of {total}"
    ]
    if few:
        notes.append(f"{few} of {total} have too few repetitions to tell")
    if not everything and significant < total:
        notes.append(f"--all also lists the other {total - significant}")
    if any(one.noisy for one in arm.differences):
        notes.append("* noisy: other processes used the CPUs in one of the runs")
    return notes


def _notes(arm: ArmComparison) -> list[str]:
    notes = []
    for which, names in (("only in A", arm.only_base), ("only in B", arm.only_other)):
        if names:
            notes.append(f"{which}: {_shortened(names)}")
    return notes + [f"not compared: {reason}" for reason in arm.not_comparable]


def _shortened(names: list[str]) -> str:
    more = len(names) - _LISTED
    return "; ".join(names[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _means_tables(title: str, arm: ArmComparison) -> list[Table]:
    table = Table(f"{title}, geometric means", ["of", "metric", "in words"], text_columns=3)
    for mean in arm.means:
        if mean.cases == 1:
            continue  # is in the other table
        table.rows.append([f"{mean.name} ({mean.cases})", mean.metric.name, tables.in_words(mean.estimate)])
    return [table] if table.rows else []


def closing_lines(made: Comparison) -> list[str]:
    """What is to be kept in mind: what one run lacks, what else differs, what should not differ and does."""
    lines = []
    for which, names in (("only in A", made.only_base), ("only in B", made.only_other)):
        lines += [f"{which}: {name}" for name in names]
    lines += [f"different: {warning}" for warning in made.warnings]
    for control in made.controls:
        lines.append(
            f"the same in both runs, and yet {control.least:.2f} to {control.most:.2f} times as good "
            f"({control.experiment}, {control.arm}): {', '.join(control.what)}; expect as much of the rest"
        )
    if not made.count:
        lines.append("the runs have nothing in common that can be compared")
    return lines
