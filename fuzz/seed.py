"""Writes first inputs for the fuzz targets, from the golden vectors.

Usage: seed.py DIRECTORY    (makes DIRECTORY/TARGET/NAME)

Names are content hashes, as libFuzzer's are, so that seeding twice adds nothing.
"""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
LARGEST = 300

TEXTS = ["", "ascii", "ascii that is longer than one vector of thirty-two bytes", "d\u00e9j\u00e0 vu " * 6,
         "\u0421\u044a\u0435\u0448\u044c \u0435\u0449\u0451 " * 5, "\u3044\u308d\u306f\u306b\u307b\u3078\u3068 " * 4,
         "\u4eca\u65e5\U0001f31e RT @a: " * 4, "\U0001f600" * 20, "\u07ff\u0800\uffff\U00010000\U0010ffff"]  # fmt: skip


def expand(notation: str) -> bytes:
    spec = importlib.util.spec_from_file_location("generate", VECTORS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.expand(notation)


def main(directory: Path) -> None:
    vectors = [v for name in ("valid", "invalid") for v in json.loads((VECTORS / f"{name}.json").read_text())]
    encoded = [data for data in (expand(v["hex"]) for v in vectors) if len(data) <= LARGEST]
    texts = [text.encode() for text in TEXTS]
    texts += [text[:-1] for text in texts if text] + [b"\xed\xa0\x80", b"\xc0\x80", b"\xf5" * 40]
    inputs = {
        "decode_any": encoded,
        "round_trip": encoded,
        "streaming": [bytes([i % 40, i % 4]) + data for i, data in enumerate(encoded)],
        "tree": encoded,
        "utf8": texts,
    }
    for target, contents in inputs.items():
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)
        print(f"{target}: {len(contents)} seeds")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
