"""Open interest between recorded chains: totals, rolls, evidence, estimate and score by loops."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import gammaflow as gf

PAIRS = {
    "BTC": [
        f"deribit_daily/deribit_options_snapshot_{s}.csv" for s in ("20260202T093900Z", "20260203T093333Z")
    ],
    "IBIT": [f"yahoo_cboe_json/IBIT_{s}.json" for s in ("20260710T1937ET", "20260714T2010ET")],
}


@pytest.fixture(scope="module", params=PAIRS)
def change(request, shared):
    paths = [shared / "data" / path for path in PAIRS[request.param]]
    return gf.open_interest_change(
        *(gf.read_chain(path, symbol=request.param) for path in paths), accuracy=0.6
    )


@cache
def contracts(change):
    """Open interest before and after of every contract alive at the earlier chain; None where unknown."""
    sides = [{r.contract: r for r in c.to_frame().itertuples()} for c in (change.earlier, change.later)]
    found = {}
    for name in sides[0].keys() | sides[1].keys():
        old, new = (side.get(name) for side in sides)
        row = new or old
        if row.expiry <= change.earlier.asof:
            continue
        before = 0.0 if old is None else old.open_interest
        gone = row.expiry <= change.later.asof
        after = 0.0 if gone else np.nan if new is None else new.open_interest
        state = "unchanged"
        if gone:
            state = "expired"
        elif np.isnan(before) or np.isnan(after):
            state = "unknown"
        elif before != after:
            state = "new" if before == 0 else "closed" if after == 0 else "grew" if after > before else "fell"
        found[name] = (row.kind, row.strike, row.expiry, before, after, state, row, old, new)
    return found


def test_totals_and_rolls(change):
    expected, sums, series = contracts(change), {}, {}
    assert set(change.table.index) == set(expected)
    for kind, strike, expiry, before, after, state, *_ in expected.values():
        part = sums.setdefault((kind, state), np.zeros(4))
        part += np.nan_to_num([1.0, before, after, after - before])
        if before != after and not np.isnan(after - before):
            series.setdefault((kind, strike), []).append((expiry, after - before))
    assert len(sums) >= 10
    totals = change.totals
    assert set(totals.index) == set(sums)
    for key, part in sums.items():
        assert totals.loc[key, ["contracts", "before", "after", "change"]].tolist() == pytest.approx(part), (
            key
        )
    # The most that can be rolled: what is left of the outflow after the largest overhang of any cut in time.
    most = 0.0
    for moves in series.values():
        waiting = 0.0
        for moment in sorted({expiry for expiry, _ in moves}):
            here = [x for expiry, x in moves if expiry == moment]
            taken = min(waiting, sum(x for x in here if x > 0))
            most += taken
            waiting += -taken - sum(x for x in here if x < 0)
    table = change.table
    assert most > 1_000
    assert table["rolled"][table["change"] < 0].sum() == pytest.approx(most, rel=1e-12)
    assert table["rolled"][table["change"] > 0].sum() == pytest.approx(most, rel=1e-12)
    expired = totals.xs("expired", level="state")["rolled"].sum()
    assert 0.0 < expired <= most
    text = f"rolled into later expiries, at most: {most:,.1f}, {expired:,.1f} of it out of expired ones"
    assert text in change.summary()


def test_evidence_and_moves_of_vol(change):
    """Parabolas through three neighbours on each side; sides, net purchases and their deviation."""
    rows, moves = contracts(change), {}
    for name, (_, strike, expiry, _, _, state, _, old, new) in rows.items():
        if state != "expired" and old and new and old.iv > 0.001 and new.iv > 0.001:
            forward = change.later.spot if np.isnan(new.forward) else new.forward
            outside = (strike >= forward) if new.kind == "call" else (strike <= forward)
            moves.setdefault(expiry, {}).setdefault(strike, []).append((not outside, new.iv - old.iv, name))
    expected = {}
    for by_strike in moves.values():
        strikes = sorted(by_strike)
        for i, strike in enumerate(strikes[3:-3], 3):
            near = strikes[i - 3 : i] + strikes[i + 1 : i + 4]
            x = np.log(np.array(near) / strike)
            values = [min(by_strike[k])[1] for k in near]
            fit = np.linalg.lstsq(np.vander(x / np.abs(x).max(), 3), values, rcond=None)[0][-1]
            for _, _, name in by_strike[strike]:
                expected[name] = min(by_strike[strike])[1] - fit
    found = change.table["vol_move"].dropna()
    assert set(found.index) == set(expected)
    assert found.to_dict() == pytest.approx(expected, abs=1e-11)
    for kind in ("call", "put", "all"):
        sums = dict.fromkeys(("moved", "told", "bought", "sold", "expected", "deviation"), 0.0)
        for name, (mine, _, _, before, after, state, *_) in rows.items():
            if state in ("expired", "unknown") or kind not in (mine, "all"):
                continue
            size, move = abs(after - before), expected.get(name, 0.0)
            side = np.sign(move) if abs(move) > 0.001 and size else 0.0
            sums["moved"] += size
            sums["told"] += size if side else 0.0
            sums["bought"] += size if side > 0 else 0.0
            sums["sold"] += size if side < 0 else 0.0
            sums["expected"] += 0.2 * side * size
            sums["deviation"] += size**2 * (0.96 if side else 1.0)
        row = change.evidence.loc[kind]
        assert 0.0 < row["told"] < row["moved"]
        sums["deviation"] **= 0.5
        assert row[list(sums)].to_dict() == pytest.approx(sums, rel=1e-9), kind
        assert row["carried"] == pytest.approx(0.2 * sums["told"] / sums["moved"], rel=1e-9)


def test_estimate_fit_and_score(change):
    """A made-up flow of the recorded contracts, some of it in none of them."""
    rng = np.random.default_rng(3)
    rows = contracts(change)
    names = sorted(rows)[::2]
    net = {n: float(rng.normal(np.nan_to_num(rows[n][4] - rows[n][3]), 20.0)) for n in names}
    net["NOT LISTED"] = 12.5
    flow = pd.Series(net)
    fit = gf.fit_open_interest([(change, flow)])
    counted = {n: r for n, r in rows.items() if r[5] not in ("expired", "unknown")}
    xy = sum(net.get(n, 0.0) * (r[4] - r[3]) for n, r in counted.items())
    xx = sum(net.get(n, 0.0) ** 2 for n in counted)
    assert fit.alpha == pytest.approx(xy / xx, rel=1e-9)
    assert fit.contracts == len(counted)
    row = gf.score_open_interest([(change, flow)], 0.7).table.loc["all"]
    error = size = missed = moved = 0.0
    pairs = []
    for name, (_, _, _, before, after, *_) in counted.items():
        found, true = max(0.0, before + 0.7 * net.get(name, 0.0)) - before, after - before
        error, size = error + abs(found - true), size + abs(true)
        moved, missed = moved + (true != 0), missed + (true != 0 and found == 0)
        pairs.append((found, true))
    volume = sum(np.nan_to_num(r[8].volume) for r in counted.values())
    assert row["contracts"] == len(counted)
    assert row["error"] == pytest.approx(error / size, rel=1e-9)
    assert row["silent"] == pytest.approx(missed / moved, rel=1e-9)
    assert 0.3 < row["silent"] < 0.8
    assert row["churn"] == pytest.approx(size / volume, rel=1e-9)
    ranks = rankdata(np.array(pairs), axis=0)
    a, b = (ranks - ranks.mean(axis=0)).T
    assert row["rank_correlation"] == pytest.approx((a @ b) / np.sqrt((a @ a) * (b @ b)), rel=1e-9)

    morning = change.earlier
    later = gf.estimate_open_interest(morning, flow, alpha=fit)
    for name, old, new in zip(
        morning["contract"], morning["open_interest"], later["open_interest"], strict=True
    ):
        assert np.isnan(old) == np.isnan(new)
        if not np.isnan(old):
            assert new == pytest.approx(max(0.0, old + fit.alpha * net.get(name, 0.0)), abs=1e-9)
