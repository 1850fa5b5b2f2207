"""`make lint` and `make format`: what .pre-commit-config.yaml says about all files that are in git.

python3 tools/lint.py          check format, style, types and spelling; nothing is changed
python3 tools/lint.py --fix    put the format right
"""

import argparse
import os
import sys
from pathlib import Path

import system
from stages import BUILD, ROOT, Stages

FIXERS = ("fix-clang-format", "fix-ruff-check", "fix-ruff-format")


def run(stages: Stages, *, fix: bool = False) -> bool:
    """Run the hooks on every file; the tools come from PyPI, pinned, once."""
    if not (ROOT / ".git").exists():
        stages.say("lint: left out, because this is not a git checkout")
        return True
    environment = {"PRE_COMMIT_HOME": str(BUILD / "pre-commit")}
    pre_commit = system.tools_venv(stages, "pre-commit>=4") / "pre-commit"
    command: list[str | Path] = [pre_commit, "run", "--all-files", "--color", "never"]
    if not fix:
        return stages.run("sources", "lint", command, env=environment)
    # A hook "fails" when it has changed something; running it again tells whether something is left.
    for hook in FIXERS:
        once = [*command, "--hook-stage", "manual", hook]
        stages.attempt("sources", hook, once, env=environment)
        stages.run("sources", f"{hook} again", once, env=environment)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fix", action="store_true", help="put the format right")
    fix = parser.parse_args().fix
    os.chdir(ROOT)
    stages = Stages()
    run(stages, fix=fix)
    return stages.finish()


if __name__ == "__main__":
    sys.exit(main())
