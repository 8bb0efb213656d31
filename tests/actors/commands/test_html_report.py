"""The HTML report in a real browser: nothing runs, everything shows, nothing is loaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import glancemetrics as gm
from glancemetrics.reporting.html import to_html
from glancemetrics.simulation import Shape, Traffic
from glancemetrics.words.escaping import visible
from tests.actors.archive.logs import write
from tests.chromium import Page, chromium
from tests.conftest import needs
from tests.lines import BASE, line

pytestmark = pytest.mark.terminal

ATTACKS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "'><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "<iframe src=http://192.0.2.1/></iframe>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "\x1b[31m\x1b]8;;http://x\x07\u202e\u200b",
    "&lt;script&gt;&amp;",
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if shutil.which("chromium-browser") is None:
        needs("chromium")
    with chromium() as page:
        yield page


def opened(page: Page, log: Path, name: str = "report.html") -> gm.Report:
    report = gm.report(log)
    path = log.parent / name
    path.write_text(to_html(report, BASE), encoding="utf-8")
    page.open(path)
    assert page.requested() == [path.as_uri()]
    assert page.complaints() == []
    return report


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(Traffic(Shape(1), seed=4).seconds(BASE, 8000)))
    return path


def test_a_hostile_log_runs_nothing_and_shows_everything(page: Page, tmp_path: Path) -> None:
    texts = [attack.replace('"', r"\"").replace(" ", "+") for attack in ATTACKS]
    lines = b"".join(
        line(host=text, user=text, request=f"GET /{text} HTTP/1.1", status=404, referrer=text,
             agent=text)
        for text in texts
    )  # fmt: skip
    log = Path(write(tmp_path / "<img src=x onerror=alert(1)>.log", lines + texts[0].encode()))
    report = opened(page, log)
    assert report.rejects.count == 1
    assert page.run("document.title") == f"{log} · GlanceMetrics"
    assert page.run("document.querySelectorAll('iframe, img, link, object, embed').length") == 0
    assert page.run("document.scripts.length") == 1
    shown = page.run("document.body.textContent")
    for text in texts:
        assert shown.count(visible(text)) >= 4, text
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_what_is_not_our_script_does_not_run(page: Page, log: Path) -> None:
    path = log.parent / "report.html"
    path.write_text(
        to_html(gm.report(log), BASE).replace(
            "</main>",
            "<script>document.title='owned'</script><img src='http://192.0.2.1/x.png'>"
            "<p onclick=\"document.title='owned'\" id=trap>x</p></main>",
        )
    )
    page.open(path)
    page.run("document.getElementById('trap').click()")
    assert page.run("document.title") != "owned"
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


def rows(page: Page, panel: str, column: int) -> list[str]:
    return page.run(
        f"[...document.querySelectorAll('#{panel} tbody:not([hidden])')]"
        f".map((group) => group.rows[0].cells[{column}].textContent)"
    )


def click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def test_tables_fold_sort_and_search(page: Page, log: Path) -> None:
    report = opened(page, log)
    names = [row.name for row in report.panel("paths").rows]
    assert rows(page, "paths", 0) == names[:10]
    click(page, "#paths .tools button")
    assert rows(page, "paths", 0) == names
    click(page, "#paths thead th:nth-child(5) button")
    sent = [row.bytes for row in sorted(report.panel("paths").rows, key=lambda r: -r.bytes)]
    cells = "(g) => +g.rows[0].cells[4].dataset.value"
    shown = page.run(f"[...document.querySelectorAll('#paths tbody')].map({cells})")
    assert shown == sent
    click(page, "#paths thead th:nth-child(5) button")
    assert rows(page, "paths", 0)[-1] == max(report.panel("paths").rows, key=lambda r: r.bytes).name
    click(page, "#paths thead th:first-child button")
    assert rows(page, "paths", 0)[0] == min(names)
    page.run(
        "{const box = document.querySelector('#paths input'); box.value = 'CSS';"
        "box.dispatchEvent(new Event('input'));}"
    )
    assert sorted(rows(page, "paths", 0)) == sorted(name for name in names if ".css" in name)


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [("light", 1280, 1000, False), ("dark", 1280, 1000, True), ("phone", 390, 844, False)],
)
def test_it_fits_and_can_be_read(
    page: Page, log: Path, name: str, width: int, height: int, dark: bool
) -> None:
    page.look(width, height, dark=dark)
    opened(page, log)
    # No part of the page is wider than the window; names and hits are in sight.
    assert page.run("document.documentElement.scrollWidth") <= width
    for selector in ("#paths tbody th.name", "#paths tbody td.hits"):
        box = page.run(
            f"{{const b = document.querySelector({selector!r}).getBoundingClientRect();"
            "[b.left, b.right]}"
        )
        assert 0 <= box[0] < box[1] <= width
    colours = page.run("{const s = getComputedStyle(document.body); [s.color, s.backgroundColor]}")
    ink, paper = (sum(int(n) for n in c[c.index("(") + 1 : -1].split(",")[:3]) for c in colours)
    assert (ink > paper) is dark
    assert abs(ink - paper) > 380  # of 765: black on white or near it
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(Path(folder) / f"{name}.png")
    click(page, "#scheme")
    swapped = page.run("getComputedStyle(document.body).backgroundColor")
    assert swapped != colours[1]


def test_without_scripts_everything_is_there(page: Page, log: Path) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        report = opened(page, log)
        document = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
        html = page.call("DOM.getOuterHTML", nodeId=document)["outerHTML"]
        assert all(row.name in html for row in report.panel("paths").rows)
        assert "<tbody hidden" not in html
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_every_panel_can_be_reached_from_the_top(page: Page, log: Path) -> None:
    report = opened(page, log)
    links = page.run("[...document.querySelectorAll('nav a')].map((a) => a.hash.slice(1))")
    assert links == [panel.name for panel in report.panels]
    assert all(page.run(f"document.getElementById({name!r}) !== null") for name in links)


def test_in_a_notebook_it_is_shown_in_a_frame_of_its_own(page: Page, tmp_path: Path) -> None:
    """As a notebook does it: what `_repr_html_` returns becomes part of its page."""
    attack = "\"></iframe><script>document.title='owned'</script>".replace('"', r"\"")
    log = Path(write(tmp_path / "a.log", line(agent=attack, referrer=attack) * 3))
    notebook = tmp_path / "notebook.html"
    notebook.write_text(
        f"<title>notebook</title>{gm.report(log)._repr_html_()}<p>after</p>", encoding="utf-8"
    )
    page.open(notebook)
    assert page.run("document.querySelectorAll('iframe').length") == 1
    assert page.run("document.scripts.length") == 0
    assert page.run("document.title") == "notebook"
    inner = "document.querySelector('iframe').contentDocument"
    assert page.run(f"{inner}.querySelector('#agents') !== null")
    assert page.run(f"{inner}.title") == f"{log} · GlanceMetrics"
    assert page.complaints() == []
