"""Scorecard of small made-up folders: missing and damaged files, numbers that flip verdicts, pages."""

import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.studies.event import scorecard
from gammaflow.studies.event.claims import CLAIMS
from gammaflow.studies.event.records import FILES, Records

BEFORE, DAY, AFTER = (pd.Timestamp(day) for day in ("2026-02-04", "2026-02-05", "2026-02-06"))
HOURS = pd.date_range("2026-02-04", "2026-02-07 23:00", freq="h")


def bars():
    """Prices of the fund on the sessions before and after the fall."""
    days = pd.bdate_range("2026-01-26", "2026-02-09")
    close = pd.Series(np.linspace(47.0, 44.0, len(days)), days)
    close[[BEFORE, DAY, AFTER]] = [41.57, 36.10, 39.68]
    table = pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 0.8, "Close": close, "Volume": 1e8}
    )
    table.loc[DAY, "Volume"] = 284.4e6
    return table.rename_axis("Date")


def files():
    """A record for most claims, by file."""
    flows = pd.DataFrame({"IBIT": -100.0, "total_musd": -150.0}, bars().index).rename_axis("date")
    flows.loc[DAY] = [-175.3, -434.1]
    flows.loc[AFTER] = [231.6, 371.1]
    hours = pd.DataFrame({"open": 70_000.0, "high": 70_100.0, "low": 69_900.0, "close": 70_000.0}, HOURS)
    hours.loc[HOURS >= AFTER, ["open", "close"]] = 63_000.0
    hours.loc[AFTER, "low"] = 60_000.0
    days = pd.DatetimeIndex([BEFORE, DAY, AFTER])
    bars_4h, utc, seconds = HOURS[::4], HOURS.tz_localize("UTC"), days.as_unit("s").astype(np.int64)
    weeks = pd.DatetimeIndex(["2026-02-03", "2026-02-10"])
    sides = ["commercial_long", "commercial_short", "noncommercial_long", "noncommercial_short"]
    reports = pd.DataFrame(np.array([[500, 1400, 18_000, 17_000], [700, 1800, 17_000, 16_000]]), weeks, sides)
    return {
        "IBIT": bars(),
        "flows": flows,
        "hours": hours.rename_axis("timestamp"),
        "front future": pd.DataFrame({"Adj Close": [70_300.0, 63_200.0]}, days[:2]).rename_axis("Date"),
        "commitments": reports.assign(open_interest=[23_000, 24_000]).rename_axis("date"),
        "open interest": pd.DataFrame({"close": [49e9, 47e9, 48e9]}, days).rename_axis("timestamp"),
        "liquidations": pd.DataFrame({"long_usd": 3e7, "short_usd": 1e7}, bars_4h).rename_axis("timestamp"),
        "margin": pd.DataFrame({"longs_btc": 76_000.0, "shorts_btc": 200.0}, utc).rename_axis("time"),
        "DVOL": pd.DataFrame({"time": seconds, "close": [53.0, 82.0, 60.0]}).set_index("time"),
    }  # fmt: skip


def write(folder, tables):
    for name, table in tables.items():
        path = folder / FILES[name].path
        path.parent.mkdir(exist_ok=True)
        table.to_csv(path)
    return folder


def verdict(folder, key, **tables):
    """Verdict and claim of one key, in a folder where some files differ."""
    write(folder, {name.replace("_", " "): table for name, table in tables.items()})
    find = next(claim for claim in CLAIMS if claim.__name__ == key)
    return find(Records(folder))


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, files())


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return scorecard(write(tmp_path_factory.mktemp("records"), files()))


# Numbers flip verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("close", "said"), [(36.10, "confirm"), (37.50, "contradict"), (41.57, "contradict")]
)
def test_fall(folder, close, said):
    table = bars()
    table.loc[DAY, "Close"] = close
    assert verdict(folder, "fall", IBIT=table).verdict == said


@pytest.mark.parametrize(
    ("shares", "low", "said"),
    [(284.4e6, 35.3, "confirm"), (270e6, 35.3, "cannot tell"), (200e6, 35.3, "contradict")],
)
def test_ten_billion(folder, shares, low, said):
    table = bars()
    table.loc[DAY, ["Volume", "Low", "High"]] = [shares, low, 40.1]
    assert verdict(folder, "ten_billion", IBIT=table).verdict == said


@pytest.mark.parametrize(
    ("times", "said"), [(1.69, "contradict"), (2.0, "cannot tell"), (1.9, "cannot tell"), (0.9, "contradict")]
)
def test_twice_in_shares_and_dollars(folder, times, said):
    """Twice in shares is less in dollars, so that the two must agree for a verdict."""
    table = bars()
    table.loc[DAY, "Volume"] = times * 1e8
    assert verdict(folder, "twice", IBIT=table).verdict == said
    assert verdict(folder, "record", IBIT=table).verdict == ("confirm" if times > 1 else "contradict")


@pytest.mark.parametrize(("flow", "said"), [(231.6, "confirm"), (-175.3, "contradict"), (0.0, "contradict")])
def test_inflow(folder, flow, said):
    table = files()["flows"]
    table.loc[DAY, "IBIT"] = flow
    claim = verdict(folder, "fund_inflow", flows=table)
    assert claim.verdict == said
    assert tuple(claim.found) == pytest.approx((flow, flow))


@pytest.mark.parametrize(("after", "said"), [(231.6, "confirm"), (600.0, "contradict")])
def test_flat(folder, after, said):
    table = files()["flows"]
    table.loc[AFTER, "IBIT"] = after
    assert verdict(folder, "flat", flows=table).verdict == said


@pytest.mark.parametrize(
    ("shorts", "said"), [(16_000, "confirm"), (17_000, "contradict"), (18_000, "contradict")]
)
def test_shorts_of_the_week(folder, shorts, said):
    table = files()["commitments"]
    table.loc["2026-02-10", "noncommercial_short"] = shorts
    assert verdict(folder, "carry_closed", commitments=table).verdict == said


@pytest.mark.parametrize(("interest", "dollars", "coins"), [
    (47e9, "confirm", "contradict"), (40e9, "confirm", "confirm"), (50e9, "contradict", "contradict"),
])  # fmt: skip
def test_open_interest(folder, interest, dollars, coins):
    table = files()["open interest"]
    table.loc[DAY, "close"] = interest
    write(folder, {"open interest": table})
    assert verdict(folder, "fell_in_dollars").verdict == dollars
    assert verdict(folder, "fell_in_coins").verdict == coins


@pytest.mark.parametrize(("bar", "said"), [(4e7, "cannot tell"), (5e8, "confirm")])
def test_liquidations_are_a_lower_bound(folder, bar, said):
    table = files()["liquidations"]
    table["long_usd"] = bar
    assert verdict(folder, "liquidated", liquidations=table).verdict == said


@pytest.mark.parametrize(
    ("end", "said"), [(75_000.0, "confirm"), (76_000.0, "contradict"), (77_000.0, "contradict")]
)
def test_margin_longs(folder, end, said):
    table = files()["margin"]
    table.loc["2026-02-07":, "longs_btc"] = end
    assert verdict(folder, "margin_sold", margin=table).verdict == said


@pytest.mark.parametrize(("close", "said"), [(82.0, "cannot tell"), (95.0, "contradict")])
def test_volatility_near_90(folder, close, said):
    table = files()["DVOL"]
    table.iloc[1] = close
    assert verdict(folder, "near_90", DVOL=table).verdict == said


@pytest.mark.parametrize(("close", "said"), [(82.0, "contradict"), (83.6, "confirm"), (50.0, "contradict")])
def test_beta(folder, close, said):
    """ln(63/70) is -10.5 %: 30.6 points are -2.9."""
    table = files()["DVOL"]
    table.iloc[1] = close
    assert verdict(folder, "vol_beta", DVOL=table).verdict == said


def test_basis_where_all_clocks_agree(folder):
    """Spot that stands still from 21:00 to 24:00 gives one basis, and a verdict; a moving one does not."""
    assert verdict(folder, "basis_jump").verdict == "cannot tell"
    table = files()["hours"]
    table["open"] = np.where(table.index < DAY, 70_000.0, 63_000.0)
    table.loc["2026-02-05T00:00", "open"] = 70_000.0
    futures = pd.DataFrame(
        {"Adj Close": [70_000 * (1 + 0.033 * 23 / 365), 63_000 * (1 + 0.09 * 22 / 365)]}, [BEFORE, DAY]
    )
    claim = verdict(folder, "basis_jump", hours=table, front_future=futures.rename_axis("Date"))
    assert tuple(claim.found) == pytest.approx((5.7, 5.7))
    assert claim.verdict == "confirm"


@pytest.mark.parametrize(("low", "said"), [(41.3, "contradict"), (44.0, "confirm")])
def test_barrier(folder, low, said):
    table = bars()
    table.loc[: pd.Timestamp(BEFORE), "Low"] = np.maximum(table["Low"], 44.0)
    table.loc["2026-02-03", "Low"] = low
    assert verdict(folder, "barrier_day", IBIT=table).verdict == said


def test_barrier_never_hit(folder):
    table = bars()
    table["Low"] = 45.0
    claim = verdict(folder, "barrier_day", IBIT=table)
    assert (claim.verdict, claim.note) == ("contradict", "No price at or below 43.6 by then.")


@pytest.mark.parametrize(
    ("low", "part", "said"), [(35.3, 1.0, "confirm"), (38.25, 0.75, "contradict"), (40.0, 0.0, "contradict")]
)
def test_cluster(folder, low, part, said):
    table = bars()
    table.loc[DAY, "Low"] = low
    claim = verdict(folder, "cluster_crossed", IBIT=table)
    assert claim.found.low == pytest.approx(part)
    assert claim.verdict == said


# Records that are not there yet --------------------------------------------------------------------------


@pytest.mark.parametrize(("cme", "collapse", "rebuilt"), [
    ((120.0, 100.0, 110.0), "confirm", "confirm"), ((120.0, 119.0, 119.5), "contradict", "contradict"),
])  # fmt: skip
def test_open_interest_by_venue(folder, cme, collapse, rebuilt):
    """At 16:00 New York, 21:00 UTC: with such a file both claims have a verdict."""
    stamps = pd.date_range("2026-02-04T00:00Z", "2026-02-07T00:00Z", freq="h")
    step = np.searchsorted(pd.DatetimeIndex(["2026-02-05T00:00Z", "2026-02-06T00:00Z"]), stamps, "right")
    venues = pd.DataFrame(
        {"CME": np.array(cme)[step] * 1e3, "Binance": np.array([100.0, 90.0, 92.0])[step] * 1e3}, stamps
    )
    write(folder, {"open interest by venue": venues.rename_axis("timestamp")})
    assert verdict(folder, "cme_collapse").verdict == collapse
    assert verdict(folder, "cme_rebuilt").verdict == rebuilt


@pytest.mark.parametrize(
    ("puts", "record", "dominated"), [(1.4e6, "confirm", "confirm"), (0.4e6, "contradict", "contradict")]
)
def test_option_volume(folder, puts, record, dominated):
    volume = pd.DataFrame({"calls": 8e5, "puts": 6e5}, bars().index)
    volume.loc[DAY] = [9e5, puts]
    write(folder, {"option volume": volume.rename_axis("date")})
    assert verdict(folder, "option_record").verdict == record
    assert verdict(folder, "put_dominated").verdict == dominated


@pytest.mark.parametrize(("share", "said"), [(0.6, "confirm"), (0.4, "contradict")])
def test_holders(folder, share, said):
    table = pd.DataFrame(
        {"institutional": [0.3, 1 / 3], "hedge_funds": [0.5, share]}, ["2025-09-30", "2025-12-31"]
    )
    assert verdict(folder, "hedge_funds", holders=table.rename_axis("date")).verdict == said


# Missing and damaged files -------------------------------------------------------------------------------


def test_every_claim_has_a_verdict(card):
    """The made-up record decides some claims, and the others name what is missing."""
    assert len(card.table) == len(CLAIMS) >= 18
    unknown = card.table[np.isinf(card.numbers["found_low"]) & np.isinf(card.numbers["found_high"])]
    assert (unknown["verdict"] == "cannot tell").all()
    assert (
        unknown["record"]
        .str.contains("missing file: |has no row of|fewer than|not enough in the record")
        .all()
    )
    assert (
        card.table.loc["zone", "record"]
        == "missing file: deribit/deribit_options_snapshot_20260204T213308Z.csv"
    )
    assert set(card.table["verdict"]) == {"confirm", "contradict", "cannot tell"}


def test_numbers_and_counts(card):
    numbers, counts = card.numbers, card.counts
    assert list(numbers) == ["found_low", "found_high", "said_low", "said_high"]
    for key, (low, high, least, most) in numbers.iterrows():
        inside, apart = least <= low and high <= most, high < least or most < low
        assert card.table.loc[key, "verdict"] == (
            "confirm" if inside else "contradict" if apart else "cannot tell"
        )
    assert counts.sum().to_dict() == card.table["verdict"].value_counts().to_dict()
    assert counts.to_numpy().sum() == len(CLAIMS)


def test_one_file_alone(tmp_path):
    found = scorecard(write(tmp_path, {"margin": files()["margin"]}))
    told = found.table.index[~np.isinf(found.numbers["found_low"])]
    assert list(told) == ["rarity", "margin_sold"]
    assert f"1 of {len(FILES)} files" in found.lines[2]
    assert "event/daily_IBIT.csv" in found.lines[2]


def test_a_day_that_is_missing(folder):
    claim = verdict(folder, "fall", IBIT=bars().drop(DAY))
    assert (claim.verdict, claim.record) == ("cannot tell", "event/daily_IBIT.csv has no row of 2026-02-05")


def test_no_folder(tmp_path):
    with pytest.raises(gf.SchemaError, match=r"^folder: received .*which is not a folder; pass the root"):
        scorecard(tmp_path / "absent")
    with pytest.raises(gf.SchemaError, match=r"^folder: received .*has none of the \d+ files .*daily_IBIT"):
        scorecard(tmp_path)
    with pytest.raises(gf.SchemaError, match=r"^folder: received None; legal: the path of a folder"):
        scorecard(None)


def test_damaged_files_are_named_together(folder):
    (folder / FILES["margin"].path).write_text("time,longs\n2026-02-05,1\n")
    (folder / FILES["DVOL"].path).write_bytes(b"\xff\xfe\x00garbage")
    table = bars()
    table.loc[DAY, "Close"] = np.nan
    write(folder, {"IBIT": table})
    with pytest.raises(gf.errors.ReaderError) as error:
        scorecard(folder)
    text = str(error.value)
    assert text.startswith("3 files of the records not accepted:\n")
    assert (
        "bitfinex_margin_btc_1h.csv: cannot be read (no column longs_btc, shorts_btc; found time, longs)"
        in text
    )
    assert "deribit_dvol_1d_2021_2026.csv: cannot be read" in text
    assert "daily_IBIT.csv: cannot be read (record not accepted: - Close: 1 of 11 rows not accepted" in text


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("IBIT", lambda t: pd.concat([t, t.tail(1)]), "1 row repeated"),
        ("IBIT", lambda t: t.iloc[::-1], "times must ascend"),
        ("IBIT", lambda t: t.assign(Close="n/a"), "Close"),
        ("IBIT", lambda t: t.assign(Volume=-1.0), "numbers must be >= 0"),
        ("hours", lambda t: t.rename(index={HOURS[3]: "noon"}), "cannot be read"),
        ("flows", lambda t: t.drop(columns="IBIT"), "no column IBIT"),
    ],
)
def test_damaged_file(folder, name, wrong, message):
    write(folder, {name: wrong(files()[name])})
    with pytest.raises(gf.errors.ReaderError, match=re.escape(FILES[name].path)) as error:
        scorecard(folder)
    assert message in str(error.value)


# Traps of the files --------------------------------------------------------------------------------------


def test_one_call_leaves_out_another_contract(folder):
    """Newest first, two timestamps without an offset, a row of another option."""
    columns = {"option_type": "call", "strike_price": 85, "expiration_date": "2027-12-17", "ibit_price": 40.0,
               "time_to_expiration": 1.8, "volume": 1.0, "open_interest": 9}  # fmt: skip
    stamps = ["2026-02-05T16:30:57-05:00", "2026-02-04T16:35:01", "2026-02-03T16:36:19-05:00"]
    table = pd.DataFrame({"timestamp": stamps, **columns, "implied_volatility": [0.627, 0.606, 0.601]})
    other = table.tail(1).assign(strike_price=60, implied_volatility=0.4)
    path = folder / FILES["one call"].path
    pd.concat([table, other]).to_csv(path, index=False)
    found = Records(folder).one_call()["implied_volatility"]
    assert found.index.strftime("%d").tolist() == ["03", "04", "05"]
    assert found.tolist() == [0.601, 0.606, 0.627]


def test_flows_published_the_next_day(folder):
    """The flow of 5 February stands under the 6th, and an empty row is none."""
    table = pd.DataFrame({"date": ["2026-02-05", "2026-02-06", "2026-02-09", "2026-02-10"], "ticker": "IBIT",
                          "flow_usd": [-373.44e6, -175.34e6, 231.62e6, None]})  # fmt: skip
    table.to_csv(folder / FILES["flows, next day"].path, index=False)
    claim = verdict(folder, "created")
    assert tuple(claim.found) == pytest.approx((-121.044 * 0.04, -121.004 * 0.04), rel=1e-5)
    assert "+145.02 baskets" in claim.note
    table.loc[1, "flow_usd"] = 6e6 * 36.22
    table.to_csv(folder / FILES["flows, next day"].path, index=False)
    assert verdict(folder, "created").verdict == "confirm"


def test_price_at_midnight_is_the_next_opening(folder):
    from gammaflow.studies.event.spots import midnight

    assert midnight(Records(folder), "2026-02-05") == 63_000.0
    assert midnight(Records(folder), "2026-02-04") == 70_000.0


# Text and pages ------------------------------------------------------------------------------------------


def test_summary_is_narrow(card):
    text = card.summary()
    assert max(map(len, text.splitlines())) <= 100
    for claim in card.claims:
        assert f"{claim.verdict.upper()}: {claim.claim[:40]}" in text
    assert list(card.brief()) == ["verdict", "record", "claim"]
    assert max(map(len, card.brief().to_string().splitlines())) <= 100
    assert repr(card) == text


def test_markdown(card, tmp_path):
    text = card.to_markdown(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == text == card.to_markdown()
    rows = [line for line in text.splitlines() if re.match(r"\| (?!claim \||---)", line)]
    assert len(rows) == len(CLAIMS)
    assert all(row.count(" | ") == 6 for row in rows)
    assert text.count("\n## ") == len(card.counts)


def test_page(card, tmp_path):
    path = card.to_html(tmp_path / "card.html")
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', text)  # nothing is fetched
    looks = {"confirm": "long", "contradict": "short", "cannot tell": "open"}
    for verdict_, look in looks.items():
        marked = text.count(f'<td class="mark {look}">{verdict_}</td>')
        assert marked == (card.table["verdict"] == verdict_).sum()
    assert text.count("<section>") == len(card.counts) + 1  # conditions first
    assert len(text) < 100_000  # without figures there is no plotting library in it
    assert "<noscript>" not in text


def test_page_refuses_a_folder(card, tmp_path):
    with pytest.raises(gf.SchemaError, match=r"path: received .*is a folder"):
        card.to_html(tmp_path)


def test_picture(card):
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = card.plot()
    widths = {c.get_label(): [bar.get_width() for bar in c] for c in ax.containers}
    assert widths == {name: card.counts[name].tolist() for name in card.counts}
    assert [label.get_text() for label in ax.get_yticklabels()] == list(card.counts.index)
    numbers = [int(text.get_text()) for text in ax.texts]
    assert sum(numbers) == len(CLAIMS)
    plt.close(ax.figure)
