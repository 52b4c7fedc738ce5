"""Open interest between two chains, against loops over contracts, and the book of what was opened."""

import pickle
import re
from dataclasses import replace
from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import norm

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.positions.interest.match import rolled
from gammaflow.positions.interest.smile_moves import against_neighbours, out_of_the_money
from support.pictures import title

mpl.use("Agg")

ASOF = pd.Timestamp("2026-02-05T14:30:00Z")
RULES = {"calls_long_puts_short": (1, -1), "short_all": (-1, -1), "mirror": (-1, 1), "unsigned": (1, 1)}


@cache
def market(seed=0, *, asof=ASOF, drop=0.15, multiplier=1.0, shift=0.0, **facts):
    """A chain with rates, yields and forwards; some open interest missing or zero, some rows unlisted."""
    rng = np.random.default_rng(seed)
    rows = []
    for days in (-0.5, 2.0, 9.0, 30.0):
        for strike in np.arange(76.0, 128.0, 4.0):
            for kind in ("call", "put"):
                rows.append((ASOF + pd.Timedelta(days, "D"), strike, kind))
    frame = pd.DataFrame(rows, columns=["expiry", "strike", "kind"])
    frame["contract"] = [f"X {e:%d%b} {k:g} {kind[0]}" for e, k, kind in rows]
    frame["open_interest"] = rng.choice(
        [0.0, 1.5, 20.0, 300.0, np.nan], len(frame), p=[0.2, 0.2, 0.3, 0.25, 0.05]
    )
    leg = np.repeat(rng.normal(0.0, 0.01, len(frame) // 2), 2)
    frame["iv"] = np.where(rng.random(len(frame)) < 0.04, np.nan, 0.5 + shift + leg)
    frame["volume"] = rng.choice([0.0, 50.0, 400.0], len(frame))
    frame["multiplier"] = multiplier
    frame["rate"], frame["dividend_yield"], frame["root"] = 0.04, -0.01, "X"
    frame["forward"] = np.where(frame["expiry"] > ASOF + pd.Timedelta(5, "D"), 101.0, np.nan)
    frame = frame[rng.random(len(frame)) >= drop].reset_index(drop=True)
    return Chain(frame, "X", 100.0, asof, **{"vendor": "deribit", "venue": "Deribit", **facts})


def pair(seed=0, hours=20.0, **facts):
    """Two chains, the earlier `hours` before the later one."""
    earlier = market(2 * seed, asof=ASOF - pd.Timedelta(hours, "h"), **facts)
    return earlier, market(2 * seed + 1, shift=0.03, **facts)


@cache
def changed(seed=0, accuracy=0.55):
    """The change between a pair of chains."""
    return gf.open_interest_change(*pair(seed), accuracy=accuracy)


def naive(earlier, later):
    """Before, after and state of every contract that was alive at the earlier chain: a loop."""
    rows = [{(r.expiry, r.strike, r.kind): r for r in c.to_frame().itertuples()} for c in (earlier, later)]
    found = {}
    for key in rows[0].keys() | rows[1].keys():
        old, new = (side.get(key) for side in rows)
        if key[0] <= earlier.asof:
            continue
        before = 0.0 if old is None else old.open_interest
        if old is not None and new is not None:
            before *= old.multiplier / new.multiplier
        gone = key[0] <= later.asof
        after = 0.0 if gone else np.nan if new is None else new.open_interest
        if gone:
            state = "expired"
        elif np.isnan(before) or np.isnan(after):
            state = "unknown"
        elif before == after:
            state = "unchanged"
        elif before == 0.0:
            state = "new"
        elif after == 0.0:
            state = "closed"
        else:
            state = "grew" if after > before else "fell"
        found[(new or old).contract] = (before, after, state)
    return found


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


@pytest.mark.parametrize("rule", RULES)
def test_the_book_of_changes_is_what_a_loop_signs(rule):
    change = changed(0)
    earlier, later, book = change.earlier, change.later, change.book(rule)
    expected, left = {}, {}
    quoted = later.to_frame().set_index("contract").to_dict("index")
    for name, (before, after, state) in naive(earlier, later).items():
        row = quoted.get(name)
        if state == "unchanged":
            continue
        if state in ("expired", "unknown"):
            reason = {"expired": "expired", "unknown": "open interest unknown"}[state]
        elif not row["iv"] > 0.01:
            reason = "implied volatility missing"
        else:
            expected[name] = RULES[rule][row["kind"] == "put"] * (after - before)
            continue
        count, moved = left.get(reason, (0, 0.0))
        left[reason] = (count + 1, moved + np.nan_to_num(abs(after - before)))
    held = dict(zip(book["contract"], book["position"], strict=True))
    assert held == pytest.approx(expected)
    assert min(held.values()) < 0.0 < max(held.values())
    found = change.left_out(rule)
    assert found["contracts"].to_dict() == {reason: count for reason, (count, _) in left.items()}
    assert found["moved"].to_dict() == pytest.approx({reason: moved for reason, (_, moved) in left.items()})
    assert book.signed == (rule != "unsigned")
    assert rule in book.rule_text
    assert f"change of open interest since {earlier.asof:%Y-%m-%d %H:%M} UTC" in book.rule_text
    assert (book.asof, book.spot) == (later.asof, later.spot)


def test_the_change_and_what_was_there_before_make_the_later_book():
    change = changed(1)
    later = change.later
    table = change.table.reindex(later["contract"])
    known = change.table.index[change.alive]
    mask = np.isin(later["contract"], known)
    before = later.with_columns(open_interest=table["before"].to_numpy()).select(mask)
    whole = gf.sweep_spot(gf.assign_positions(later.select(mask)), [80.0, 100.0, 120.0]).table
    parts = [
        gf.sweep_spot(b, [80.0, 100.0, 120.0]).table for b in (gf.assign_positions(before), change.book())
    ]
    for name in ("gamma", "vanna", "vega", "delta"):
        np.testing.assert_allclose(parts[0][name] + parts[1][name], whole[name], rtol=1e-9)


@pytest.mark.parametrize("accuracy", [0.55, 1.0])
def test_moves_of_vol_sign_the_book_and_shrink_it(accuracy):
    change = changed(2, accuracy)
    book = change.book("by_vol")
    sure = changed(2, 1.0).table
    expected = {
        name: -(2 * accuracy - 1) * row["side"] * abs(row["change"])
        for name, row in sure.iterrows()
        if row["side"] and row["state"] not in ("unknown", "expired") and row["iv_after"] > 0.01
    }
    assert dict(zip(book["contract"], book["position"], strict=True)) == pytest.approx(expected)
    assert f"right with an assumed probability {accuracy:g}" in book.rule_text
    left = change.left_out("by_vol")
    rows = change.table[change.alive & (change.table["change"] != 0.0)]
    assert left["contracts"].sum() == (~change.alive).sum() + len(rows) - len(book)
    quiet = rows[(rows["side"] == 0.0) & (rows["iv_after"] > 0.01)]
    assert left.loc["no side from the move of vol", "contracts"] == len(quiet)
    assert left.loc["no side from the move of vol", "moved"] == pytest.approx(quiet["change"].abs().sum())


def test_a_coin_makes_no_book():
    with pytest.raises(SchemaError, match="no change of open interest can be valued under by_vol"):
        changed(2, 0.5).book("by_vol")


def test_a_rule_of_ones_own_and_levels_of_the_book():
    change = changed(0)
    half = gf.positioning.Rule("half", -0.5, 0.25, "half the calls sold")
    book, base = change.book(half, numeraire="coin"), change.book("unsigned")
    np.testing.assert_allclose(
        book["position"], base["position"] * np.where(base["kind"] == "call", -0.5, 0.25)
    )
    assert set(book["numeraire"]) == {"coin"}
    sold = change.book("short_all")
    levels = gf.sweep_spot(sold, measures=["gamma", "gross_gamma"]).levels()
    U, rate = sold.underlying_ratio, sold["rate"]

    def gamma(spot):
        terms = (sold.flag, spot * U, sold["strike"], sold.years, rate, sold["sigma"], sold.underlying_yield)
        return (
            float((sold.size * gf.bsm.greeks(*terms, which=("gamma",)).gamma * U**2).sum()) * spot**2 * 0.01
        )

    gross = gf.aggregate_exposure(sold).total()["gross_gamma"]
    grid = 100.0 * np.exp(np.linspace(-0.35, 0.35, 1401))
    signs = np.sign([gamma(spot) for spot in grid])
    crossed = np.flatnonzero(signs[1:] != signs[:-1])
    assert len(levels.flips) == len(crossed) == 3
    for flip, i in zip(levels.flips, crossed, strict=True):
        assert grid[i] < flip.spot < grid[i + 1]
        assert gamma(flip.spot) == pytest.approx(0.0, abs=1e-9 * gross)
        assert np.sign(flip.slope) == signs[i + 1]
    assert levels.zone.trough.gamma == pytest.approx(gamma(levels.zone.trough.spot), rel=1e-9)


class _Fixed(gf.positioning.PositionRule):
    name, meaning, source, signed = "fixed", "one contract each", "the test", True

    def position(self, chain):
        return np.ones(len(chain))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("nobody", "rule: received 'nobody'; legal: 'calls_long_puts_short', "),
        ([1.0, 2.0], "rule: received list; legal: a rule of gammaflow.positioning"),
        (_Fixed(), "fixed does not scale with open interest"),
    ],
)
def test_rules_that_cannot_sign_changes(rule, words):
    with pytest.raises(SchemaError, match=words):
        changed(0).book(rule)


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


def test_zero_gamma_of_what_was_opened_on_real_chains(shared):
    names = ("deribit_daily/deribit_options_snapshot_20260115T092130Z",
             "deribit/deribit_options_snapshot_20260204T213308Z")  # fmt: skip
    paths = [shared / f"data/{name}.csv" for name in names]
    earlier, later = (gf.read_chain(path, symbol="BTC") for path in paths)
    change = gf.open_interest_change(earlier, later)
    (flip,) = gf.sweep_spot(change.book(), measures=["gamma", "gross_gamma"]).levels().flips
    # The same sum over the rows of the two files.
    before = pd.read_csv(paths[0]).set_index("instrument_name")["open_interest"]
    rows = pd.read_csv(paths[1]).query("currency == 'BTC'")
    moved = rows["open_interest"] - rows["instrument_name"].map(before).fillna(0.0)
    expiry = pd.to_datetime(rows["expiry_datetime"])
    years = (expiry - later.asof).dt.total_seconds() / (365 * 86_400)
    F, K, sigma = rows["futures_price"] / later.spot * flip.spot, rows["strike"], rows["implied_volatility"]
    d1 = np.log(F / K) / (sigma * np.sqrt(years)) + 0.5 * sigma * np.sqrt(years)
    gamma = moved * F * norm.pdf(d1) / (sigma * np.sqrt(years)) * 0.01
    signed = np.where(rows["option_type"] == "put", -gamma, gamma)
    assert abs(signed.sum()) < 1e-9 * np.abs(signed).sum()
    assert flip.spot == pytest.approx(77_476.5, abs=0.1)
