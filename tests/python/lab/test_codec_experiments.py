"""The experiments threads, asyncio and compete for real, in their smallest form; planted slowdowns show."""

import contextlib
import os
import sys
import time
from dataclasses import replace

import planted_extensions as planted
import pytest
import support
from lab_support import result_file, run_lab, validate

from parapack.lab import arms, codecs, documents, experiments
from parapack.lab.codecs import SUBJECT, Codec
from parapack.lab.experiment import Context, Settings

pytestmark = [
    pytest.mark.isolated,
    pytest.mark.timeout(3 * support.PATIENCE),
    pytest.mark.thread_unsafe(reason="starts processes and measures"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="measured on 3.13 and 3.13t"),
]

LIBRARIES = ("parapack", "msgpack")
SMALLEST = ["--quick", "--repetitions", "1", "--seconds", "0.005", "--threads", "2", "--heap", "0",
            *(word for name in LIBRARIES for word in ("--library", name))]  # fmt: skip


def cases_of(directory, experiment, *only):
    """The cases of one small run, after a look at the file and the report."""
    chosen = [word for name in only for word in ("--only", name)]
    process = run_lab(directory, experiment, *chosen, *SMALLEST)
    _, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 0, err
    content = result_file(directory)
    validate(content)
    (found,) = content["experiments"]
    assert found["complete"]
    assert len(content["arms"]) == (2 if support.FREE_THREADED else 1)
    for arm in content["arms"]:
        gil = not arm["name"].endswith("GIL=0")
        assert arm["interpreter"]["gil_enabled"] is found["processes"][arm["name"]]["gil_enabled"] is gil
    assert all(case["error"] is None and case["samples"] for case in found["cases"])
    return found["cases"]


def figures_of(cases):
    """The repetition of every variant: case, variant, and its figures by metric."""
    for case in cases:
        for variant, metrics in case["samples"].items():
            yield case["case"], variant, {name: value for name, (value,) in metrics.items()}


def test_threads(tmp_path):
    cases = cases_of(tmp_path, "threads", "trade", "pack bin 1 MiB")
    payloads = ("trade, own", "trade, same", "bin 1 MiB, own")
    names = {f"{way} {payload}" for way in ("pack", "unpack") for payload in payloads}
    assert {case["case"] for case in cases} == names
    for case, variant, figures in figures_of(cases):
        assert set(figures) == {"calls_per_s"}, (case, variant)
        assert 1 < figures["calls_per_s"] < 1e9, (case, variant)
    for case in cases:
        found = {variant.partition("@")[0] for variant in case["samples"]}
        assert found == {*LIBRARIES, *(["memcpy"] if "bin" in case["case"] else [])}
        assert {variant.partition("@")[2] for variant in case["samples"]} == {"1", "2"}


def test_asyncio(tmp_path):
    cases = cases_of(tmp_path, "asyncio")
    for case, variant, figures in figures_of(cases):
        assert 0 <= figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"], (case, variant)
        assert figures["operations_per_s"] > 0, (case, variant)
        # A tick is a millisecond at least.
        assert 0 < figures["pings_per_s"] <= 1000, (case, variant)
        # Without a GIL the loop goes on during most of a collection.
        assert figures["longest_collection_ms"] >= 0, (case, variant)
    for case in cases:
        large = case["case"] == "to_thread large"
        assert set(case["samples"]) == {*LIBRARIES, *(["memcpy"] if large else [])}


def test_compete(tmp_path):
    cases = cases_of(tmp_path, "compete")
    # The document is there where the package is that it comes from.
    payloads = ["bin 1 MiB", *({"airports"} & set(documents.load()[0]))]
    assert {case["case"] for case in cases} == {
        f"{way} {payload}" for way in ("pack", "unpack") for payload in payloads
    }
    for case, variant, figures in figures_of(cases):
        if variant == "computing thread":
            assert set(figures) == {"spins_per_s"} and figures["spins_per_s"] > 0
            continue
        assert 0 < figures["p50_s"] <= figures["p99_s"] <= figures["max_s"], (case, variant)
        # The mean call takes no longer than the longest.
        assert 1 / figures["calls_per_s"] <= figures["max_s"] * 1.001, (case, variant)
        assert ("spins_per_s" in figures) == variant.endswith("@beside"), (case, variant)
    for case in cases:
        if case["arm"].endswith("GIL=0"):
            continue
        # One GIL: the computing thread does not get more done than alone.
        alone = max(case["samples"]["computing thread"]["spins_per_s"])
        for name in LIBRARIES:
            assert min(case["samples"][f"{name}@beside"]["spins_per_s"]) < 1.2 * alone


# ---- planted slowdowns ------------------------------------------------------------------------------------


def slowed(codec, name, seconds):
    """The same library under another name, whose packing sleeps first."""

    def make():
        pack, unpack = codec.make()

        def slow(value):
            time.sleep(seconds)
            return pack(value)

        return slow, unpack

    return replace(codec, name=name, make=make)


def measured(experiment, case_name, seconds, slow, documents):
    """The figures of one turn of a case with Parapack and with a slower one beside it, by variant."""
    fast = codecs.load(SUBJECT)
    assert isinstance(fast, Codec)
    settings = Settings(quick=True, seconds=seconds, threads=2, heap=0)
    context = Context(settings, [fast, slowed(fast, "slow", slow)], documents)
    one = experiments.get(experiment)
    (case,) = [case for case in one.cases(settings, documents) if case.name == case_name]
    runner = one.open(case, context)
    try:
        return {variant: runner.measure(variant) for variant in runner.variants}
    finally:
        runner.close()


DOCUMENTS = {"trade": {"symbol": "BTC-USD", "price": 64_250.5}, "airports": [{"iata": "00M"}] * 500}


def test_a_slow_library_is_slow_on_any_number_of_threads():
    found = measured("threads", "pack trade, own", 0.02, 0.002, DOCUMENTS)
    for count in (1, 2):
        assert found[f"slow@{count}"]["calls_per_s"] < 1.05 * count / 0.002
        assert found[f"{SUBJECT}@{count}"]["calls_per_s"] > 3 * found[f"slow@{count}"]["calls_per_s"]


def test_a_slow_library_is_slow_beside_a_computation():
    found = measured("compete", "pack airports", 0.02, 0.01, DOCUMENTS)
    for how in ("alone", "beside"):
        assert found[f"slow@{how}"]["p50_s"] > 0.01
        assert found[f"slow@{how}"]["calls_per_s"] < 1.05 / 0.01
        assert found[f"{SUBJECT}@{how}"]["calls_per_s"] > found[f"slow@{how}"]["calls_per_s"]


def test_what_blocks_the_loop_is_its_lag():
    """A batch is 100 messages: 0.1 s on the loop, which does not answer meanwhile, and none in a thread."""
    on_loop = measured("asyncio", "direct", 0.02, 0.001, DOCUMENTS)
    assert on_loop["slow"]["max_ms"] > 90
    assert on_loop["slow"]["operations_per_s"] < on_loop[SUBJECT]["operations_per_s"] / 3
    in_threads = measured("asyncio", "to_thread small", 0.02, 0.001, DOCUMENTS)
    assert in_threads["slow"]["p50_ms"] < on_loop["slow"]["max_ms"] / 3
    assert in_threads["slow"]["operations_per_s"] < 1.05 * 2 / 0.001


def test_slow_workers_get_less_done():
    found = measured("asyncio", "records pack", 0.02, 0.2, DOCUMENTS)
    assert found["slow"]["operations_per_s"] < 1.05 * 2 / 0.2


# ---- who brings the GIL back ------------------------------------------------------------------------------


@pytest.mark.skipif(planted.COMPILER is None, reason="no C compiler")
def test_a_library_that_brings_the_gil_back_is_named(tmp_path, monkeypatch):
    """Not where it is measured, with PYTHON_GIL=0, but to whoever does not set that."""
    site, out = tmp_path / "site", tmp_path / "out"
    planted.extension(site, "ormsgpack.ormsgpack")
    (site / "ormsgpack" / "__init__.py").write_text(
        "import ormsgpack.ormsgpack\nfrom parapack import packb, unpackb\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    libraries = ["--library", "parapack", "--library", "ormsgpack"]
    small = ["--quick", "--repetitions", "1", "--seconds", "0.002", "--heap", "0"]
    process = run_lab(out, "threads", "--only", "pack trade, own", *libraries, *small)
    printed, err = process.communicate(timeout=support.PATIENCE)
    assert process.returncode == 0, err
    content = result_file(out)
    validate(content)
    seen = {arm["name"]: arm.get("brings_gil_back") for arm in content["arms"]}
    report = next(out.glob("*.html")).read_text()
    if not support.FREE_THREADED:
        assert set(seen.values()) == {None}
        return
    forced_off, forced_on = seen
    assert seen == {forced_off: {"parapack": None, "ormsgpack": "ormsgpack.ormsgpack"}, forced_on: None}
    for text in (printed, report):
        assert "ormsgpack brings" in text and "ormsgpack.ormsgpack" in text
    states = content["experiments"][0]["processes"]
    assert [states[name]["gil_enabled"] for name in (forced_off, forced_on)] == [False, True]


# ---- a GIL build against a free-threaded one --------------------------------------------------------------


def free_threaded_counterpart():
    """An interpreter of PYTHONS that is this one's version without the need for a GIL; None without one."""
    for path in os.environ.get("PYTHONS", "").split():
        with contextlib.suppress(arms.NoInterpreter):
            found = arms.probe(path)
            version = tuple(int(part) for part in found.version.split(".")[:2])
            if found.free_threaded and version == sys.version_info[:2]:
                return found
    return None


@pytest.mark.skipif(bool(support.SANITIZER), reason="builds Parapack for another interpreter")
@pytest.mark.skipif(support.FREE_THREADED, reason="asked of the build with a GIL")
def test_two_interpreters(tmp_path, monkeypatch):
    """The other one's environment is made, Parapack built for it, and both are measured and compared."""
    other = free_threaded_counterpart()
    if other is None:
        pytest.skip("PYTHONS names no free-threaded build of this version")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out"
    process = run_lab(
        out, "threads", "--python", sys.executable, "--python", other.path, "--parapack", str(support.ROOT),
        "--only", "pack trade, own", "--library", "parapack", "--quick", "--repetitions", "2",
        "--seconds", "0.005", "--threads", "2", "--heap", "0",
    )  # fmt: skip
    printed, err = process.communicate(timeout=2 * support.PATIENCE)
    assert process.returncode == 0, err
    content = result_file(out)
    validate(content)
    with_gil, off, on = content["arms"]
    assert [arm["interpreter"]["free_threaded_build"] for arm in content["arms"]] == [False, True, True]
    assert [arm["interpreter"]["gil_enabled"] for arm in content["arms"]] == [True, False, True]
    assert {arm["libraries"]["parapack"]["compiled"] for arm in content["arms"]} == {True}
    assert off["brings_gil_back"] == {"parapack": None}
    assert "brings_gil_back" not in with_gil and "brings_gil_back" not in on
    assert {case["arm"] for case in content["experiments"][0]["cases"]} == {
        arm["name"] for arm in content["arms"]
    }
    assert f"times better than {with_gil['name']}" in printed
