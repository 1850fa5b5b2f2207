"""The report in a real browser: Debian's Chromium, driven by selenium, headless, with its own profile.

On one interpreter only, because the page is the same on all. Pictures of what was tested are left in
build/report-pictures.
"""

import base64
import importlib.util
import itertools
import json
import sys
import time

import lab_report_data as data
import pytest
import support

from parapack.lab import report
from parapack.lab.report import distribution_chart, page, raw_data

PICTURES = support.ROOT / "build" / "report-pictures"
PHONE, TABLET, DESKTOP = 360, 768, 1280
SCHEMES = ("light", "dark")


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


report_pictures = _load(support.ROOT / "tools" / "report_pictures.py")

if sys.version_info[:2] != (3, 13) or support.FREE_THREADED or support.SANITIZER:
    pytest.skip(
        "the report is the same on all interpreters: seen in a browser on 3.13", allow_module_level=True
    )
if report_pictures.missing():
    pytest.skip(report_pictures.missing(), allow_module_level=True)

pytestmark = [pytest.mark.isolated, pytest.mark.thread_unsafe(reason="there is one browser")]


@pytest.fixture(scope="module")
def run():
    return data.results()


@pytest.fixture(scope="module")
def views(run):
    """What the page shows, before it is drawn."""
    with data.stand_ins_in_place():
        return page.run_view(run, "", "", raw_data.RawData(""))


@pytest.fixture(scope="module")
def path(run, tmp_path_factory):
    made = tmp_path_factory.mktemp("report") / "report.html"
    with data.stand_ins_in_place():
        report.write(run, made)
    return made


@pytest.fixture(scope="module")
def short_path(tmp_path_factory):
    """A report with every kind of chart that is quickly looked through."""
    made = tmp_path_factory.mktemp("short") / "report.html"
    short = data.results()
    short.experiments = [one for one in short.experiments if one.name not in ("threads", "compete", "share")]
    with data.stand_ins_in_place():
        report.write(short, made)
    return made


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chromium(downloads):
    with report_pictures.browser(downloads) as shown:
        yield shown


@pytest.fixture
def shown(chromium, path):
    """The report, freshly loaded, on a desktop in light colours. It must not have complained at the end."""
    chromium.wear()
    chromium.driver.get_log("browser")
    chromium.open(path)
    yield chromium
    assert chromium.driver.get_log("browser") == []


@pytest.fixture
def short(shown, short_path):
    """The short report."""
    shown.open(short_path)
    return shown


def test_it_opens_from_disk_and_does_what_it_promises_without_complaint(shown):
    assert shown.run("return location.protocol") == "file:"
    assert shown.run("return document.title") == shown.run("return document.querySelector('h1').textContent")
    loaded = "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"
    assert shown.run(loaded) == 0


# ---- charts ---------------------------------------------------------------------------------------------

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


def test_every_chart_has_its_marks(shown, views):
    blocks = [block for view in views.experiments for block in view.blocks]
    blocks += [one.block for one in views.null_tests]
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


# ---- filters, sorting, the download ---------------------------------------------------------------------


VISIBLE = """
return [...arguments[0].querySelectorAll("tbody tr")].filter(row => row.checkVisibility())
  .map(row => row.cells[0].firstChild.textContent.trim());
"""


def find(shown, selector, inside=None):
    return (inside or shown.driver).find_element("css selector", selector)


def choose(shown, select, value):
    """Chooses an entry of a list, as a user does."""
    find(shown, f'option[value="{value}"]', select).click()


def matrix_of(views):
    blocks = [block for view in views.experiments for block in view.blocks if block.kind == "matrix"]
    return blocks[0].figures[0].chart


def test_the_matrix_is_searched_and_filtered(shown, views):
    chart = matrix_of(views)
    figure = find(shown, "figure.matrix")
    search, column, state = (
        find(shown, what, figure) for what in ("input", "[data-filter=column]", "[data-filter=state]")
    )
    every = [row.name for row in chart.rows]
    assert shown.run(VISIBLE, figure) == every
    search.send_keys("ms")
    assert shown.run(VISIBLE, figure) == [name for name in every if "ms" in name]
    assert find(shown, ".shown", figure).text.endswith(f" of {len(every)} rows")
    search.clear()
    search.send_keys("nothing is called that")
    assert shown.run(VISIBLE, figure) == []
    search.clear()
    search.send_keys(" ")
    choose(shown, state, "bad")
    bad = [row.name for row in chart.rows if any(cell.state.value == "bad" for cell in row.cells)]
    assert shown.run(VISIBLE, figure) == bad and 0 < len(bad) < len(every)
    choose(shown, column, "2")
    of_column = [row.name for row in chart.rows if row.cells[2].state.value == "bad"]
    assert shown.run(VISIBLE, figure) == of_column and 0 < len(of_column) < len(bad)
    search.send_keys(of_column[0])
    assert shown.run(VISIBLE, figure) == [name for name in of_column if of_column[0] in name]


def test_ratios_and_tables_are_searched(shown, views):
    figure = find(shown, "#pyperformance + p ~ figure.ratio")
    find(shown, "summary", figure).click()
    find(shown, "input", figure).send_keys("async_tree")
    assert sorted(shown.run(VISIBLE, figure)) == ["async_tree_io", "async_tree_none", "geometric mean"][:2]
    find(shown, "section.experiment .tables > summary").click()
    table = find(shown, "section.experiment .tables .table")
    find(shown, "input", table).send_keys("iso639")
    assert shown.run(VISIBLE, table) == ["iso639"]


def test_a_table_is_sorted_by_figures_and_by_text(shown):
    find(shown, "section.experiment .tables > summary").click()
    table = find(shown, "section.experiment .tables table")
    headers = table.find_elements("css selector", "thead th")
    by_time = find(shown, "button", headers[1])
    by_time.click()
    assert headers[1].get_attribute("aria-sort") == "ascending"
    rising = column(shown, table, 1)
    assert rising == sorted(rising, key=seconds) and rising != sorted(rising)
    by_time.click()
    assert headers[1].get_attribute("aria-sort") == "descending"
    assert column(shown, table, 1) == rising[::-1]
    find(shown, "button", headers[0]).click()
    assert headers[1].get_attribute("aria-sort") is None
    names = column(shown, table, 0)
    # Numbers within text count as numbers.
    assert names.index("bin 4 KiB") < names.index("bin 16 KiB") < names.index("str 1 KiB")
    find(shown, "button", headers[0]).click()
    assert column(shown, table, 0) == names[::-1]


def column(shown, table, index):
    script = "return [...arguments[0].tBodies[0].rows].map(r => r.cells[arguments[1]].textContent)"
    return shown.run(script, table, index)


def seconds(text):
    number, unit = text.split()
    return float(number) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


def test_the_link_saves_the_very_figures(shown, downloads, tmp_path, run):
    alone = data.results(again=False)
    alone.experiments = alone.experiments[1:2]
    small = tmp_path / "small.html"
    with data.stand_ins_in_place():
        report.write(alone, small)
    shown.open(small)
    link = find(shown, "a.download")
    assert link.get_attribute("download").endswith(".json.gz")
    link.click()
    saved = downloads / "lab-20261122-200000.json"
    assert json.loads(saved_content(saved)) == json.loads(json.dumps(alone.as_dict()))


def saved_content(path):
    """What a download contains once it is there."""
    deadline = time.monotonic() + support.PATIENCE / 4
    while not path.exists():
        assert time.monotonic() < deadline, f"nothing was saved: {list(path.parent.iterdir())}"
        time.sleep(0.02)
    return path.read_bytes()


# ---- keyboard, structure, accessibility -----------------------------------------------------------------


def press(shown, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(shown.driver).send_keys(*keys).perform()


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(shown):
    from selenium.webdriver.common.keys import Keys

    press(shown, Keys.TAB)
    assert shown.run("return document.activeElement.className") == "skip"
    assert shown.run("return document.activeElement.getBoundingClientRect().top") >= 0, "seen when focused"
    order = []
    for _ in range(30):
        press(shown, Keys.TAB)
        order.append(
            shown.run("""
              const all = [...document.querySelectorAll("*")], at = document.activeElement;
              const outline = parseFloat(getComputedStyle(at).outlineWidth);
              return [all.indexOf(at), outline, at.outerHTML.slice(0, 80)];
            """)
        )
    places = [place for place, _, _ in order]
    assert places == sorted(set(places)), "in the order of the page, nothing twice"
    assert [what for _, width, what in order if width < 2] == []
    shown.run("document.activeElement.blur(); document.querySelector('.skip').focus()")
    press(shown, Keys.ENTER)
    assert shown.run("return document.activeElement.id") == "main"
    press(shown, Keys.TAB)
    assert shown.run("return document.activeElement.closest('main') !== null")


def test_a_filter_works_by_keyboard_alone(shown):
    from selenium.webdriver.common.keys import Keys

    shown.run("document.querySelector('.matrix input').focus()")
    press(shown, "orjson", Keys.TAB, Keys.TAB, Keys.TAB)
    assert shown.run("return document.activeElement.getAttribute('role')") == "region", (
        "the table can be scrolled"
    )
    assert shown.run(VISIBLE, find(shown, "figure.matrix")) == ["orjson"]


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
      return [...document.querySelectorAll("svg")].filter(svg => !svg.closest("[aria-hidden=true]"))
        .filter(svg => svg.role !== "img" || !says(svg, "title") || !says(svg, "desc"))
        .map(svg => svg.outerHTML.slice(0, 100));
    """)
        == []
    )


def test_axe_finds_nothing(short):
    axe_selenium_python = pytest.importorskip("axe_selenium_python", reason="pip install axe-selenium-python")
    unfold(short)
    axe = axe_selenium_python.Axe(short.driver)
    axe.inject()
    # Contrast is checked below, in both schemes and in drawings too.
    found = axe.run(options='{"rules": {"color-contrast": {"enabled": false}}}')["violations"]
    assert found == [], axe.report(found)


def unfold(shown):
    shown.run("for (const part of document.querySelectorAll('details')) part.open = true")


# ---- sizes, schemes, paper ------------------------------------------------------------------------------

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


def test_the_scheme_can_be_chosen(shown):
    background = "return getComputedStyle(document.documentElement).backgroundColor"
    light = shown.run(background)
    choose(shown, find(shown, "#scheme"), "dark")
    assert shown.run(background) != light
    shown.wear(scheme="dark")
    choose(shown, find(shown, "#scheme"), "light")
    assert shown.run(background) == light
    choose(shown, find(shown, "#scheme"), "")
    assert shown.run(background) != light


def test_series_differ_by_more_than_their_colours(shown):
    looks = shown.run("""
      return [...document.querySelector(".legend").children].map(entry => {
        const line = entry.querySelector("line"), mark = entry.querySelector("use");
        return [getComputedStyle(line).strokeDasharray, mark?.getAttribute("href") ?? ""].join();
      });
    """)
    assert len(set(looks)) == len(looks) >= 5


def test_on_paper_everything_is_unfolded_and_nothing_can_be_clicked(short):
    short.wear(1000, media="print")
    assert (
        short.run("""
      const forClicks = [...document.querySelectorAll(".needs-script, nav, .skip")];
      return forClicks.filter(element => element.checkVisibility()).length;
    """)
        == 0
    )
    folded = short.run("return [...document.querySelectorAll('details')].map(part => part.lastElementChild)")
    assert folded and all(short.run("return arguments[0].map(one => one.checkVisibility())", folded))
    paper = short.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(paper["data"]).startswith(b"%PDF")
    assert short.run("return document.querySelectorAll('details[open]').length") == 0, (
        "folded again afterwards"
    )


def test_without_javascript_only_filters_are_missing(shown, path, tmp_path):
    text = path.read_text(encoding="utf-8")
    begin, end = text.rindex("<script>"), text.rindex("</script>")
    plain = tmp_path / "plain.html"
    plain.write_text(text[:begin] + text[end + len("</script>") :], encoding="utf-8")
    words = "return document.querySelector('main').innerText.replaceAll(/\\s+/g, ' ')"
    with_script = shown.run(words)
    shown.open(plain)
    assert (
        shown.run("return [...document.querySelectorAll('.needs-script')].some(e => e.checkVisibility())")
        is False
    )
    without = shown.run(words)
    assert len(without) > 0.95 * len(with_script)
    address = find(shown, "a.download").get_attribute("href")
    assert address.startswith("data:application/gzip;base64,")


def test_hostile_text_does_nothing(shown, tmp_path, monkeypatch):
    hostile = "</script><script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"
    run = data.results(again=False)
    run.machine["processor"] = run.experiments[0].error = run.experiments[0].cases[0].error = hostile
    run.arms[0]["libraries"]["msgpack"]["version"] = hostile
    made = tmp_path / "hostile.html"
    with data.stand_ins_in_place():
        report.write(run, made)
    shown.open(made)
    assert shown.run("return document.title") != "taken over"
    assert shown.run("return document.images.length") == 0
    assert shown.run("return document.scripts.length") == 1
    assert hostile in shown.run("return document.querySelector('.failure').textContent")


# ---- pictures -------------------------------------------------------------------------------------------


def test_pictures_of_what_was_tested(short, short_path):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    written = report_pictures.write_pictures(short, short_path, PICTURES)
    names = {one.stem for one in written}
    assert {"verdicts-light", "verdicts-dark", "phone", "web-line", "packages-matrix"} <= names
    for one in written:
        assert one.read_bytes().startswith(b"\x89PNG") and one.stat().st_size > 5_000
