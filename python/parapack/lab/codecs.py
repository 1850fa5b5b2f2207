"""The MessagePack libraries that are measured, each behind the same two calls.

A library that does not import here is absent, with the reason; a library that imports but lost its C
speed-up on the way (msgpack then runs its pure Python twin without a word) is marked as not compiled, so
that nobody takes its figures for those of the real thing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Call = Callable[[Any], Any]
Calls = tuple[Call, Call]
"""`(pack, unpack)`: an object to bytes, and bytes to an object, with the library's default options."""

SUBJECT = "parapack"
"""The library that is compared with all others."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A library that can be measured."""

    name: str
    version: str
    compiled: bool
    """Whether its C (or Rust) implementation is what runs."""
    implementation: str
    """The module whose code runs."""
    make: Callable[[], Calls]
    """Makes a fresh pair of calls. Each measuring thread makes its own: on free-threaded builds threads
    that share a bound method or an encoder object would contend on its reference count and measure that."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A library that does not import in this process."""

    name: str
    reason: str


def _functions(name: str) -> Calls:
    module = importlib.import_module(name)
    return module.packb, module.unpackb


def _msgspec() -> Calls:
    """msgspec's fastest way: an encoder and a decoder that are made once."""
    msgpack = importlib.import_module("msgspec.msgpack")
    return msgpack.Encoder().encode, msgpack.Decoder().decode


_MAKERS: dict[str, Callable[[], Calls]] = {
    "parapack": lambda: _functions(SUBJECT),
    "msgpack": lambda: _functions("msgpack"),
    "ormsgpack": lambda: _functions("ormsgpack"),
    "msgspec": _msgspec,
}

# Where the code that does the work lives, when the library was built completely.
_COMPILED_MODULES: dict[str, tuple[str, ...]] = {
    "parapack": ("parapack._parapack",),
    "msgpack": ("msgpack._cmsgpack",),
    "ormsgpack": ("ormsgpack.ormsgpack", "ormsgpack._ormsgpack"),
    "msgspec": ("msgspec._core",),
}

NAMES: tuple[str, ...] = tuple(_MAKERS)
"""Every library the lab knows, Parapack first."""
PEERS: tuple[str, ...] = tuple(name for name in NAMES if name != SUBJECT)


def load(name: str) -> Codec | Absent:
    """Imports one library by name and makes sure that it works: a small message must survive a round trip."""
    if name not in _MAKERS:
        raise ValueError(f"no library named {name!r}; known: {', '.join(NAMES)}")
    make = _MAKERS[name]
    # Where the package does not import, `bootstrap` has left the reason in its place.
    unavailable = getattr(sys.modules.get(name), "__lab_absent__", None)
    if unavailable is not None:
        return Absent(name, unavailable)
    try:
        pack, unpack = make()
        if unpack(pack([1, "a", {"b": None}])) != [1, "a", {"b": None}]:
            return Absent(name, "a small message does not survive a round trip")
    except Exception as error:
        # An extension of another interpreter or a broken install can fail with nearly anything.
        return Absent(name, f"{type(error).__name__}: {error}".splitlines()[0])
    implementation = _implementation(name)
    return Codec(name, _version(name), implementation in _COMPILED_MODULES[name], implementation, make)


def load_all(names: tuple[str, ...] = NAMES) -> tuple[list[Codec], list[Absent]]:
    """Loads several libraries: those that work here and those that are absent, in the order of `names`."""
    loaded = [load(name) for name in names]
    present = [codec for codec in loaded if isinstance(codec, Codec)]
    return present, [codec for codec in loaded if isinstance(codec, Absent)]


def _implementation(name: str) -> str:
    """The module whose code runs. For msgpack its Packer tells the C one from the pure Python twin."""
    if name == "msgpack":
        return str(importlib.import_module(name).Packer.__module__)
    loaded = [module for module in _COMPILED_MODULES[name] if _is_extension(module)]
    return loaded[0] if loaded else name


def _is_extension(module_name: str) -> bool:
    module = sys.modules.get(module_name)
    file = getattr(module, "__file__", None)
    return file is not None and file.endswith((".so", ".pyd"))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = getattr(importlib.import_module(name), "__version__", "unknown")
        return str(version)
