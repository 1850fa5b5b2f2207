"""The example report of the documentation."""

import support

from parapack.lab import report, results_file
from parapack.lab.report import MOST_BYTES


def test_it_is_what_its_figures_make(tmp_path):
    (figures,) = (support.ROOT / "docs" / "examples").glob("*.json")
    report.write(results_file.load(figures), tmp_path / "report.html")
    again = f"parapack lab report {figures.relative_to(support.ROOT)}"
    assert (tmp_path / "report.html").read_text() == figures.with_suffix(".html").read_text(), again
    assert figures.with_suffix(".html").stat().st_size < MOST_BYTES
