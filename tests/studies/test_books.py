"""Two books compared: every part of the change against a loop over contracts."""

import pickle
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.positions.book import Book
from gammaflow.positions.notes import Autocallable, BarrierNote, ReverseConvertible
from gammaflow.studies.books import CAUSES, compare_books
from gammaflow.text import readable
from support.books import ASOF, random_book
from support.pictures import title

mpl.use("Agg")

DATED = {"symbol": "TEST", "issued": "2025-09-02", "matures": "2026-09-01"}
NOTES = (
    BarrierNote(**DATED, name="N1", notional=5e6, initial=110.0, barrier=0.7, source="filing"),
    ReverseConvertible(
        **DATED, name="N2", notional=3e6, initial=95.0, barrier=0.8, coupon=0.09, coupons="quarterly"
    ),
)


def pair(seed=0, hours=30.0, spot=96.0):
    """A book and a later one: rows expired, closed, changed, equal and new; other vols and multipliers."""
    rng = np.random.default_rng(seed)
    a = random_book(seed, 60)
    frame = a.to_frame()
    frame = frame[frame["expiry"] > a.asof + pd.Timedelta(hours, "h")]
    frame = frame[rng.random(len(frame)) < 0.8].reset_index(drop=True)
    n = len(frame)
    frame["position"] = np.where(rng.random(n) < 0.3, frame["position"], rng.normal(0.0, 300.0, n))
    frame["sigma"] = np.where(
        rng.random(n) < 0.3, frame["sigma"], frame["sigma"] + rng.uniform(-0.05, 0.1, n)
    )
    frame["multiplier"] *= rng.choice([1.0, 2.0], n, p=[0.8, 0.2])
    frame["forward_ratio"] *= rng.choice([1.0, 1.01], n)
    fresh = random_book(seed + 1000, 15, position=rng.normal(0.0, 300.0, 15)).to_frame()
    fresh = fresh[fresh["expiry"] > a.asof + pd.Timedelta(hours, "h")]
    fresh["contract"] = "new " + fresh["contract"]
    later = pd.concat([frame, fresh], ignore_index=True)
    return a, Book(later, "TEST", spot, a.asof + pd.Timedelta(hours, "h"))


def gamma_of(row, spot, asof, like):
    """Gamma in currency per +1 % of a row at a spot and timestamp, with vol and forward of row `like`."""
    years = (row.expiry - asof).total_seconds() / (365 * 86_400)
    on_forward = not np.isnan(like.forward_ratio)
    S = spot * (like.forward_ratio if on_forward else 1.0)
    q = like.rate if on_forward else like.dividend_yield
    greeks = gf.bsm.greeks(row.kind, S, row.strike, years, like.rate, like.sigma, q, which=("gamma",))
    return row.position * row.multiplier * float(greeks.gamma) * S**2 * 0.01


def naive(a, b):
    """Parts of each strike's change of size and gamma: a loop over contracts."""
    old, new = ({r.contract: r for r in book.to_frame().itertuples()} for book in (a, b))
    parts = {}

    def add(strike, measure, cause, value):
        parts.setdefault(strike, {})[measure, cause] = (
            parts.get(strike, {}).get((measure, cause), 0.0) + value
        )

    for name, row in old.items():
        now = gamma_of(row, a.spot, a.asof, row)
        units = row.position * row.multiplier
        add(row.strike, "size", "before", units)
        add(row.strike, "gamma", "before", now)
        if row.expiry <= b.asof:
            add(row.strike, "size", "expired", -units)
            add(row.strike, "gamma", "expired", -now)
            continue
        moved = gamma_of(row, b.spot, b.asof, row)
        add(row.strike, "gamma", "spot and time", moved - now)
        if name not in new:
            add(row.strike, "size", "closed", -units)
            add(row.strike, "gamma", "closed", -moved)
            continue
        quoted = gamma_of(row, b.spot, b.asof, new[name])
        add(row.strike, "gamma", "vols", quoted - moved)
        add(row.strike, "gamma", "changed", gamma_of(new[name], b.spot, b.asof, new[name]) - quoted)
        add(row.strike, "size", "changed", new[name].position * new[name].multiplier - units)
    for name, row in new.items():
        units, value = row.position * row.multiplier, gamma_of(row, b.spot, b.asof, row)
        for cause in ("after", *(["new"] if name not in old else [])):
            add(row.strike, "size", cause, units)
            add(row.strike, "gamma", cause, value)
    return parts


@pytest.mark.parametrize("seed", [0, 1])
def test_every_part_is_that_of_a_loop(seed):
    a, b = pair(seed)
    found = compare_books(a, b)
    expected = naive(a, b)
    scale = gf.aggregate_exposure(a).total()["gross_gamma"]
    assert found.table.index.tolist() == sorted(expected)
    for strike, row in found.table.iterrows():
        for key, value in row.items():
            assert value == pytest.approx(expected[strike].get(key, 0.0), rel=1e-10, abs=1e-12 * scale)
    for cause in CAUSES:
        assert found.table["gamma", cause].any()
    assert not found.without_strike.any()


def add_up(found, gross):
    total, gamma, size = found.total, found.table["gamma"], found.table["size"]
    parts = ["before", *CAUSES]
    np.testing.assert_allclose(gamma[parts].sum(axis=1), gamma["after"], rtol=0, atol=1e-13 * gross)
    np.testing.assert_allclose(size.drop(columns="after").sum(axis=1), size["after"], rtol=0, atol=1e-9)
    assert total.loc[parts, "gamma"].sum() == pytest.approx(total.loc["after", "gamma"], abs=1e-12 * gross)
    for when, book in (("before", found.before), ("after", found.after)):
        whole = gf.aggregate_exposure(book).total()["gamma"]
        assert total.loc[when, "gamma"] == pytest.approx(whole, abs=1e-12 * gross)
        assert total.loc[when, "size"] == pytest.approx(book.size.sum(), abs=1e-9)


def with_the_rest(book, share, called=False):
    """A book with a future, a perpetual and notes, all without a strike."""
    rows = pd.DataFrame(
        {
            "contract": ["FUT", "PERP"],
            "venue": "test",
            "kind": ["future", "perpetual"],
            "position": [40.0 * share, -25.0],
            "multiplier": [1.0, 10.0],
            "expiry": pd.DatetimeIndex([ASOF + pd.Timedelta(20, "D"), pd.NaT], tz="UTC"),
            "rate": [0.03, 0.0],
        }
    )
    notes = gf.book_notes(NOTES, spot=book.spot, asof=book.asof, sigma=0.3 + 0.1 * share, rate=0.03)
    return book + Book(rows, "TEST", book.spot, book.asof) + notes


def test_the_summary_has_one_unit_and_only_strikes_that_changed():
    a, b = pair(1)
    found = compare_books(a, b)
    text = found.summary().splitlines()
    start = next(i for i, line in enumerate(text) if line.startswith("strikes where gamma changed most"))
    divisor, unit = readable(found.total["gamma"], "USD per +1 % spot")
    assert text[start].endswith(f" of {len(found.table)}) [{unit}]:")
    for line in text[start + 2 :]:
        strike, *parts = line.split()
        gamma = found.table["gamma"].loc[float(strike.replace(",", ""))]
        assert float(parts[0].replace(",", "")) == pytest.approx(gamma["before"] / divisor, abs=0.0051)
        assert float(parts[-1].replace(",", "")) == pytest.approx(
            (gamma["after"] - gamma["before"]) / divisor, abs=0.0051
        )
    same = compare_books(a, a).summary()
    assert "gamma changed at none of " in same
    assert "NaN" not in same


def test_rows_without_a_strike_stand_on_their_own_and_everything_adds_up():
    a, b = pair(1)
    a, b = with_the_rest(a, 1.0), with_the_rest(b, 0.4)
    found = compare_books(a, b)
    add_up(found, gf.aggregate_exposure(a).total()["gross_gamma"])
    size, gamma = found.without_strike["size"], found.without_strike["gamma"]
    assert size["changed"] == pytest.approx(-24.0)
    assert gamma["after"] == pytest.approx(gf.aggregate_exposure(b).without_strike["gamma"], rel=1e-12)
    notes = [book.select(kind="note") for book in (a, b)]
    then = notes[0].at(spot=b.spot, asof=b.asof)
    values = [gf.aggregate_exposure(book).total()["gamma"] for book in (notes[0], then, notes[1])]
    assert gamma["spot and time"] == pytest.approx(values[1] - values[0], rel=1e-9)
    assert gamma["vols"] == pytest.approx(values[2] - values[1], rel=1e-9)
    assert "rows without a strike, in the totals only: gamma changed by" in found.summary()


def test_notes_that_are_over_have_expired():
    note = Autocallable(
        name="CALLED", symbol="TEST", notional=5e6, initial=97.0, issued="2025-11-04", matures="2027-11-04",
        barrier=0.75, calls="monthly", call_level=1.03, call_premium=0.01, called="2026-03-04",
    )  # fmt: skip
    options = random_book(0)
    a = options + gf.book_notes([note], spot=100.0, asof=ASOF, sigma=0.4)
    asof = ASOF + pd.Timedelta(40, "D")
    b = options.select(options["expiry"] > asof.tz_localize(None).to_datetime64()).at(asof=asof)
    found = compare_books(a, b)
    gamma = found.without_strike["gamma"]
    assert gamma["expired"] == -gamma["before"] != 0.0
    assert gamma["spot and time"] == gamma["closed"] == 0.0
    add_up(found, gf.aggregate_exposure(a).total()["gross_gamma"])


def test_a_book_compared_with_itself_has_not_changed():
    a, _ = pair(2)
    found = compare_books(a, a).total
    assert not found.loc[list(CAUSES)].fillna(0.0).to_numpy().any()
    assert found.loc["before"].tolist() == found.loc["after"].tolist()


def test_time_alone_is_spot_and_time_and_vols_alone_are_vols():
    a, _ = pair(3)
    a = a.select(a["expiry"] > np.datetime64("2026-02-10"))
    later = a.at(spot=103.0, asof=a.asof + pd.Timedelta(2, "D"))
    gross = gf.aggregate_exposure(a).total()["gross_gamma"]
    total = compare_books(a, later).total["gamma"]
    assert total[["expired", "closed", "changed", "new"]].tolist() == [0.0] * 4
    assert total["vols"] == pytest.approx(0.0, abs=1e-12 * gross)
    assert total["spot and time"] == pytest.approx(total["after"] - total["before"], rel=1e-12)
    higher = replace(a, columns={**a.columns, "sigma": a["sigma"] + 0.05})
    total = compare_books(a, higher).total["gamma"]
    assert total[["expired", "spot and time", "closed", "changed", "new"]].tolist() == [0.0] * 5
    assert total["vols"] == pytest.approx(total["after"] - total["before"], rel=1e-12)


def test_units_of_two_days_are_no_closed_and_new_contracts():
    """Books in units of another underlying whose ratio has moved, as a fund's coins per share do."""
    a, b = pair(1)
    one, two = a.in_units_of("COIN", 5.6e-4), b.in_units_of("COIN", 5.5999e-4)
    plain, mapped = compare_books(a, b), compare_books(one, two)
    assert len(mapped.table) == len(plain.table)
    sizes, gamma = mapped.total["size"], mapped.total["gamma"]
    for cause in ("expired", "closed"):
        assert sizes[cause] == pytest.approx(5.6e-4 * plain.total.loc[cause, "size"], rel=1e-12)
    assert sizes["new"] == pytest.approx(5.5999e-4 * plain.total.loc["new", "size"], rel=1e-12)
    # Coins per share fell by 1.8e-5: the same contracts are that much less in size.
    held = plain.total["size"]
    kept = held["after"] - held["new"]
    assert sizes["changed"] == pytest.approx(5.5999e-4 * kept - 5.6e-4 * (kept - held["changed"]), rel=1e-9)
    for cause in ("before", "expired", "closed", "changed", "new", "after"):
        assert gamma[cause] == pytest.approx(plain.total.loc[cause, "gamma"], rel=1e-3), cause
    assert gamma[["before", *CAUSES]].sum() == pytest.approx(gamma["after"], rel=1e-12)
    assert mapped.table.index.isin(two["strike"]).sum() == plain.table.index.isin(b["strike"]).sum()


def test_names_that_many_rows_share_are_told_apart_by_strike():
    a = random_book(4, 6)
    columns = {**a.columns, "contract": np.full(6, "desk"), "strike": np.linspace(90.0, 92.5, 6)}
    columns |= {"kind": np.full(6, "put"), "expiry": np.full(6, a["expiry"].max())}
    a = replace(a, columns=columns)
    rolled = replace(a, columns={**a.columns, "strike": a["strike"] + 0.1})
    total = compare_books(a, rolled).total["size"]
    assert total["closed"] == -total["before"]
    assert total["new"] == total["after"]
    assert total["changed"] == 0.0


def test_accounts_in_coin_and_in_currency_are_no_pair():
    chain = gf.demo_chain()
    usd = gf.assign_positions(chain)
    with pytest.raises(MismatchError, match=r"contracts are kept in usd in the first and in coin in the sec"):
        compare_books(usd, usd.kept_in("coin"))


def test_rows_of_one_contract_are_matched_in_order():
    a, _ = pair(4)
    both = a + replace(a, columns={**a.columns, "sigma": a["sigma"] + 0.1}).at(spot=a.spot)
    total = compare_books(both, both).total
    assert not total.loc[list(CAUSES)].fillna(0.0).to_numpy().any()
    found = compare_books(both, a).total["gamma"]
    extra = replace(a, columns={**a.columns, "sigma": a["sigma"] + 0.1})
    assert found["closed"] == pytest.approx(-gf.aggregate_exposure(extra).total()["gamma"], rel=1e-12)
    assert found[["expired", "spot and time", "vols", "changed", "new"]].tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"symbol": "OTHER"}, "differ in symbol: 'TEST' and 'OTHER'"),
        ({"currency": "EUR"}, "differ in currency: 'USD' and 'EUR'"),
        ({"signed": False}, "differ in signed: True and False"),
    ],
)
def test_books_that_are_no_pair(change, words):
    a, b = pair(0)
    with pytest.raises(MismatchError, match=words):
        compare_books(a, replace(b, **change))
    with pytest.raises(MismatchError, match="pass the earlier book first"):
        compare_books(b, a)


def test_the_result_says_and_shows_what_changed():
    a, b = pair(0)
    found = compare_books(a, b)
    text = repr(pickle.loads(pickle.dumps(found)))
    assert "BookComparison TEST, 2026-02-05 14:30 to 2026-02-06 20:30 UTC, spot 100.00 to 96.00 USD" in text
    assert "rule: given positions\nsign: + = dealers are long" in text
    assert all(cause in text for cause in CAUSES)
    ax = found.plot()
    when = "2026-02-05 14:30 to 2026-02-06 20:30 UTC"
    assert title(ax) == f"TEST change of gamma\nrule: given positions\n{when}"
    assert ax.get_xlabel() == "strike [USD]"
    names = [label.get_text() for label in ax.get_legend().get_texts()]
    assert set(CAUSES) <= set(names)
    mpl.pyplot.close("all")
    with pytest.raises(SchemaError, match="no row of the books has a strike and a change of gamma"):
        compare_books(a, a).plot()


def test_real_books_add_up(shared):
    stamps = ("20260204T093620Z", "20260205T093647Z")
    paths = [shared / f"data/deribit/deribit_options_snapshot_{stamp}.csv" for stamp in stamps]
    a, b = (gf.assign_positions(gf.read_chain(path, symbol="BTC")) for path in paths)
    found = compare_books(a, b)
    add_up(found, gf.aggregate_exposure(a).total()["gross_gamma"])
    # Read off the raw files: open interest of contracts that the second file lists no more, and of new ones.
    raw = [pd.read_csv(path) for path in paths]
    signed = []
    for file in raw:
        rows = file[file["currency"] == "BTC"].set_index("instrument_name")
        signed.append(rows["open_interest"] * np.where(rows["option_type"] == "put", -1.0, 1.0))
    total = found.total["size"]
    gone, new = signed[0].index.difference(signed[1].index), signed[1].index.difference(signed[0].index)
    assert total["expired"] == pytest.approx(-signed[0][gone].sum(), rel=1e-12)
    first = [name for name in signed[1].index if name in new or signed[0][name] == 0.0]
    assert total["new"] == pytest.approx(signed[1][first].sum(), rel=1e-9)
    assert (
        total["closed"]
        == -signed[0][[n for n in signed[0].index if n not in gone and signed[1][n] == 0]].sum()
    )
