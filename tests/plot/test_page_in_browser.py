"""The page in a real browser: it draws, stays inside a phone's screen and runs nothing it was not given."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

import gammaflow as gf
from gammaflow.report import analyze

CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome to open the page"),
]
WIDTHS = {"desktop": 1400, "phone": 390}
HOSTILE = "<img src=x onerror=\"problems.push('markup ran')\"><script>problems.push('script ran')</script>"

# A page tells its frame what it drew; the frame's own DOM is what chromium prints.
WATCH = """<script>
var problems = [];
addEventListener("error", function (e) { problems.push(String(e.message || e.target)); }, true);
addEventListener("unhandledrejection", function (e) { problems.push(String(e.reason)); });
addEventListener("securitypolicyviolation", function (e) { problems.push(e.violatedDirective); });
console.error = console.warn = function () { problems.push(Array.from(arguments).join(" ")); };
</script>"""
TELL = """<script>
addEventListener("load", function () { setTimeout(function () {
  function count(selector) { return document.querySelectorAll(selector).length; }
  var table = document.querySelectorAll("table")[3], heads = table.querySelectorAll("thead button");
  var sorted = [];
  for (var turn = 0; turn < 2; turn++) {
    heads[0].click();
    sorted.push(table.tBodies[0].rows[0].cells[0].textContent);
  }
  parent.postMessage({
    name: window.name, problems: problems, title: document.title, sorted: sorted,
    width: innerWidth, content: document.documentElement.scrollWidth,
    charts: count(".figure .main-svg"), bars: count(".barlayer .point path"),
    lines: count(".scatterlayer path.js-line"), maps: count(".heatmaplayer image"),
    tooWide: Array.from(document.querySelectorAll("section, .card, .figure, .scroll, h1, h2, p, dd")).filter(
      function (e) { return e.getBoundingClientRect().right > innerWidth; }).length
  }, "*");
}, 1000); });
</script>"""

FRAME = '<iframe name="{0} {1}" src="{0}.html" style="width:{2}px;height:900px;border:0"></iframe>'
HEAR = """<!DOCTYPE html><meta charset="utf-8"><pre id="heard"></pre><script>
addEventListener("message", function (e) {
  document.getElementById("heard").textContent += JSON.stringify(e.data) + "\\n";
});
</script>"""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=20000",
    "--window-size=1500,1000",
]


@pytest.fixture(scope="module")
def reports():
    chain = gf.demo_chain()
    return {"demo": analyze(chain), "hostile": analyze(replace(chain, symbol=HOSTILE, currency="<b>US</b>"))}


@pytest.fixture(scope="module")
def seen(reports, tmp_path_factory):
    """Report of each page at each width, and the log of chromium."""
    folder = tmp_path_factory.mktemp("browser")
    frames = []
    for name, report in reports.items():
        path = report.to_html(folder / f"{name}.html")
        text = path.read_text(encoding="utf-8").replace("<head>", "<head>" + WATCH, 1)
        at = text.rindex("</body>")
        path.write_text(text[:at] + TELL + text[at:], encoding="utf-8")
        frames += [FRAME.format(name, device, width) for device, width in WIDTHS.items()]
    wrapper = folder / "wrapper.html"
    wrapper.write_text(HEAR + "".join(frames), encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            wrapper.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    heard = re.search(r'<pre id="heard">(.*?)</pre>', done.stdout, re.DOTALL).group(1)
    told = [json.loads(html.unescape(line)) for line in heard.splitlines()]
    return {tell["name"]: tell for tell in told}, done.stderr


@pytest.mark.parametrize("device", WIDTHS)
@pytest.mark.parametrize("name", ["demo", "hostile"])
def test_the_page_draws_without_a_problem(seen, reports, name, device):
    tells, log = seen
    tell = tells[f"{name} {device}"]
    assert tell["problems"] == []
    assert re.findall(r".*CONSOLE.*", log) == []
    assert tell["width"] == WIDTHS[device]
    assert tell["content"] <= WIDTHS[device]
    assert tell["tooWide"] == 0
    assert tell["charts"] >= 4
    assert tell["bars"] > 2 * len(reports[name].book.expiries)
    assert tell["lines"] >= 1
    assert tell["maps"] == 1


def test_a_symbol_is_shown_as_it_is_written(seen):
    assert seen[0]["hostile desktop"]["title"] == f"{HOSTILE} dealer gamma"


def test_a_click_on_a_heading_sorts(seen, reports):
    strikes = reports["demo"].book["strike"]
    assert seen[0]["demo desktop"]["sorted"] == [f"{strikes.max():,.0f}", f"{strikes.min():,.0f}"]
