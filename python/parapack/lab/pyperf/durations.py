"""How long the benchmarks take, about.

For the estimate of the time left, and to tell a slow benchmark from one that hangs.
"""

from __future__ import annotations

_DEFAULT = 5.0
_SLOW = 2.0

_PATIENCE_SECONDS = 45.0
_PATIENCE = 8.0


def slow(name: str) -> bool:
    """Whether the values take so long that one for each process has to do."""
    return _ONE_PROCESS.get(name, _DEFAULT) >= _SLOW


def seconds(name: str) -> float:
    """One repetition of a benchmark, with one of pyperf's processes; only the first one calibrates."""
    usual = _ONE_PROCESS.get(name, _DEFAULT) * 0.7
    return usual / 2 if slow(name) else usual


def known() -> frozenset[str]:
    """The benchmarks whose durations were measured; others are given a middling one."""
    return frozenset(_ONE_PROCESS)


def limit(expected: float) -> float:
    """After how many seconds a run is taken to hang.

    Below `Case.limit` for the same figure: the process that measures is to survive it."""
    return _PATIENCE_SECONDS + _PATIENCE * expected


_ONE_PROCESS: dict[str, float] = {
    "2to3": 1.8,
    "argparse": 1.0,
    "argparse_subparsers": 1.2,
    "async_generators": 2.6,
    "async_tree": 2.7,
    "async_tree_cpu_io_mixed": 5.1,
    "async_tree_cpu_io_mixed_tg": 7.1,
    "async_tree_eager": 2.0,
    "async_tree_eager_cpu_io_mixed": 3.2,
    "async_tree_eager_cpu_io_mixed_tg": 2.8,
    "async_tree_eager_io": 6.2,
    "async_tree_eager_io_tg": 7.0,
    "async_tree_eager_memoization": 3.1,
    "async_tree_eager_memoization_tg": 3.9,
    "async_tree_eager_tg": 1.9,
    "async_tree_io": 4.2,
    "async_tree_io_tg": 4.3,
    "async_tree_memoization": 2.5,
    "async_tree_memoization_tg": 3.4,
    "async_tree_tg": 2.3,
    "asyncio_tcp": 4.3,
    "asyncio_tcp_ssl": 9.9,
    "asyncio_websockets": 4.2,
    "base64": 21.8,
    "bpe_tokeniser": 28.9,
    "chameleon": 2.1,
    "chaos": 1.1,
    "comprehensions": 1.2,
    "concurrent_imap": 2.4,
    "coroutines": 0.8,
    "coverage": 1.4,
    "crypto_pyaes": 1.3,
    "dask": 16.3,
    "deepcopy": 3.0,
    "deltablue": 1.0,
    "django_template": 3.0,
    "docutils": 18.0,
    "dulwich_log": 1.1,
    "fannkuch": 3.1,
    "fastapi": 4.9,
    "float": 0.8,
    "gc_collect": 1.7,
    "gc_traversal": 2.6,
    "generators": 1.7,
    "genshi": 3.1,
    "go": 1.9,
    "hexiom": 0.8,
    "html5lib": 1.3,
    "json_dumps": 1.3,
    "json_loads": 1.2,
    "logging": 8.4,
    "mako": 8.2,
    "mdp": 16.8,
    "meteor_contest": 1.4,
    "nbody": 1.3,
    "networkx": 24.2,
    "networkx_connected_components": 24.7,
    "networkx_k_core": 75.0,
    "nqueens": 1.0,
    "pathlib": 2.0,
    "pickle": 1.2,
    "pickle_dict": 1.1,
    "pickle_list": 1.0,
    "pickle_pure_python": 1.8,
    "pidigits": 7.6,
    "pprint": 25.0,
    "pyflate": 19.3,
    "python_startup": 7.4,
    "python_startup_no_site": 5.7,
    "raytrace": 2.2,
    "regex_compile": 1.2,
    "regex_dna": 1.7,
    "regex_effbot": 0.7,
    "regex_v8": 1.1,
    "richards": 1.1,
    "richards_super": 0.7,
    "scimark": 5.9,
    "spectral_norm": 1.3,
    "sphinx": 14.6,
    "sqlalchemy_declarative": 4.4,
    "sqlalchemy_imperative": 2.8,
    "sqlglot_v2": 2.6,
    "sqlglot_v2_optimize": 1.7,
    "sqlglot_v2_parse": 1.7,
    "sqlglot_v2_transpile": 1.5,
    "sqlite_synth": 1.4,
    "sympy": 30.0,
    "telco": 1.2,
    "tomli_loads": 28.1,
    "tornado_http": 2.5,
    "typing_runtime_protocols": 1.1,
    "unpack_sequence": 1.3,
    "unpickle": 1.0,
    "unpickle_list": 1.3,
    "unpickle_pure_python": 1.1,
    "xdsl": 1.8,
    "xml_etree": 6.6,
}
"""Seconds of a run with one measuring process and one that calibrates, on a CPU of 2.4 GHz of 2021."""
