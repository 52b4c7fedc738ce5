"""Every example runs from top to bottom, prints what it promises, and is the notebook stored beside it."""

import json
import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
# Whose stored notebook is of the records, and is compared with a run on them; the season takes too long.
RECORDED = (
    "02_your_own_file", "03_profile", "04_knock_in", "06_hedge_and_fund", "07_what_was_opened", "08_how_sure",
    "09_feedback", "10_the_week",
)  # fmt: skip
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")


class Ran(NamedTuple):
    """What an example printed, and how many pictures it drew."""

    text: str
    pictures: int


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function that runs an example in an empty folder, far from the records, or in its own."""
    mpl.use("Agg")
    monkeypatch.delenv("DISPLAY", raising=False)
    from matplotlib import pyplot

    pyplot.close("all")

    def ran(name, folder=tmp_path):
        monkeypatch.chdir(folder)
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        out, err = capsys.readouterr()
        pictures = len(pyplot.get_fignums())
        pyplot.close("all")
        assert err == ""
        return Ran(out, pictures)

    yield ran
    pyplot.close("all")


@pytest.fixture(scope="module")
def notebooks():
    """The functions that make notebooks of the examples."""
    for name in ("nbformat", "nbclient"):
        pytest.importorskip(name, reason="notebooks need nbformat and nbclient, of the test dependencies")
    return runpy.run_path(str(ROOT / ".ci/notebooks.py"))


def stored(name):
    """A notebook, and the text and number of pictures stored in it."""
    book = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
    text = "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
    return book, Ran(text, sum("image/png" in output.get("data", {}) for output in outputs))


def alike(one, other):
    """Whether two texts have the same words, and numbers alike within 2 % or the last digit."""
    numbers = [[float(found.replace(",", "")) for found in NUMBER.findall(text)] for text in (one, other)]
    words = [NUMBER.sub("#", text).split() for text in (one, other)]
    assert words[0] == words[1]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.011)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_its_script(notebooks, name):
    """The same cells, run without an error, its pictures stored small, a title and a question first."""
    book, shown = stored(name)
    script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in book["cells"]]
    assert found == notebooks["cells"](script), "make notebooks"
    pictures = notebooks["stored_pictures"](book)
    assert shown.pictures == len(pictures) >= 1
    assert sum(map(len, pictures)) < notebooks["LIMIT"]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    title = found[0][1].splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")


def test_cells(notebooks):
    script = (
        '"""Title?\n\nText.\n"""\n\n# %%\nimport os\n\nplot(1)\n\n# %% [markdown]\n# ## Head\n#\n# Text\n'
    )
    script += "\n# %%\nprint(2)\n"
    assert notebooks["cells"](script) == [
        ("markdown", "# Title?\n\nText.\n"),
        ("code", "import os\n\nplot(1);"),
        ("markdown", "## Head\n\nText"),
        ("code", "print(2)"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_on_the_record(run, shared, name):
    """A run on the records prints and draws what is stored."""
    del shared
    found = run(name, EXAMPLES)
    _, shown = stored(name)
    assert found.pictures == shown.pictures
    alike(found.text, shown.text)


@pytest.mark.slow
def test_quickstart(tmp_path):
    """In a process of its own, as a user runs it."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "01_quickstart.py")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "error", "MPLBACKEND": "Agg", "DISPLAY": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "zero gamma             77,508.53 (dealers turn long above)" in done.stdout
    assert "70000.0   -63.8" in done.stdout
    assert "zero gamma now 77,509, then 77,615" in done.stdout
    assert "spot at which the sum, recomputed at that spot, is zero" in done.stdout
    alike(done.stdout, stored("01_quickstart")[1].text)


@pytest.mark.slow
def test_your_own_file(run):
    out = run("02_your_own_file").text
    assert "Levels SPY, as of 2026-03-02 20:00 UTC, spot 593.20 USD" in out
    assert "not recognised; known formats: gammaflow_snapshot" in out


@pytest.mark.slow
def test_profile(run):
    out, pictures = run("03_profile")
    assert pictures == 4
    assert "spot_vol_beta(-3) gamma       -169.0       78345.8  71279.2" in out
    assert "sticky_strike     gamma       -169.0       77508.5  68655.4" in out
    assert "2026-02-06 08:00:00+00:00  -41.7       77064.0  70303.4" in out
    assert re.search(r"^7\.0 +-173\.9 -158\.3 -144\.2$", out, re.M)
    causes = re.search(r"spot +(\S+).*\ntime +(\S+).*\nvolatility +(\S+).*\ntotal +(\S+)", out).groups()
    *parts, total = map(float, causes)
    assert total == pytest.approx(sum(parts), abs=0.21)
    assert total == pytest.approx(-276.4, abs=0.2)


@pytest.mark.slow
def test_knock_in(run):
    out, pictures = run("04_knock_in")
    assert pictures == 3
    rows = dict(re.findall(r"^(\S.*?|  \S.*?)  +(-?[\d.,-]+(?: +-?[\d.,]+)*)$", out, re.MULTILINE))
    numbers = {name: [float(n.replace(",", "")) for n in row.split()] for name, row in rows.items()}
    assert numbers["60.01"] == pytest.approx([39.102, -5.311, 0.109, 0.307, 3.252])
    assert numbers["1 month"] == [2.43, 1.92, 1.21]
    assert numbers["1.75 years"] == [0.65, 0.56, 0.39]
    assert numbers["0.70"] == [0.325, 0.302, 4.043]
    assert "barriers 76,880, 68,769, 67,005, 1 of them already hit" in out
    assert numbers["listed alone"] == [-169, 77509, -636, -1305, 0]
    assert numbers["+ notes due in 28 days"] == [-158, 76982, -608, -1509, -242]
    assert numbers["  observed at maturity only"] == [-156, 77110, -598, -1242, 0]
    assert numbers["67,005"] == [1.04, 121.23, 66734.99]


@pytest.mark.slow
def test_consolidated(run):
    out, pictures = run("05_consolidated")
    assert pictures == 1
    gammas = {
        venue: float(re.search(rf"^{venue} +\S+ +(\S+)", out, re.MULTILINE)[1])
        for venue in ("Deribit", "IBIT", "notes")
    }
    assert gammas == {"Deribit": -169.0, "IBIT": -118.5, "notes": 3.2}
    assert "43.6 dollars a share = 76,880 dollars a coin" in out
    assert re.search(r"^all +-284 +76,762 +68,338 +64,657 +70,584", out, re.MULTILINE)
    assert re.search(r"^Deribit in coin +-248 +79,219", out, re.MULTILINE)
    assert re.search(r"^2026-02-07 03:00:00\+00:00 +True +False +False +-169\.0$", out, re.MULTILINE)
    assert re.search(r"^put +262 +35 +-0\.89$", out, re.MULTILINE)
    assert re.search(r"DEMO-05 phoenix, daily +38\.72 +68,274\.57 +41,000,000", out)
    assert re.search(r"0\.083333 +1\.92 +348\.93 +281\.66", out)
    assert "1.40 puts struck at the barrier per note" in out
    assert re.search(r"^0\.70 +1\.99 +-2\.61 +-0\.63$", out, re.MULTILINE)
    alike(out, stored("05_consolidated")[1].text)


@pytest.mark.slow
def test_hedge_and_fund(run):
    out = run("06_hedge_and_fund").text
    # Twice 2.5bn; 2 (2 - 1) times 2.5bn times 1 %; the perpetual takes off the options' delta and no gamma.
    assert re.search(r"^funds +-5,000.0 +-50.0", out, re.MULTILINE)
    assert re.search(r"^perpetuals +-7,188.7 +0.0 +0.0$", out, re.MULTILINE)
    assert "options: gamma -169.0, zero gamma 77,509, trough 68,655" in out
    assert "all: gamma -219.0, zero gamma 78,963, trough 68,998" in out


@pytest.mark.slow
def test_what_was_opened(run):
    out = run("07_what_was_opened").text
    assert "24.0 h at synthetic demo [contracts of 1 BTC]" in out
    changes = re.findall(r"^(?:call|put)? +(?:grew|fell) +\d+ +\S+ +\S+ +(\S+)", out, re.MULTILINE)
    assert changes == ["22,992.3", "-3,813.1", "18,393.1", "-4,286.4"]
    assert re.search(r"calls_long_puts_short +-14\.8 +77,678\.6 +70,354\.1", out)
    assert re.search(r"short_all +-38\.0 +none +85,021\.3", out)
    moved = sum(abs(float(change.replace(",", ""))) for change in changes)
    assert f"of {moved:,.0f} contracts moved" in out
    parts = re.findall(r"^(?:expired|spot and time|vols|closed|changed|new) .*? (\S+)$", out, re.MULTILINE)
    first, last = (re.search(rf"^{name} .* (\S+)$", out, re.MULTILINE)[1] for name in ("before", "after"))
    gammas = [float(number.replace(",", "").replace("m", "e6")) for number in (first, *parts, last)]
    assert sum(gammas[:-1]) == pytest.approx(gammas[-1], rel=1e-4)


@pytest.mark.slow
def test_how_sure(run):
    out, pictures = run("08_how_sure")
    assert pictures == 2
    assert re.search(r"^short_all +nan +", out, re.MULTILINE | re.IGNORECASE)
    flat, puts, both = map(float, re.search(r"^68000.0 +(\S+) +(\S+) +(\S+)$", out, re.MULTILINE).groups())
    assert (flat, puts, both) == pytest.approx((0.5, 0.96, 0.92), abs=0.03)
    shares = [
        int(n) for n in re.findall(r"^(?:before|after) the evidence: .* in (\d+)% of draws$", out, re.M)
    ]
    assert shares[0] == pytest.approx(95, abs=2)
    assert shares[1] < shares[0]


@pytest.mark.slow
def test_feedback(run):
    out, pictures = run("09_feedback")
    assert pictures == 1

    def row(name):
        found = re.search(rf"^ *{re.escape(name)} +([-+\d., ]+)$", out, re.MULTILINE)[1]
        return [float(x.replace(",", "")) for x in found.split()]

    assert "kappa > 0.5 (moves more than doubled): 58,326 to 75,658, peak 0.91 at 69,691" in out
    gamma, vanna, knock_in, liquidations, kappa = row("69000.0")
    assert (gamma + vanna + knock_in + liquidations, kappa) == pytest.approx((0.89, 0.89), abs=0.011)
    landed, amplification = row("-2bn")[:2]
    assert (landed, amplification) == pytest.approx((57162.65, 3.28))
    assert math.log(landed / 71470) == pytest.approx(amplification * -2e9 / 294e8, rel=2e-3)
    # The same hedges are a tenth of the share in a market ten times as deep, and 30 % of them 30 %.
    assert row("calls_long_puts_short 100m") == [54.0, 179.0]
    assert row("1000m") == [5.0, 18.0]
    assert row("deleveraging")[0] == pytest.approx(-100.0 * 0.02 / 0.294, abs=0.01)
    assert row("gamma")[:2] == pytest.approx((-9.0, -11.06), abs=0.05)
    assert row("short_all") == [4.42, 11.60, 5.01]
    assert "1,000,000 contracts: 4.05bn USD, 7.4 % of shares outstanding" in out


@pytest.mark.slow
def test_the_week(run):
    """Without the record nothing is said to be observed, and no verdict is given."""
    out, pictures = run("10_the_week")
    assert pictures == 5
    assert out.startswith("Week of 5 February 2026, made up: these numbers mean nothing")
    assert "Observed" not in out
    assert "On the record" not in out
    assert "the scorecard needs the recorded files" in out
    core, touched = re.search(
        r"(\d+)% of the range lay in\s+it, and the price\s+touched it in (\d+)", out
    ).groups()
    assert 0 < int(core) < 100
    assert 0 < int(touched) < 25
    kappas = {
        size: float(k)
        for size, k in re.findall(r"^\$([\d,]+)m per 1 %: largest kappa .* (\d\.\d+):", out, re.M)
    }
    assert kappas["100"] / kappas["1,000"] == pytest.approx(10.0, rel=0.03)  # kappa is one over the depth
    assert "labels on the day of the trade (T), and clearly less with the others" in out
    said = re.search(r"^gamma at the evening's spot, USD m +(-\d+) +(-\d+) ", out, re.M)
    gap = re.search(r"^The ([-+]\d+)m between carried and found", out, re.M)
    assert int(said[2]) - int(said[1]) == pytest.approx(int(gap[1]), abs=1)


@pytest.mark.slow
def test_the_week_on_the_record(run, shared):
    """Sentences of the stored story against the files, read by pandas alone."""

    def read(path, day, **how):
        return pd.read_csv(shared / "data" / path, index_col=day, parse_dates=True, **how)

    out = stored("10_the_week")[1].text
    flat = " ".join(out.split())
    hours = read("btc_market/btcusdt_1h_20251001_20260404.csv", "timestamp").loc[
        "2026-02-05":"2026-02-06 00:00"
    ]
    top, bottom = hours["high"].max(), hours["low"].min()
    assert f"from {top:,.0f} down to {bottom:,.0f}" in flat
    first = hours.index[hours["low"] <= 68_769][0]
    assert f"$39 68,769 05 Feb {first:%d %b %H:%M} UTC" in flat
    volume = read("event/daily_IBIT.csv", "Date")["Volume"].loc[:"2026-02-05"]
    ratio = volume.iloc[-1] / volume.iloc[:-1].max()
    assert f"{volume.iloc[-1] / 1e6:.0f}m shares, {ratio:.2f} times the highest day before" in flat
    flows = read("event/etf_flows_by_fund.csv", "date")["IBIT"]
    assert f"{flows['2026-02-05']:+.0f}m on 5 February and {flows['2026-02-06']:+.0f}m on the 6th" in flat
    assert "16 claims confirmed, 14 contradicted, 15 cannot be told" in flat
    assert "+79,227 in coins (+11.9%)" in flat


@pytest.mark.slow
def test_a_season(run):
    """Of a synthetic market, in which nobody hedges: the verdict must not be that gamma says something."""
    out, pictures = run("11_a_season")
    assert pictures == 3
    assert out.startswith("a synthetic season: there is nothing to find")
    assert "22 of 22 rows complete" in out
    verdicts = re.findall(r"^verdict: ([a-z ]+)", out, re.MULTILINE)
    assert len(verdicts) == 2
    assert "something beyond" not in verdicts
    planted = re.search(r"^planted \+0\.41; verdict: (.*?):", out, re.MULTILINE)
    assert planted[1] == "something beyond"
    low, high = (float(re.search(rf"^{end} +(-?[\d.]+)$", out, re.MULTILINE)[1]) for end in ("low", "high"))
    assert low < math.log(1.5) < high
    assert re.search(r"outside the usual range in \d+% of hours, 5 % by chance$", out, re.MULTILINE)


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in NAMES if f'"{name}"' not in source] == []
