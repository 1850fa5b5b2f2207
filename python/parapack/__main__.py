"""`python -m parapack`: the same as the `parapack` command."""

import sys

from parapack.cli import main

if __name__ == "__main__":
    sys.exit(main())
