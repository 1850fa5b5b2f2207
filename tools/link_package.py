"""Links the package's Python files beside a built extension, so that a build tree can be imported.

Usage: link_package.py SOURCE_PACKAGE BUILT_PACKAGE
"""

import sys
from pathlib import Path


def main(source: Path, built: Path) -> None:
    built.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.name == "__pycache__":
            continue
        link = built / entry.name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(entry)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
