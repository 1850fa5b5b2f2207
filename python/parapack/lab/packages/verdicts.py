"""What the facts of a distribution amount to: short answers with their reasons, one for each question.

The same answers make the table, the report's matrix and the findings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from parapack.lab.charts import Cell, State
from parapack.lab.packages import fallbacks, install, observe

COLUMNS = (
    "installs",
    "imports",
    "GIL after import",
    "compiled part",
    "declares free threading",
    "interpreter with its own GIL",
    "wheel tag",
)
PURE = "pure Python"
"""What a compiled part is called that may well exist elsewhere."""
_FEW = 3


@dataclass(slots=True)
class Verdict:
    """The answers about one distribution in one arm."""

    name: str
    version: str
    installs: Cell
    imports: Cell
    gil: Cell
    compiled: Cell
    declares: Cell
    own_gil: Cell
    tag: Cell
    offenders: list[str] = field(default_factory=list)
    """Extension modules that bring the GIL back: its own, and those that it imports."""
    remarks: list[str] = field(default_factory=list)

    @property
    def cells(self) -> list[Cell]:
        """In the order of COLUMNS."""
        return [
            self.installs, self.imports, self.gil, self.compiled, self.declares, self.own_gil, self.tag
        ]  # fmt: skip

    @property
    def broken(self) -> bool:
        """It cannot be used at all."""
        return State.BAD in (self.installs.state, self.imports.state)

    @property
    def reasons(self) -> list[str]:
        """What is behind the answers that are not good, and what else is to be known."""
        found = [
            cell.detail
            for cell in (self.installs, self.imports, self.gil, self.compiled)
            if cell.state in (State.BAD, State.PARTLY) and cell.detail
        ]
        return list(dict.fromkeys([*found, *self.remarks]))


def neutral(text: str, detail: str = "") -> Cell:
    """A cell that says neither good nor bad."""
    return Cell(State.PLAIN, text, detail)


def judge(facts: dict[str, Any]) -> Verdict:
    """The verdict on what an inspection, or a failed installation, has found."""
    installation = facts.get("installation")
    if installation is not None and installation["origin"] == install.FAILED:
        none = Cell(State.UNKNOWN, "-")
        installs = Cell(State.BAD, "no", installation["reason"])
        return Verdict(facts["name"], "", installs, none, none, none, none, none, none)
    modules = [module for module in facts["modules"] if module["name"] not in facts["for_tests"]]
    return Verdict(
        facts["name"],
        facts["version"] or "",
        _installs(installation),
        _imports(facts, modules),
        _gil(facts, modules),
        _compiled(facts, modules),
        _declares(modules),
        _own_gil(modules),
        _tag(facts, modules),
        _offenders(facts, modules),
        _remarks(facts, modules),
    )


def _loads(facts: dict[str, Any], modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All imports that were made: of the packages, then of the modules."""
    return [*facts["packages"], *(module["import"] for module in modules)]


def _few(names: Iterable[str]) -> str:
    """The first of several names, and how many there are besides."""
    every = list(dict.fromkeys(names))
    more = len(every) - _FEW
    return ", ".join(every[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _installs(installation: dict[str, Any] | None) -> Cell:
    if installation is None:
        return neutral("was there", "found in the environment, not installed by the lab")
    if installation["origin"] == install.SDIST:
        return Cell(State.PARTLY, "from source", f"no wheel: {installation['reason']}")
    return Cell(State.GOOD, "wheel")


def _imports(facts: dict[str, Any], modules: list[dict[str, Any]]) -> Cell:
    loads = _loads(facts, modules)
    bad = [load for load in loads if load["outcome"] != observe.GOOD]
    if not loads:
        return Cell(State.UNKNOWN, "nothing to import")
    if not bad:
        return Cell(State.GOOD, "yes")
    detail = "; ".join(f"{load['name']} {load['outcome']}: {load['reason']}" for load in bad[:_FEW])
    if len(bad) > _FEW:
        detail += f"; and {len(bad) - _FEW} more"
    for outcome in (observe.CRASHES, observe.HANGS):
        if any(load["outcome"] == outcome for load in bad):
            return Cell(State.BAD, outcome, detail)
    if all(load["outcome"] == observe.NOT_PROBED for load in bad):
        return Cell(State.UNKNOWN, "not all probed", detail)
    own = {name.partition(".")[0] for name in facts["roots"]}
    lacks = [load.get("absent") for load in bad]
    if all(absent and absent.partition(".")[0] not in own for absent in lacks):
        return Cell(State.PARTLY, f"{_few(filter(None, lacks))} missing", detail)
    failed = {load["name"] for load in facts["packages"] if load["outcome"] != observe.GOOD}
    if failed or len(bad) == len(loads):
        return Cell(State.BAD, "no", detail)
    return Cell(State.PARTLY, f"{len(loads) - len(bad)} of {len(loads)}", detail)


def _own_offenders(modules: list[dict[str, Any]]) -> list[str]:
    """Modules of the distribution that need the GIL: by what making them did, or else by their import."""
    return [
        module["name"]
        for module in modules
        if module["declares"].get("free_threading") is False
        or ("free_threading" not in module["declares"] and module["import"].get("offender") == module["name"])
    ]


def _offenders(facts: dict[str, Any], modules: list[dict[str, Any]]) -> list[str]:
    others = [load["offender"] for load in _loads(facts, modules) if load.get("offender")]
    return list(dict.fromkeys([*_own_offenders(modules), *others]))


def _gil(facts: dict[str, Any], modules: list[dict[str, Any]]) -> Cell:
    loads = [load for load in _loads(facts, modules) if "gil" in load]
    offenders = _offenders(facts, modules)
    if offenders:
        at_once = any(load.get("gil") for load in facts["packages"])
        words = next((load["warning"] for load in loads if load.get("warning")), "")
        detail = f"{_few(offenders)} brings the GIL back" + ("" if at_once else ", once it is imported")
        if words:
            detail += f" ({words})"
        return Cell(State.BAD if at_once else State.PARTLY, "comes back", detail)
    if not loads:
        return neutral("always on") if _imported(facts, modules) else Cell(State.UNKNOWN, "-")
    return Cell(State.GOOD, "stays off")


def _imported(facts: dict[str, Any], modules: list[dict[str, Any]]) -> bool:
    return any(load["outcome"] == observe.GOOD for load in _loads(facts, modules))


def fallback_modules(facts: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The compiled modules that a distribution goes without.

    Those that an import of its packages asked for in vain and survived, with what was wrong; and those that
    only its source tells of."""
    own = {module["name"] for module in facts["modules"]}
    seen: dict[str, str] = {}
    for load in facts["packages"]:
        if load["outcome"] != observe.GOOD:
            continue
        seen |= {name: why for name, why in load.get("failed", {}).items() if name in own}
        seen |= {
            name: "not compiled here" for name in load.get("missing", []) if fallbacks.looks_compiled(name)
        }
    return seen, [name for name in facts["optional"] if name not in seen]


def _compiled(facts: dict[str, Any], modules: list[dict[str, Any]]) -> Cell:
    seen, told = fallback_modules(facts)
    if seen:
        detail = "; ".join(f"falls back: {name}: {why}" for name, why in list(seen.items())[:_FEW])
        return Cell(State.BAD, "falls back", detail)
    if facts["foreign"] and not modules:
        detail = f"falls back: {_few(facts['foreign'])}: made for other interpreters"
        return Cell(State.BAD, "falls back", detail)
    if told:
        # The source says what could be compiled, not whether its authors compile it for anyone.
        detail = f"what its source has compiled parts for: {_few(told)}: not compiled here"
        return Cell(State.PARTLY, "in part" if modules else PURE, detail)
    if not modules:
        return Cell(State.UNKNOWN, "none")
    loaded = {name for load in _loads(facts, modules) for name in load.get("loaded", [])}
    good = {module["name"] for module in modules if module["import"]["outcome"] == observe.GOOD}
    if loaded.intersection(module["name"] for module in modules):
        return Cell(State.GOOD, "loaded")
    if good:
        return Cell(State.GOOD, "loads", "not loaded by importing the package, but when it is asked for")
    return Cell(State.BAD, "does not load", "none of its compiled modules loads")


def _declares(modules: list[dict[str, Any]]) -> Cell:
    says = [module["declares"].get("free_threading") for module in modules]
    single = [module["name"] for module in modules if module["declares"].get("single_phase")]
    detail = f"initialised in a single phase: {_few(single)}" if single else ""
    if not says or all(one is None for one in says):
        # A GIL build does not look at what a module declares.
        return Cell(State.UNKNOWN, "not told here" if says else "-", detail)
    return _share(says.count(True), len(says), detail)


def _own_gil(modules: list[dict[str, Any]]) -> Cell:
    """Whether the modules load in an interpreter with its own GIL, together with all that they import."""
    answers = []
    reasons = []
    for module in modules:
        own = module.get("own_gil")
        if own is not None:
            answers.append(own["outcome"] == observe.GOOD)
            if not answers[-1]:
                why = "; ".join(own.get("failed", {}).values()) or own["reason"]
                reasons.append(f"{module['name']} {own['outcome']}: {why}")
        elif module["declares"].get("own_gil") is False:
            answers.append(False)
            reasons.append(module["declares"]["refusal"])
    if not answers:
        return Cell(State.UNKNOWN, "not told here" if modules else "-")
    return _share(answers.count(True), len(modules), "; ".join(reasons[:_FEW]))


def _share(good: int, every: int, detail: str) -> Cell:
    if good == every:
        return Cell(State.GOOD, "yes", detail)
    return Cell(State.PARTLY, f"{good} of {every}", detail) if good else Cell(State.BAD, "no", detail)


def _tag(facts: dict[str, Any], modules: list[dict[str, Any]]) -> Cell:
    """What the wheel was made for; that says nothing about whether it keeps the promise."""
    files = sorted({module["tag"] for module in modules if module["tag"]})
    detail = f"file names: {', '.join(files)}" if files else ""
    tags = list(dict.fromkeys("-".join(tag.split("-")[:2]) for tag in facts["tags"]))
    return neutral(", ".join(tags) or "-", detail)


def _remarks(facts: dict[str, Any], modules: list[dict[str, Any]]) -> list[str]:
    return list(
        dict.fromkeys(
            f"{load['name']}: {remark}"
            for load in _loads(facts, modules)
            for remark in load.get("remarks", [])
            if load in facts["packages"] or not remark.startswith("threads")
        )
    )[:_FEW]
