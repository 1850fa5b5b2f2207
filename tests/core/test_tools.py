"""The checkers of tools/ find what they are there to find."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"


def run(tool: str, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


class Layers(unittest.TestCase):
    def check(self, path: str, include: str) -> tuple[int, str]:
        """Runs the check on a tree with one file that has one include."""
        with tempfile.TemporaryDirectory() as root:
            for part in ("core/base", "core/share", "core/wire", "include/parapack", "ext"):
                (Path(root) / part).mkdir(parents=True)
            (Path(root) / path).write_text(f"/* text */\n#include {include}\n")
            return run("check_layers.py", root)

    def test_allowed(self) -> None:
        for path, include in [
            ("core/wire/a.c", '"base/b.h"'),
            ("core/wire/a.c", '"wire/b.h"'),
            ("core/base/a.c", "<string.h>"),
            ("core/base/a.c", '"parapack/status.h"'),
            ("ext/a.c", "<Python.h>"),
            ("core/share/a.c", '"parapack/timestamp.h"'),
            ("core/base/a.c", "<pthread.h>"),
            ("include/parapack/writer.h", '"parapack/buffer.h"'),
            ("include/parapack/tree.h", '"parapack/reader.h"'),
        ]:
            with self.subTest(path=path, include=include):
                self.assertEqual(self.check(path, include), (0, "layers are kept\n"))

    def test_forbidden(self) -> None:
        for path, include in [
            ("core/base/a.c", '"wire/b.h"'),
            ("core/wire/a.c", "<Python.h>"),
            ("ext/a.c", '"wire/utf8_internal.h"'),
            ("ext/a.c", '"wire/header.h"'),
            ("ext/a.c", '"internal/pycore_object.h"'),
            ("core/wire/a.c", '"parapack/dict.h"'),
            ("core/base/a.c", '"parapack/writer.h"'),
            ("core/wire/a.c", '"../share/dict.h"'),
            ("core/wire/a.c", "<pthread.h>"),
            ("include/parapack/unheard.h", '"parapack/config.h"'),
            ("include/parapack/reader.h", '"parapack/dict.h"'),
            ("include/parapack/reader.h", '"wire/header.h"'),
            ("include/parapack/reader.h", "<Python.h>"),
        ]:
            with self.subTest(path=path, include=include):
                code, output = self.check(path, include)
                self.assertEqual(code, 1)
                self.assertTrue(output.startswith(f"{path}:2: "), output)


class Exports(unittest.TestCase):
    def check(self, header: str, exports: str) -> tuple[int, str]:
        """Checks a library that exports pp_one and pp_two."""
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "a.c").write_text("int pp_one(void) { return 1; }\nint pp_two(void) { return 2; }\n")
            subprocess.run(["cc", "-shared", "-fPIC", "a.c", "-o", "a.so"], cwd=root, check=True)
            (root / "a.h").write_text(header)
            (root / "exports.txt").write_text(exports)
            return run("check_exports.py", "library", root / "a.so", root, root / "exports.txt")

    BOTH = "PP_API int pp_one(void);\nPP_NODISCARD PP_API int\n pp_two(void);\n"

    def test_exact(self) -> None:
        self.assertEqual(self.check(self.BOTH, "pp_one\npp_two\n")[0], 0)

    def test_export_that_is_not_listed(self) -> None:
        self.assertEqual(self.check(self.BOTH, "pp_one\n")[0], 1)

    def test_listed_but_not_exported(self) -> None:
        code, output = self.check(self.BOTH, "pp_one\npp_two\npp_three\n")
        self.assertEqual(code, 1)
        self.assertIn("a.so: missing pp_three", output)

    def test_exported_but_not_declared(self) -> None:
        code, output = self.check("PP_API int pp_one(void);\n", "pp_one\npp_two\n")
        self.assertEqual(code, 1)
        self.assertEqual(output, "headers: missing pp_two\n")

    def test_extension(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "m.c").write_text("void *PyInit_m(void) { return 0; }\nint stray;\n")
            subprocess.run(["cc", "-shared", "-fPIC", "m.c", "-o", "m.so"], cwd=root, check=True)
            code, output = run("check_exports.py", "extension", root / "m.so")
            self.assertEqual((code, output), (1, "m.so: unexpected stray\n"))


if __name__ == "__main__":
    unittest.main()
