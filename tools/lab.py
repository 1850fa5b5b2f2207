"""`make run` and `make bench`: Parapack and its peers in one virtual environment, and the measurements in it.

    python3 tools/lab.py run      all experiments of the lab in their quick size; the report is in results/
    python3 tools/lab.py bench    every line of the project's table of targets (bench/README.md)

PYTHONS adds interpreters to both, by blanks between their paths.
"""

import argparse
import os
import subprocess
import sys

import system
from interpreters import Interpreter, build_wheel, make_venv, pip_install, requested
from stages import ROOT, Stages

PEERS = ("msgpack", "ormsgpack", "msgspec", "ft_utils", "cereggii")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "bench"))
    what = parser.parse_args().what
    stages = Stages()
    interpreters = requested()
    here = interpreters[0]
    system.require(stages, interpreters)
    if what == "run":
        system.offer(stages, system.LAB_PROGRAMS)
    if not prepare(stages, here):
        return stages.finish()
    others = [str(interpreter.executable) for interpreter in interpreters[1:]]
    stages.say("measuring")
    if what == "run":
        command = [str(here.python), "-m", "parapack", "lab", "run", "--quick", "--out", "results"]
        # Other interpreters cannot use the wheel that was built for this one.
        command += ["--parapack", str(ROOT)]
        for executable in [str(here.python), *others] if others else []:
            command += ["--python", executable]
    else:
        command = [str(here.python), "bench/run_all.py"]
    return measure(command, {**os.environ, "PYTHONS": " ".join(others)})


def measure(command: list[str], environment: dict[str, str]) -> int:
    """Run the measurements, which draw their own progress on the terminal. Returns their exit status.

    Ctrl-C reaches them as well, and they end by themselves: with a report of what they have measured so far.
    """
    with subprocess.Popen(command, cwd=ROOT, env=environment) as child:
        try:
            while True:
                try:
                    return child.wait()
                except KeyboardInterrupt:
                    continue
        except SystemExit:
            child.terminate()
            raise


def prepare(stages: Stages, interpreter: Interpreter) -> bool:
    """The virtual environment with Parapack, the lab's packages and whichever peers have a wheel for it."""
    if not make_venv(stages, interpreter):
        return False
    wheel = build_wheel(stages, interpreter)
    if wheel is None:
        return False
    ok = stages.run(
        interpreter.tag,
        "install parapack[lab]",
        pip_install(interpreter, f"{wheel}[lab]"),
        pip_install(interpreter, "--no-deps", "--force-reinstall", wheel),
    )
    if not ok:
        return False
    for peer in PEERS:
        stages.attempt(
            interpreter.tag, f"install {peer}", pip_install(interpreter, "--only-binary", ":all:", peer)
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
