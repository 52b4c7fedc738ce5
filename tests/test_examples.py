"""Every example runs as a user would run it, and prints what it promises."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *args, cwd):
    env = os.environ | {"PYTHONWARNINGS": "error", "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *args],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_quickstart(tmp_path):
    done = run("01_quickstart.py", str(tmp_path / "page.html"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gamma at spot" in done.stdout
    assert "70000.0" in done.stdout
    assert "plotly" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_your_own_file(tmp_path):
    done = run("02_your_own_file.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Levels SPY, as of 2026-03-02 20:00 UTC, spot 593.20 USD" in done.stdout
    assert "not recognised; known formats: gammaflow_table" in done.stdout


@pytest.mark.slow
def test_a_vendor_file(tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    done = run("02_your_own_file.py", str(path), "BTC", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "short gamma by strike  70,000" in done.stdout


@pytest.mark.slow
def test_profile(tmp_path):
    done = run("03_profile.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  77,508.53 (dealers turn long above)" in done.stdout
    assert "spot_vol_beta(-3) gamma       -169.0       78345.8  71279.2" in done.stdout
    assert "7.0       -173.9 -158.3 -144.2" in done.stdout
    assert "70000.0      -58.3 -63.8" in done.stdout
    causes = re.search(
        r"spot +(\S+).*\ntime +(\S+).*\nvolatility +(\S+).*\ntotal +(\S+)", done.stdout
    ).groups()
    *parts, total = map(float, causes)
    assert total == pytest.approx(sum(parts), abs=0.21)
    assert total == pytest.approx(-276.4, abs=0.2)
    assert (tmp_path / "profile_flow.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_profile_of_a_vendor_file(tmp_path, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    done = run("03_profile.py", str(path), "BTC", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sticky_moneyness  gamma        -71.6       80505.0  69271.5" in done.stdout


@pytest.mark.slow
def test_knock_in(tmp_path):
    done = run("04_knock_in.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r"^(\S.*?|  \S.*?)  +(-?[\d.,-]+(?: +-?[\d.,]+)*)$", done.stdout, re.MULTILINE))
    numbers = {name: [float(n.replace(",", "")) for n in row.split()] for name, row in rows.items()}
    assert numbers["1 day"] == [50.96, 25.90, 25.90]
    assert numbers["1 hour"] == [249.09, 124.96, 124.96]
    assert re.search(r"1 month +2\.43 +1\.79 +1\.21\n", done.stdout)
    assert re.search(r"1 month +1\.431 +0\.814 +0\.315\n", done.stdout)
    assert numbers["0.70"] == [0.325, 0.302, 4.043]
    assert "|delta| 0.56 at 56 %, 0.39 at 90 %" in done.stdout
    assert "barriers 76,880, 68,769, 67,005, the first already hit" in done.stdout
    assert numbers["listed alone"] == [-169, 77509, -636, -1305, 0]
    assert numbers["+ notes due in 28 days"] == [-158, 76982, -608, -1509, -242]
    assert numbers["  and puts sold, no vega"] == [-169, 77194, -647, -1588, -242]
    assert numbers["  observed at maturity only"] == [-156, 77110, -598, -1242, 0]
    assert numbers["67,005"] == [1.04, 121.23, 66734.99]
    assert (tmp_path / "knock_in.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_consolidated(tmp_path):
    done = run("05_consolidated.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    gammas = {
        venue: float(re.search(rf"^{venue} +\S+ +(\S+)", done.stdout, re.MULTILINE)[1])
        for venue in ("Deribit", "IBIT", "notes")
    }
    assert gammas == {"Deribit": -169.0, "IBIT": -118.5, "notes": 3.2}
    assert re.search(r"^all +-284 +76,762 +68,338 +64,657 +70,584", done.stdout, re.MULTILINE)
    assert re.search(r"^Deribit in coin +-248 +79,219", done.stdout, re.MULTILINE)
    assert "2026-02-06T15:00Z: dealers of -284 of -284 USD m per 1 % can hedge" in done.stdout
    assert "2026-02-07T03:00Z: dealers of -169 of -284 USD m per 1 % can hedge" in done.stdout
    assert re.search(r"DEMO-05 phoenix, daily +38\.7 +68,274\.6 +41\.0", done.stdout)
    assert re.search(r"0\.083333 +1\.92 +348\.93 +281\.66", done.stdout)
    assert (tmp_path / "venues.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_hedge_and_fund(tmp_path):
    done = run("06_hedge_and_fund.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # Twice 2.5bn; 2 (2 - 1) times 2.5bn times 1 %; the perpetual takes off the options' delta and no gamma.
    assert re.search(r"^funds +-5,000.0 +-50.0", done.stdout, re.MULTILINE)
    assert re.search(r"^perpetuals +-7,188.7 +0.0 +0.0$", done.stdout, re.MULTILINE)
    assert "options: gamma -169.0, zero gamma 77,509, trough 68,655" in done.stdout
    assert "all: gamma -219.0, zero gamma 78,963, trough 68,998" in done.stdout
    assert (tmp_path / "hedge_and_fund.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_what_was_opened(tmp_path):
    done = run("07_what_was_opened.py", "--demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "24.0 h at synthetic demo [contracts of 1 BTC]" in done.stdout
    changes = re.findall(r"^(?:call|put)? +(?:grew|fell) +\d+ +\S+ +\S+ +(\S+)", done.stdout, re.MULTILINE)
    assert changes == ["22,992.3", "-3,813.1", "18,393.1", "-4,286.4"]
    assert re.search(r"calls_long_puts_short +-14\.8 +77,678\.6 +70,354\.1", done.stdout)
    assert re.search(r"short_all +-38\.0 +none +85,021\.3", done.stdout)
    parts = re.findall(
        r"^(?:expired|spot and time|vols|closed|changed|new) .*? (\S+)$", done.stdout, re.MULTILINE
    )
    first, last = (
        re.search(rf"^{name} .* (\S+)$", done.stdout, re.MULTILINE)[1] for name in ("before", "after")
    )
    gammas = [float(number.replace(",", "").replace("m", "e6")) for number in (first, *parts, last)]
    assert sum(gammas[:-1]) == pytest.approx(gammas[-1], rel=1e-4)
    assert (tmp_path / "opened.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_how_sure(tmp_path):
    """A copy away from the repository finds no recorded chains and takes the synthetic one."""
    (tmp_path / "08_how_sure.py").write_text((EXAMPLES / "08_how_sure.py").read_text(encoding="utf-8"))
    done = run(str(tmp_path / "08_how_sure.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "=== BTC 2026-02-05 09:36 UTC, spot 71,470 ===" in done.stdout
    flat, puts, both = map(
        float, re.search(r"^68000.0 +(\S+) +(\S+) +(\S+)$", done.stdout, re.MULTILINE).groups()
    )
    assert (flat, puts, both) == pytest.approx((0.5, 0.96, 0.92), abs=0.03)
    assert re.search(
        r"^after evidence: short in all of 64,000 to 71,000 in \d+% of draws", done.stdout, re.MULTILINE
    )
    assert (tmp_path / "how_sure.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_feedback(tmp_path):
    done = run("09_feedback.py", "--demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    def row(name):
        return [
            float(x)
            for x in re.search(rf"^{name} +(-?[\d.+]+(?: +[-+]?[\d.]+)*)$", done.stdout, re.M)[1].split()
        ]

    assert "kappa > 0.5 (moves more than doubled): 58,326 to 75,658, peak 0.91 at 69,691" in done.stdout
    gamma, vanna, knock_in, liquidations, kappa = row("69000.0")
    assert (gamma + vanna + knock_in + liquidations, kappa) == pytest.approx((0.89, 0.89), abs=0.011)
    alone = [100.0 * (math.exp(sale / 294e8) - 1.0) for sale in (-4e9, -2e9, -1e9, -0.5e9)]
    assert row("the sale alone") == pytest.approx(alone, abs=0.051)
    # The same hedges are a tenth of the share in a market ten times as deep, and 30 % of them 30 %.
    shares = row("calls_long_puts_short")
    assert shares == [54.0, 179.0, 18.0, 61.0, 5.0, 18.0]
    assert row("deleveraging")[0] == pytest.approx(-100.0 * 0.02 / 0.294, abs=0.01)
    assert row("gamma")[:2] == pytest.approx((-9.0, -11.06), abs=0.05)
    assert "short_all              4.42 11.60            5.01" in done.stdout
    assert "1,000,000 contracts: 4.05bn USD, 7.4 % of shares outstanding" in done.stdout
    assert (tmp_path / "feedback.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in EXAMPLES.glob("*.py") if p.name not in source] == []
