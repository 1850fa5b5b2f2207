"""What a reader does with a report, in a real browser: filters, sorting, the download, the keyboard, paper, a
browser without JavaScript; and a run whose texts are hostile.

Pictures of what was tested are left in build/report-pictures.
"""

import base64
import json
import time

import lab_browser
import lab_report_data as data
import pytest
import support
from lab_browser import find, report_pictures, unfold

from parapack.lab import report
from parapack.lab.report import page, raw_data

lab_browser.require()

PICTURES = support.ROOT / "build" / "report-pictures"

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


@pytest.fixture
def shown(chromium, path):
    with lab_browser.opened(chromium, path) as shown:
        yield shown


@pytest.fixture
def short(shown, short_path):
    """The short report."""
    shown.open(short_path)
    return shown


# ---- filters, sorting, the download -------------------------------------------------------------------

VISIBLE = """
return [...arguments[0].querySelectorAll("tbody tr")].filter(row => row.checkVisibility())
  .map(row => row.cells[0].firstChild.textContent.trim());
"""


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


# ---- keyboard, accessibility --------------------------------------------------------------------------


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


def test_axe_finds_nothing(short):
    axe_selenium_python = pytest.importorskip("axe_selenium_python", reason="pip install axe-selenium-python")
    unfold(short)
    axe = axe_selenium_python.Axe(short.driver)
    axe.inject()
    # Contrast is checked below, in both schemes and in drawings too.
    found = axe.run(options='{"rules": {"color-contrast": {"enabled": false}}}')["violations"]
    assert found == [], axe.report(found)


# ---- schemes, paper, no JavaScript, hostile text ------------------------------------------------------


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


# ---- pictures -----------------------------------------------------------------------------------------


def test_pictures_of_what_was_tested(short, short_path):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    written = report_pictures.write_pictures(short, short_path, PICTURES)
    names = {one.stem for one in written}
    assert {"verdicts-light", "verdicts-dark", "phone", "web-line", "packages-matrix"} <= names
    for one in written:
        assert one.read_bytes().startswith(b"\x89PNG") and one.stat().st_size > 5_000
