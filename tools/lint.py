"""`make lint`: format, style, types and spelling of all files in git, as .pre-commit-config.yaml says."""

import os
import sys

import system
from stages import BUILD, ROOT, Stages


def run(stages: Stages) -> bool:
    """Run every hook on every file; the tools come from PyPI, pinned, once."""
    if not (ROOT / ".git").exists():
        stages.say("lint: left out, because this is not a git checkout")
        return True
    environment = {"PRE_COMMIT_HOME": str(BUILD / "pre-commit")}
    pre_commit = system.tools_venv(stages, "pre-commit>=4") / "pre-commit"
    show = ["--show-diff-on-failure", "--color", "never"]
    return stages.run("sources", "lint", [pre_commit, "run", "--all-files", *show], env=environment)


def main() -> int:
    os.chdir(ROOT)
    stages = Stages()
    run(stages)
    return stages.finish()


if __name__ == "__main__":
    sys.exit(main())
