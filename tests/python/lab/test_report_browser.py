"""Every report in a real browser: charts with all their marks, at every width, in both colour schemes.

An invented run with every kind of chart, finding and failure, and the example of the documentation.
"""

import itertools
from types import SimpleNamespace

import lab_browser
import lab_report_data as data
import pytest
from lab_browser import DESKTOP, PHONE, TABLET, unfold
from lab_support import EXAMPLE

from parapack.lab import report, results_file
from parapack.lab.report import distribution_chart, page, raw_data

lab_browser.require()

SCHEMES = ("light", "dark")

pytestmark = [pytest.mark.isolated, pytest.mark.thread_unsafe(reason="there is one browser")]


@pytest.fixture(scope="module", params=["invented", "example"])
def made(request, tmp_path_factory):
    """The `path` of a report, and the `view` of its run: what the page shows, before it is drawn."""
    if request.param == "example":
        run, path = results_file.load(EXAMPLE), EXAMPLE.with_suffix(".html")
        return SimpleNamespace(path=path, view=page.run_view(run, "", "", raw_data.RawData("")))
    run, path = data.results(), tmp_path_factory.mktemp("report") / "report.html"
    with data.stand_ins_in_place():
        report.write(run, path)
        return SimpleNamespace(path=path, view=page.run_view(run, "", "", raw_data.RawData("")))


@pytest.fixture
def shown(chromium, made):
    with lab_browser.opened(chromium, made.path) as shown:
        yield shown


def test_it_opens_from_disk_and_does_what_it_promises_without_complaint(shown):
    assert shown.run("return location.protocol") == "file:"
    assert shown.run("return document.title") == shown.run("return document.querySelector('h1').textContent")
    loaded = "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"
    assert shown.run(loaded) == 0


# ---- charts -------------------------------------------------------------------------------------------

MARKS = """
return [...document.querySelectorAll("figure.chart")].map(figure => {
  const count = selector => figure.querySelectorAll(selector).length;
  return [figure.dataset.kind, figure.querySelector("h3").textContent, {
    line: count(".field use"),
    ratio: count(".tracks tbody use[x]"),
    distribution: count(".tracks tbody use[x]") + count(".field use"),
    bar: count(".tracks rect.bar"),
    matrix: count("td[data-state]"),
  }[figure.dataset.kind]];
});
"""


def expected_marks(figure):
    """How many figures a chart has to show."""
    chart, picture = figure.chart, figure.picture
    if figure.kind == "line":
        return sum(len(series.points) for series in chart.series)
    if figure.kind == "ratio":
        return sum(row.estimate is not None for row in chart.rows)
    if figure.kind == "distribution":
        count = sum(len(distribution_chart.signed(one.quantiles)) for one in chart.distributions)
        return 2 * count if picture.curves else count
    if figure.kind == "bar":
        return sum(len(bar.values) for bar in chart.bars)
    return len(chart.rows) * len(chart.columns)


def test_every_chart_has_its_marks(shown, made):
    blocks = [block for view in made.view.experiments for block in view.blocks]
    blocks += [one.block for one in made.view.null_tests]
    figures = [figure for block in blocks for figure in block.figures]
    expected = [[one.kind, one.chart.title, expected_marks(one)] for one in figures]
    assert {one.kind for one in figures} == {"line", "ratio", "distribution", "bar", "matrix"}
    assert shown.run(MARKS) == expected


def test_marks_lie_where_they_can_be_seen(shown):
    outside = shown.run("""
      const lost = [];
      for (const svg of document.querySelectorAll(".field, .tracks svg, .overview")) {
        if (!svg.checkVisibility()) continue;
        const box = svg.getBoundingClientRect();
        for (const mark of svg.querySelectorAll("use[x], rect")) {
          const one = mark.getBoundingClientRect();
          const x = one.x + one.width / 2, y = one.y + one.height / 2;
          const inside = x >= box.left - 1 && x <= box.right + 1 && y >= box.top - 1 && y <= box.bottom + 1;
          if (!inside || !(one.width + one.height > 0)) lost.push(mark.outerHTML);
        }
      }
      return lost;
    """)
    # A bar of nothing, or an interval too narrow for a pixel, has no width.
    assert [one for one in outside if 'width="0%"' not in one] == []


# ---- structure ----------------------------------------------------------------------------------------


def test_headings_landmarks_and_tables_have_an_order(shown):
    levels = shown.run("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - before <= 1 for before, later in itertools.pairwise(levels))
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert len(shown.driver.find_elements("css selector", landmark)) == 1
    assert shown.run("return [...document.querySelectorAll('th')].filter(h => !h.scope).length") == 0
    assert (
        shown.run("""
      const says = (svg, tag) => svg.querySelector(`:scope > ${tag}`)?.textContent;
      return [...document.querySelectorAll("svg:not(svg svg, [aria-hidden=true] *, [aria-hidden=true])")]
        .filter(svg => svg.role !== "img" || !says(svg, "title") || !says(svg, "desc"))
        .map(svg => svg.outerHTML.slice(0, 100));
    """)
        == []
    )


# ---- sizes, schemes -----------------------------------------------------------------------------------

WIDER = """
const room = document.documentElement.clientWidth;
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  if (!element.checkVisibility() || element.closest(".unseen, .scroll *, symbol, defs, .sprite")) continue;
  const box = element.getBoundingClientRect();
  if (box.right > room + 1 || box.left < -1) found.push(element.outerHTML.slice(0, 120));
}
return [document.documentElement.scrollWidth - room, found];
"""


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
def test_nothing_is_wider_than_the_window(shown, width, folded):
    shown.wear(width)
    if not folded:
        unfold(shown)
    assert shown.run(WIDER) == [0, []]


def test_text_is_large_enough_on_a_phone(shown):
    shown.wear(PHONE)
    unfold(shown)
    assert (
        shown.run("""
      return [...document.querySelectorAll("svg text, p, li, td, th, summary")]
        .filter(element => element.checkVisibility() && parseFloat(getComputedStyle(element).fontSize) < 12)
        .map(element => element.outerHTML.slice(0, 100));
    """)
        == []
    )


def test_labels_of_an_axis_do_not_overlap_on_a_phone(shown):
    shown.wear(PHONE)
    assert (
        shown.run("""
      const found = [];
      for (const svg of document.querySelectorAll("svg")) {
        const boxes = [...svg.querySelectorAll("text:not(.axis-label)")].filter(t => t.checkVisibility())
          .map(text => text.getBoundingClientRect());
        for (let i = 0; i < boxes.length; i++)
          for (let k = i + 1; k < boxes.length; k++)
            if (boxes[i].left < boxes[k].right && boxes[k].left < boxes[i].right &&
                boxes[i].top < boxes[k].bottom - 2 && boxes[k].top < boxes[i].bottom - 2)
              found.push(svg.parentElement.textContent.trim().slice(0, 80));
      }
      return found;
    """)
        == []
    )


CONTRAST = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const parse = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const ratio = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
const below = element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  throw new Error("nothing opaque below " + element.outerHTML);
};
const found = [];
const check = (element, colour, least) => {
  const value = ratio(parse(colour), below(element));
  if (value < least) found.push([element.outerHTML.slice(0, 100), colour, value]);
};
let count = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !element.checkVisibility()) continue;
  if (element.closest("script, title, desc, option, .unseen")) continue;
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  check(element, element.closest("svg") ? style.fill : style.color, large ? 3 : 4.5);
  count++;
}
const marks = ".field use, .tracks use[x], .overview use, .bar, .sign use, .states use";
for (const mark of document.querySelectorAll(marks))
  if (mark.checkVisibility()) { check(mark, getComputedStyle(mark).fill, 3); count++; }
for (const line of document.querySelectorAll(".curve, .ideal, .whisker, .axis, .reference"))
  if (line.checkVisibility()) { check(line, getComputedStyle(line).stroke, 3); count++; }
return [count, found];
"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_schemes_can_be_read(shown, scheme):
    shown.wear(scheme=scheme)
    unfold(shown)
    count, found = shown.run(CONTRAST)
    assert found == []
    assert count > 1000
    dark = shown.run(
        "return getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0] < 128"
    )
    assert dark == (scheme == "dark")
