"""The example report of the documentation."""

import support
from lab_support import EXAMPLE

from parapack.lab import report, results_file
from parapack.lab.report import MOST_BYTES


def test_it_is_what_its_figures_make(tmp_path):
    report.write(results_file.load(EXAMPLE), tmp_path / "report.html")
    committed = EXAMPLE.with_suffix(".html")
    again = f"parapack lab report {EXAMPLE.relative_to(support.ROOT)}"
    assert (tmp_path / "report.html").read_text() == committed.read_text(), again
    assert committed.stat().st_size < MOST_BYTES
