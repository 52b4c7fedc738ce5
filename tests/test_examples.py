"""Every example runs as a user runs it, the first in a process of its own, and prints what it promises."""

import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function that runs an example as a script in an empty folder and gives what it prints."""
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)

    def printed(name, *args):
        path = str(EXAMPLES / name)
        monkeypatch.setattr(sys, "argv", [path, *args])
        runpy.run_path(path, run_name="__main__")
        out, err = capsys.readouterr()
        assert err == ""
        return out

    yield printed
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.mark.slow
def test_quickstart(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "01_quickstart.py"), str(tmp_path / "page.html")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "error", "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gamma at spot" in done.stdout
    assert "70000.0" in done.stdout
    assert "plotly" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_your_own_file(run, tmp_path):
    out = run("02_your_own_file.py")
    assert "Levels SPY, as of 2026-03-02 20:00 UTC, spot 593.20 USD" in out
    assert "not recognised; known formats: gammaflow_table" in out


@pytest.mark.slow
def test_a_vendor_file(run, tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    out = run("02_your_own_file.py", str(path), "BTC")
    assert "short gamma by strike  70,000" in out


@pytest.mark.slow
def test_profile(run, tmp_path):
    out = run("03_profile.py")
    assert "  77,508.53 (dealers turn long above)" in out
    assert "spot_vol_beta(-3) gamma       -169.0       78345.8  71279.2" in out
    assert "7.0       -173.9 -158.3 -144.2" in out
    assert "70000.0      -58.3 -63.8" in out
    causes = re.search(r"spot +(\S+).*\ntime +(\S+).*\nvolatility +(\S+).*\ntotal +(\S+)", out).groups()
    *parts, total = map(float, causes)
    assert total == pytest.approx(sum(parts), abs=0.21)
    assert total == pytest.approx(-276.4, abs=0.2)
    assert (tmp_path / "profile_flow.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_profile_of_a_vendor_file(run, tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    out = run("03_profile.py", str(path), "BTC")
    assert "sticky_moneyness  gamma        -71.6       80505.0  69271.5" in out


@pytest.mark.slow
def test_knock_in(run, tmp_path):
    out = run("04_knock_in.py")
    rows = dict(re.findall(r"^(\S.*?|  \S.*?)  +(-?[\d.,-]+(?: +-?[\d.,]+)*)$", out, re.MULTILINE))
    numbers = {name: [float(n.replace(",", "")) for n in row.split()] for name, row in rows.items()}
    assert numbers["1 day"] == [50.96, 25.90, 25.90]
    assert numbers["1 hour"] == [249.09, 124.96, 124.96]
    assert re.search(r"1 month +2\.43 +1\.79 +1\.21\n", out)
    assert re.search(r"1 month +1\.431 +0\.814 +0\.315\n", out)
    assert numbers["0.70"] == [0.325, 0.302, 4.043]
    assert "|delta| 0.56 at 56 %, 0.39 at 90 %" in out
    assert "barriers 76,880, 68,769, 67,005, the first already hit" in out
    assert numbers["listed alone"] == [-169, 77509, -636, -1305, 0]
    assert numbers["+ notes due in 28 days"] == [-158, 76982, -608, -1509, -242]
    assert numbers["  and puts sold, no vega"] == [-169, 77194, -647, -1588, -242]
    assert numbers["  observed at maturity only"] == [-156, 77110, -598, -1242, 0]
    assert numbers["67,005"] == [1.04, 121.23, 66734.99]
    assert (tmp_path / "knock_in.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_consolidated(run, tmp_path):
    out = run("05_consolidated.py")
    gammas = {
        venue: float(re.search(rf"^{venue} +\S+ +(\S+)", out, re.MULTILINE)[1])
        for venue in ("Deribit", "IBIT", "notes")
    }
    assert gammas == {"Deribit": -169.0, "IBIT": -118.5, "notes": 3.2}
    assert re.search(r"^all +-284 +76,762 +68,338 +64,657 +70,584", out, re.MULTILINE)
    assert re.search(r"^Deribit in coin +-248 +79,219", out, re.MULTILINE)
    assert "2026-02-06T15:00Z: dealers of -284 of -284 USD m per 1 % can hedge" in out
    assert "2026-02-07T03:00Z: dealers of -169 of -284 USD m per 1 % can hedge" in out
    assert re.search(r"DEMO-05 phoenix, daily +38\.7 +68,274\.6 +41\.0", out)
    assert re.search(r"0\.083333 +1\.92 +348\.93 +281\.66", out)
    assert (tmp_path / "venues.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_hedge_and_fund(run, tmp_path):
    out = run("06_hedge_and_fund.py")
    # Twice 2.5bn; 2 (2 - 1) times 2.5bn times 1 %; the perpetual takes off the options' delta and no gamma.
    assert re.search(r"^funds +-5,000.0 +-50.0", out, re.MULTILINE)
    assert re.search(r"^perpetuals +-7,188.7 +0.0 +0.0$", out, re.MULTILINE)
    assert "options: gamma -169.0, zero gamma 77,509, trough 68,655" in out
    assert "all: gamma -219.0, zero gamma 78,963, trough 68,998" in out
    assert (tmp_path / "hedge_and_fund.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_what_was_opened(run, tmp_path):
    out = run("07_what_was_opened.py", "--demo")
    assert "24.0 h at synthetic demo [contracts of 1 BTC]" in out
    changes = re.findall(r"^(?:call|put)? +(?:grew|fell) +\d+ +\S+ +\S+ +(\S+)", out, re.MULTILINE)
    assert changes == ["22,992.3", "-3,813.1", "18,393.1", "-4,286.4"]
    assert re.search(r"calls_long_puts_short +-14\.8 +77,678\.6 +70,354\.1", out)
    assert re.search(r"short_all +-38\.0 +none +85,021\.3", out)
    parts = re.findall(r"^(?:expired|spot and time|vols|closed|changed|new) .*? (\S+)$", out, re.MULTILINE)
    first, last = (re.search(rf"^{name} .* (\S+)$", out, re.MULTILINE)[1] for name in ("before", "after"))
    gammas = [float(number.replace(",", "").replace("m", "e6")) for number in (first, *parts, last)]
    assert sum(gammas[:-1]) == pytest.approx(gammas[-1], rel=1e-4)
    assert (tmp_path / "opened.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_how_sure(run, tmp_path):
    """A copy away from the repository finds no recorded chains and takes the synthetic one."""
    (tmp_path / "08_how_sure.py").write_text((EXAMPLES / "08_how_sure.py").read_text(encoding="utf-8"))
    out = run(str(tmp_path / "08_how_sure.py"))
    assert "=== BTC 2026-02-05 09:36 UTC, spot 71,470 ===" in out
    flat, puts, both = map(float, re.search(r"^68000.0 +(\S+) +(\S+) +(\S+)$", out, re.MULTILINE).groups())
    assert (flat, puts, both) == pytest.approx((0.5, 0.96, 0.92), abs=0.03)
    assert re.search(r"^after evidence: short in all of 64,000 to 71,000 in \d+% of draws", out, re.MULTILINE)
    assert (tmp_path / "how_sure.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_the_week(run, tmp_path):
    """On made-up series, whose truths are known: the fund's beta on software, the clock of the closes."""
    out = run("10_the_week.py", "--demo")
    assert out.startswith("=== made up: these numbers mean nothing ===")
    assert re.search(
        r"05 Feb 09:36 71,470\.00 68,655\.38 63,257\.25 +71,238\.08 +-192\.11 +0\.65 +0\.95", out
    )
    assert re.search(r"^43\.6 +76,880 ", out, re.M)
    assert re.search(r"2026-02-05 329,963,111\.33 +1\.48 +1\.00 -4\.42", out)
    assert "IBIT is closer to software than to gold in 21 returns (0.820 and 0.054)" in out
    assert "Best: 21:00 UTC, 6 bp; next 22:00 UTC, 34 bp" in out  # noise of 5 bp was drawn
    rows = re.findall(r"^(2026-\d\d-\d\d) +([\d,.]+) +(-?[\d.]+) ([\d,]+) ", out, re.M)
    price = {day: float(text.replace(",", "")) for day, text, *_ in rows}
    change = {day: float(text) for day, _, text, _ in rows}
    assert change["2026-02-05"] == pytest.approx(price["2026-02-05"] / price["2026-02-04"] - 1.0, abs=1e-5)
    assert re.search(r"linear 294m +-2\.90 +-2\.18", out)
    assert "the scorecard needs the recorded files" in out
    for name in ("the_week.png", "the_ridge.png"):
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_a_season(run, tmp_path):
    """Of a synthetic market, in which nobody hedges: the verdict must not be that gamma says something."""
    out = run("11_a_season.py", "--demo")
    assert out.startswith("=== a synthetic season: there is nothing to find ===")
    assert "22 of 22 rows complete" in out
    rows = {name: list(map(float, text.split())) for name, text in re.findall(
        r"^(coefficient|low|high|boot_low|boot_high) +(-?[\d.]+ +-?[\d.]+) ", out, re.M
    )}  # fmt: skip
    for end in ("low", "boot_low"):
        assert all(low < middle for low, middle in zip(rows[end], rows["coefficient"], strict=True))
    verdicts = re.findall(r"^verdict: (.*?):", out, re.M)
    assert len(verdicts) == 2
    assert "something beyond" not in verdicts
    assert re.search(r"^outside the usual range in \d+% of hours, 5 % by chance$", out, re.M)
    for name in ("a_season.png", "season_history.png"):
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_feedback(run, tmp_path):
    out = run("09_feedback.py", "--demo")

    def row(name):
        return [
            float(x) for x in re.search(rf"^{name} +(-?[\d.+]+(?: +[-+]?[\d.]+)*)$", out, re.M)[1].split()
        ]

    assert "kappa > 0.5 (moves more than doubled): 58,326 to 75,658, peak 0.91 at 69,691" in out
    gamma, vanna, knock_in, liquidations, kappa = row("69000.0")
    assert (gamma + vanna + knock_in + liquidations, kappa) == pytest.approx((0.89, 0.89), abs=0.011)
    alone = [100.0 * (math.exp(sale / 294e8) - 1.0) for sale in (-4e9, -2e9, -1e9, -0.5e9)]
    assert row("the sale alone") == pytest.approx(alone, abs=0.051)
    # The same hedges are a tenth of the share in a market ten times as deep, and 30 % of them 30 %.
    shares = row("calls_long_puts_short")
    assert shares == [54.0, 179.0, 18.0, 61.0, 5.0, 18.0]
    assert row("deleveraging")[0] == pytest.approx(-100.0 * 0.02 / 0.294, abs=0.01)
    assert row("gamma")[:2] == pytest.approx((-9.0, -11.06), abs=0.05)
    assert "short_all              4.42 11.60            5.01" in out
    assert "1,000,000 contracts: 4.05bn USD, 7.4 % of shares outstanding" in out
    assert (tmp_path / "feedback.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in EXAMPLES.glob("*.py") if p.name not in source] == []
