"""The exceptions of `share.Queue`: those of the standard library's `queue`, where it has them."""

from queue import Empty, Full

try:
    from queue import ShutDown  # type: ignore[attr-defined, unused-ignore]
except ImportError:  # before 3.13

    class ShutDown(Exception):  # type: ignore[no-redef]
        """Raised by put() and get() of a queue that was shut down."""

    ShutDown.__module__ = "parapack.share"

__all__ = ["Empty", "Full", "ShutDown"]
