"""Open interest between two chains, against loops over contracts, and the book of what was opened."""

import pickle
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.positions.interest.match import rolled
from gammaflow.positions.interest.smile_moves import against_neighbours, out_of_the_money
from support.interest_pairs import ASOF, changed, market, naive, pair
from support.pictures import title

mpl.use("Agg")


@pytest.mark.parametrize("seed", [0, 1])
def test_every_contract_has_the_open_interest_and_state_of_a_loop(seed):
    change = changed(seed)
    expected = naive(change.earlier, change.later)
    assert set(change.table.index) == set(expected)
    assert {"expired", "unknown", "new", "closed", "grew", "fell", "unchanged"} == set(change.table["state"])
    for name, row in change.table.iterrows():
        before, after, state = expected[name]
        np.testing.assert_array_equal([row["before"], row["after"]], [before, after])
        assert row["state"] == state
        np.testing.assert_array_equal(row["change"], after - before)
    totals = change.totals
    for kind, state in totals.index:
        rows = [k for k, v in expected.items() if v[2] == state and k.endswith(kind[0])]
        assert totals.loc[(kind, state), "contracts"] == len(rows)
        assert totals.loc[(kind, state), "change"] == pytest.approx(
            np.nansum([expected[k][1] - expected[k][0] for k in rows]), abs=1e-9
        )


def test_open_interest_is_converted_where_the_multiplier_changed():
    earlier, later = (
        market(0, asof=ASOF - pd.Timedelta(1, "h"), multiplier=100.0, drop=0.0),
        market(1, drop=0.0),
    )
    later = later.with_columns(multiplier=30.0)
    table = gf.open_interest_change(earlier, later).table
    held = earlier.to_frame().set_index("contract")["open_interest"]
    np.testing.assert_allclose(table["before"], held[table.index] * 100.0 / 30.0, rtol=1e-14)
    same = earlier["open_interest"] * 100.0 / 30.0
    moved = replace(earlier.with_columns(open_interest=same, multiplier=30.0), asof=ASOF)
    change = gf.open_interest_change(earlier, moved)
    assert set(change.table["state"]) == {"unchanged", "unknown"}
    assert change.unit == "contracts of 30 X"


def test_a_selection_of_the_earlier_chain_leaves_the_rest_unknown():
    earlier, later = pair(3)
    table = gf.open_interest_change(earlier.select(kind="put"), later)
    calls = table.table[table.table["kind"] == "call"]
    assert set(calls["state"]) <= {"unknown", "expired"}
    assert np.isnan(calls.loc[calls["state"] == "unknown", "change"]).all()
    assert "unknown in one of the chains for" in table.warnings[0]


def test_open_interest_dated_after_its_chain_is_unknown():
    earlier, later = pair(1)
    dates = np.where(later["kind"] == "call", np.datetime64("2026-02-07"), np.datetime64("2026-02-04"))
    dated = later.with_columns(open_interest_date=pd.DatetimeIndex(dates.astype("datetime64[ns]"), tz="UTC"))
    table = gf.open_interest_change(earlier, dated).table
    assert set(table["state"][table["kind"] == "call"]) == {"unknown", "expired"}
    assert not (table["state"][table["kind"] == "put"] == "unknown").all()


def most_rolled(rows):
    """The largest total of decreases matched with increases of later expiries, by linear programming."""
    total = 0.0
    for _, group in rows.groupby(["strike", "kind", "multiplier"]):
        down, up = group[group["change"] < 0.0], group[group["change"] > 0.0]
        arcs = [(i, j) for i in down.index for j in up.index if group["expiry"][i] < group["expiry"][j]]
        if arcs:
            limits = [-down["change"][i] for i in down.index] + [up["change"][j] for j in up.index]
            ends = [*down.index, *up.index]
            matrix = [[float(end in arc) for arc in arcs] for end in ends]
            total -= linprog(-np.ones(len(arcs)), A_ub=matrix, b_ub=limits).fun
    return total


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_as_much_is_rolled_as_can_be(seed):
    rng = np.random.default_rng(seed)
    n = 24
    table = pd.DataFrame(
        {
            "expiry": pd.DatetimeIndex(rng.choice(pd.date_range(ASOF, periods=4, freq="7D"), n)),
            "strike": rng.choice([90.0, 100.0], n),
            "kind": rng.choice(["call", "put"], n),
            "multiplier": rng.choice([1.0, 100.0], n, p=[0.8, 0.2]),
            "change": rng.choice([-30.1, -7.0, 0.0, np.nan, 5.5, 21.3], n),
        }
    )
    found = rolled(table)
    change = table["change"].fillna(0.0).to_numpy()
    assert (found >= 0.0).all()
    assert (found <= np.abs(change) * (1 + 1e-14)).all()
    out, into = found[change < 0.0].sum(), found[change > 0.0].sum()
    assert out == pytest.approx(into, abs=1e-9)
    assert out == pytest.approx(most_rolled(table), abs=1e-8)


def test_moves_of_vol_are_those_of_a_parabola_through_the_neighbours():
    earlier, later = pair(2, drop=0.05)
    table = gf.open_interest_change(earlier, later, least=0.002).table
    vols = [{(r.expiry, r.strike, r.kind): r.iv for r in c.to_frame().itertuples()} for c in (earlier, later)]
    outside = dict(zip(later["contract"], out_of_the_money(later), strict=True))
    legs = {(r.expiry, r.strike, r.kind): outside[r.contract] for r in later.to_frame().itertuples()}
    seen = 0
    for expiry in table["expiry"].unique():
        moves = {}
        for strike in np.arange(76.0, 128.0, 4.0):
            keys = [(expiry, strike, kind) for kind in ("call", "put")]
            known = [k for k in keys if all(np.isfinite(side.get(k, np.nan)) for side in vols)]
            known.sort(key=lambda k: not legs[k])
            if known and expiry > ASOF:
                moves[strike] = vols[1][known[0]] - vols[0][known[0]]
        strikes = sorted(moves)
        expected = {}
        for i, strike in enumerate(strikes[3:-3], 3):
            near = strikes[i - 3 : i] + strikes[i + 1 : i + 4]
            fit = np.polyfit(np.log(np.array(near) / strike), [moves[k] for k in near], 2)
            expected[strike] = moves[strike] - fit[-1]
        for _, row in table[table["expiry"] == expiry].iterrows():
            key = (expiry, row["strike"], row["kind"])
            has = all(np.isfinite(side.get(key, np.nan)) for side in vols) and row["strike"] in expected
            value = expected[row["strike"]] if has else np.nan
            assert row["vol_move"] == pytest.approx(value, abs=1e-12, nan_ok=True)
            tells = has and abs(value) > 0.002 and row["change"] == row["change"] and row["change"] != 0.0
            assert row["side"] == (np.sign(value) if tells else 0.0)
            seen += tells
    assert seen > 20


def test_too_few_neighbours_tell_nothing():
    assert np.isnan(against_neighbours(np.arange(1.0, 7.0), np.ones(6))).all()
    found = against_neighbours(np.exp(np.arange(8.0)), np.arange(8.0) ** 2)
    assert np.isnan(found[[0, 1, 2, 5, 6, 7]]).all()
    np.testing.assert_allclose(found[3:5], 0.0, atol=1e-12)


@pytest.mark.parametrize("accuracy", [0.55, 0.8])
def test_evidence_is_summed_as_a_loop_sums_it(accuracy):
    change = changed(1, accuracy)
    assert change.accuracy == accuracy
    for kind in ("call", "put", "all"):
        moved = told = expected = variance = 0.0
        for row in change.table.itertuples():
            if row.state in ("expired", "unknown") or kind not in (row.kind, "all"):
                continue
            moved += abs(row.change)
            told += abs(row.change) * (row.side != 0.0)
            expected += (2 * accuracy - 1) * row.side * abs(row.change)
            variance += row.change**2 * (4 * accuracy * (1 - accuracy) if row.side else 1.0)
        found = change.evidence.loc[kind]
        assert found[["moved", "told", "expected"]].tolist() == pytest.approx([moved, told, expected])
        assert found["deviation"] == pytest.approx(np.sqrt(variance))
        assert found["carried"] == pytest.approx((2 * accuracy - 1) * told / moved)
        assert found["bought"] + found["sold"] == pytest.approx(told)
    rows = change.table[change.alive]
    for name, some in (("changed", rows["change"] != 0.0), ("unchanged", rows["change"] == 0.0)):
        assert change.placebo[name] == pytest.approx(np.nanmedian(rows["vol_move"][some].abs()))


def test_volume_bounds_changes_within_its_own_hours_only():
    earlier, later = pair(0, hours=24.0)
    change = gf.open_interest_change(earlier, later)
    volume = dict(zip(later["contract"], later["volume"], strict=True))
    over = {
        name
        for name, row in change.table.iterrows()
        if row["state"] not in ("expired", "unknown") and abs(row["change"]) > volume[name]
    }
    assert change.checked
    assert len(over) > 5
    assert set(change.table.index[change.table["beyond_volume"]]) == over
    excess = sum(abs(change.table.loc[name, "change"]) - volume[name] for name in over)
    form = r"within the volume of 24 h in (\d+) of (\d+) contracts; beyond it, by ([\d.,]+) in all, in (\d+)"
    text = re.search(form, change.summary())
    within, known, by, count = (float(group.replace(",", "")) for group in text.groups())
    assert (within + count, count) == (known, len(over))
    assert by == pytest.approx(excess, abs=0.05)

    late = replace(earlier, asof=earlier.asof - pd.Timedelta(1, "min"))
    for chains, options, words in (
        ((late, later), {}, "which covers 24 h while the chains are 24.02 h apart"),
        (
            [replace(c, venue="other") for c in (earlier, later)],
            {},
            "of which the hours it covers are unknown",
        ),
        ((earlier, later.with_columns(volume=np.nan)), {}, "which the later chain does not have"),
        ((earlier, later), {"volume_hours": 3.0}, "which covers 3 h while the chains are 24.00 h apart"),
    ):
        found = gf.open_interest_change(*chains, **options)
        assert not found.checked
        assert not found.table["beyond_volume"].any()
        assert words in found.summary()
    assert gf.open_interest_change(late, later, volume_hours=30.0).checked


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"symbol": "Y"}, "symbol: 'X' and 'Y'"),
        ({"venue": "other"}, "venue: 'Deribit' and 'other'"),
        ({"currency": "EUR"}, "currency: 'USD' and 'EUR'"),
        ({"synthetic": True}, "synthetic: False and True"),
        ({"asof": "2026-02-01T00:00Z"}, "pass the earlier chain first"),
    ],
)
def test_chains_that_are_no_pair(facts, words):
    earlier, later = pair(0)
    with pytest.raises(MismatchError, match=words):
        gf.open_interest_change(earlier, replace(later, **facts))
    both = {"symbol": "Y", "venue": "other", "asof": earlier.asof}
    with pytest.raises(MismatchError, match=r"symbol.*venue.*pass the earlier chain first"):
        gf.open_interest_change(earlier, replace(later, **both))


def test_contracts_must_stand_once_and_keep_their_names():
    earlier, later = pair(0)
    strikes = later["strike"].copy()
    strikes[1] = strikes[0]
    kinds = np.where(np.arange(len(later)) < 2, "call", later["kind"])
    with pytest.raises(SchemaError, match="2 rows share expiry, strike, kind and root"):
        gf.open_interest_change(
            earlier, later.with_columns(strike=strikes, kind=kinds, expiry=_first_expiry(later))
        )
    renamed = earlier.with_columns(root=np.where(np.arange(len(earlier)) > len(earlier) - 4, "Y", "X"))
    with pytest.raises(
        MismatchError, match="contracts have one name but another expiry, strike, kind or root"
    ):
        gf.open_interest_change(renamed, later)


def _first_expiry(chain):
    frame = chain.to_frame()["expiry"].copy()
    frame[1] = frame[0]
    return frame


def test_illegal_numbers_are_told_all_at_once():
    with pytest.raises(SchemaError) as caught:
        gf.open_interest_change(*pair(0), accuracy=0.4, least=-1.0, volume_hours=np.nan)
    assert [word in str(caught.value) for word in ("accuracy", "least", "volume_hours")] == [True] * 3
    with pytest.raises(SchemaError, match=r"legal: a probability from 0\.5 to 1"):
        gf.open_interest_change(*pair(0), accuracy=1.1)


def test_warnings_say_what_changes_are_not():
    earlier, later = pair(0)
    again = replace(earlier, asof=earlier.asof + pd.Timedelta(1, "h"))
    same = gf.open_interest_change(earlier, again)
    assert "the same in all" in same.warnings[0]
    assert same.summary().count("WARNING: ") == len(same.warnings)
    with pytest.raises(SchemaError, match="no change of open interest can be valued"):
        same.book()
    listed = [c.with_columns(settlement="PM") for c in (earlier, later)]
    assert "US exchanges publish that of the previous close" in gf.open_interest_change(*listed).warnings[-1]


def test_the_result_is_frozen_text_and_picture():
    change = changed(0)
    again = pickle.loads(pickle.dumps(change))
    pd.testing.assert_frame_equal(again.table, change.table)
    assert repr(again) == repr(change) == change.summary()
    with pytest.raises(AttributeError):
        change.accuracy = 0.9
    evidence = change.evidence.loc["all"]
    assert f"the evidence carries {evidence['carried']:.1%} of it" in repr(change)
    assert "assumed right with p = 0.55" in repr(change)
    ax = change.plot()
    assert title(ax) == f"X change of open interest\n{change.title.partition(', ')[2]}"
    assert ax.get_xlabel() == "strike [USD]"
    heights = sum(patch.get_height() for patch in ax.patches)
    assert heights == pytest.approx(change.by_strike().sum().sum() / (1e3 if "k" in ax.get_ylabel() else 1.0))
    mpl.pyplot.close("all")


def test_real_chains_are_bounded_by_their_volume(shared):
    days = ("20260202T093900Z", "20260203T093333Z")
    paths = [shared / f"data/deribit_daily/deribit_options_snapshot_{day}.csv" for day in days]
    change = gf.open_interest_change(*(gf.read_chain(path, symbol="BTC") for path in paths))
    raw = [pd.read_csv(path) for path in paths]
    before, after = (f[f["currency"] == "BTC"].set_index("instrument_name")["open_interest"] for f in raw)
    volume = raw[1].set_index("instrument_name")["volume"]
    moved = sum(abs(after[name] - before.get(name, 0.0)) for name in after.index)
    alive = change.table[change.alive]
    assert set(alive.index) == set(after.index)
    assert alive["change"].abs().sum() == pytest.approx(moved, rel=1e-12)
    over = [n for n in after.index if abs(after[n] - before.get(n, 0.0)) > volume[n] + 1e-9]
    assert change.hours == pytest.approx(23.909, abs=1e-3)
    assert sorted(alive.index[alive["beyond_volume"]]) == sorted(over)
    assert len(over) < 0.02 * len(alive)
    expired = change.table[change.table["state"] == "expired"]
    assert set(expired.index) == set(before.index) - set(after.index)
    assert expired["change"].sum() == pytest.approx(-before[expired.index].sum())
