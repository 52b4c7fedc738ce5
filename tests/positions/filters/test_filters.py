"""Filters against loops over rows, on made-up and on recorded chains, and against hand-listed calendars."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.positions.filters.row_values import VALUES
from gammaflow.selection import Filter, Selection
from support.expiry_chains import made

F = gf.filters
SPX = "data/cboe/spx_20230914_carlosjimenezdiaz.csv"
IBIT = "data/yahoo_cboe_json/IBIT_20260714T2010ET.json"


def test_am_and_pm_expiries_of_one_day_and_the_day_of_expiry(shared):
    chain = gf.read_chain(shared / SPX)
    third_friday = chain.select(F.expiry("2023-12-15"))
    assert set(third_friday["root"]) == {"SPX", "SPXW"}
    assert set(third_friday["settlement"]) == {"AM", "PM"}
    assert third_friday["contract"].tolist() == chain.select(F.dte(92, 92))["contract"].tolist()
    weeklys = np.unique(chain.select(F.monthly(), root="SPXW")["expiry"]).astype("datetime64[D]").astype(str)
    assert weeklys.tolist() == [
        "2023-09-15",
        "2023-10-20",
        "2023-11-17",
        "2023-12-15",
        "2024-01-19",
        "2024-02-16",
    ]


def american_tree(call, S, K, t, r, sigma, q, steps=2000):
    """Delta of an American option by a binomial tree (Cox, Ross and Rubinstein)."""
    dt = t / steps
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp((r - q) * dt) - 1 / up) / (up - 1 / up)
    sign = 1.0 if call else -1.0
    values = np.maximum(sign * (S * up ** np.arange(-steps, steps + 1, 2.0) - K), 0.0)
    for n in range(steps - 1, 0, -1):
        spots = S * up ** np.arange(-n, n + 1, 2.0)
        values = np.maximum(math.exp(-r * dt) * (p * values[1:] + (1 - p) * values[:-1]), sign * (spots - K))
    return (values[1] - values[0]) / (S * up - S / up)


def test_american_rows_have_american_deltas():
    terms = [
        ("put", 115.0, 0.06, 0.01),
        ("put", 90.0, 0.06, 0.0),
        ("call", 80.0, 0.01, 0.07),
        ("put", 100.0, 0.0, 0.0),
    ]
    kinds, strikes, rates, yields = zip(*terms, strict=True)
    chain = made(
        ["2026-01-16"] * 4,
        kind=kinds,
        strike=strikes,
        rate=rates,
        dividend_yield=yields,
        exercise="american",
        iv=0.25,
    )
    found = VALUES["delta"](chain)
    t = float(chain.years[0])
    for i, (kind, strike, rate, carry) in enumerate(terms):
        tree = american_tree(kind == "call", 100.0, strike, t, rate, 0.25, carry)
        assert found[i] == pytest.approx(abs(tree), abs=2e-3)
    european = VALUES["delta"](chain.with_columns(exercise="european"))
    assert (found - european)[0] > 0.05
    book = gf.assign_positions(chain)
    np.testing.assert_allclose(
        VALUES["delta"](book), found[np.argsort(chain["expiry"], kind="stable")], rtol=1e-12
    )


def test_rows_of_a_book_that_are_not_vanilla():
    option = {"venue": "X", "multiplier": 2.0, "sigma": 0.4, "expiry": pd.Timestamp("2026-03-27T08:00Z")}
    rows = [
        {"contract": "a", "kind": "call", "strike": 100.0, "position": 3.0, **option},
        {"contract": "b", "kind": "down-in put", "strike": 90.0, "barrier": 70.0, "position": -2.0, **option},
        {"contract": "c", "kind": "perpetual", "venue": "X", "multiplier": 1.0, "position": 5.0},
    ]
    book = gf.Book(pd.DataFrame(rows), "BTC", 100.0, "2026-02-05T09:36Z")
    names = book["contract"]
    assert list(names) == ["a", "b", "c"]
    assert F.delta(0, 1).truth(book).tolist() == [1, 0, 0]
    assert F.moneyness(0.9, 0.9).truth(book).tolist() == [-1, 1, 0]
    assert F.calls().truth(book).tolist() == [1, -1, -1]
    assert F.puts().truth(book).tolist() == [-1, 1, -1]
    assert F.dte(1000).truth(book).tolist() == [-1, -1, 1]
    assert F.quarterly().truth(book).tolist() == [1, 1, -1]
    assert F.expiry("next").truth(book).tolist() == [1, 1, -1]
    part = book.select(F.delta(0, 1))
    assert part.filters == (
        "delta 0 to 1; 60.0% of absolute positions excluded, 2 rows because a value that the filter needs is "
        "missing",
    )  # |-2| x 2 + |5| x 1 of 15
    assert part.title == "BTC (subset: 1 of 3 rows)"


def test_trades_have_categories():
    categories = np.array(["single", "block", "combo", "multi-leg", "auction"], object)

    class Trades(dict):
        pass

    assert F.single_leg().truth(Trades(category=categories)).tolist() == [1, 0, -1, -1, 1]
    assert F.complex_trades().truth(Trades(category=categories)).tolist() == [-1, 0, 1, 1, -1]
    with pytest.raises(gf.SchemaError, match="dte: received Trades, which has no expiry; a chain and"):
        F.dte(0, 7).mask(Trades(category=categories))


class Given(Filter):
    """A filter of known truth."""

    def __init__(self, values):
        self.values = np.array(values, np.int8)

    @property
    def text(self):
        return "given"

    def truth(self, table):
        return self.values


truths = st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3).map(Given)


@given(truths, truths, truths)
def test_three_valued_logic(a, b, c):
    def same(one, other):
        np.testing.assert_array_equal(one.truth(None), other.truth(None))

    same(~(a & b), ~a | ~b)
    same(~(a | b), ~a & ~b)
    same(a & (b | c), (a & b) | (a & c))
    same(~~a, a)
    kept = a.mask(None).astype(int) + (~a).mask(None) + (a.truth(None) == 0)
    assert (kept == 1).all()
    np.testing.assert_array_equal((a & b).mask(None), a.mask(None) & b.mask(None))
    np.testing.assert_array_equal((a | b).mask(None), a.mask(None) | b.mask(None))


def test_texts_and_pickles():
    wanted = (F.dte(0, 7) & ~(F.puts() | F.monthly())) | F.min_open_interest(1_234_567)
    assert wanted.text == "(dte 0 to 7 and not (puts or monthly)) or open interest >= 1,234,567"
    assert repr(wanted) == f"Filter({wanted.text})"
    assert pickle.loads(pickle.dumps(wanted)) == wanted
    assert [f.text for f in (F.dte(), F.delta(0.5, 0.5), F.moneyness(0, np.inf), F.min_volume(3))] == [
        "dte >= 0",
        "delta 0.5",
        "moneyness >= 0",
        "volume >= 3",
    ]


def test_selections_of_selections():
    chain = gf.demo_chain()
    oi = chain["open_interest"]
    one = chain.select(F.dte(0, 30))
    two = one.select(F.puts(), strike=[60e3, 70e3])
    mask = F.dte(0, 30).mask(chain) & (chain["kind"] == "put") & np.isin(chain["strike"], [60e3, 70e3])
    assert two.selection == Selection(
        ("dte 0 to 30", "puts", "strike=[60000.0, 70000.0]"),
        pytest.approx(oi[mask].sum() / oi.sum(), abs=1e-14),
        "open interest (contracts)",
    )
    assert str(two.quality).count("filter: dte 0 to 30, puts, strike=[60000.0, 70000.0]; 9") == 1
    assert two.quality.to_dict()["selection"]["excluded"] == pytest.approx(1 - oi[mask].sum() / oi.sum())
    assert pickle.loads(pickle.dumps(two)).selection == two.selection
    assert chain.select().selection is None
    assert gf.repair_chain(one).select(F.puts()).selection.words == ("dte 0 to 30", "puts")
    none = chain.with_columns(open_interest=0.0).select(F.puts())
    assert "puts; none of open interest (contracts) excluded" in repr(none)
    assert none.quality.to_dict()["selection"]["excluded"] is None


def test_books_say_how_they_were_selected():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    size = np.abs(book["position"] * book["multiplier"])
    puts, calls = book.select(F.puts()), book.select(~F.puts())
    share = size[book["kind"] == "call"].sum() / size.sum()
    assert puts.selections[0].excluded == pytest.approx(share, abs=1e-14)
    line = f"filter: puts; {share:.1%} of absolute positions excluded"
    near = puts.select(F.dte(0, 7))
    for result in (puts, -puts, gf.aggregate_exposure(puts), gf.sweep_spot(near)):
        assert line in repr(result)
    assert len(near.filters) == 2
    assert (puts + calls).filters == ()
    assert (puts + calls).title == "BTC"
    assert (puts + puts).filters == puts.filters
    assert near.selections[1].excluded == pytest.approx(
        1 - size[(book["kind"] == "put") & (F.dte(0, 7).mask(book))].sum() / size[book["kind"] == "put"].sum()
    )
    assert pickle.loads(pickle.dumps(near)).filters == near.filters
    signed = gf.assign_positions(chain.select(F.dte(0, 7)))
    assert signed.filters == (str(chain.select(F.dte(0, 7)).selection),)
    assert signed.title == "BTC (chain filtered)"
    assert repr(signed).count("filter: ") == 1
    assert gf.find_levels(gf.sweep_spot(signed)).to_dict()["filters"] == list(signed.filters)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: F.dte(7, 3), "dte: received 7 to 3; legal: two numbers, 0 <= low <= high"),
        (lambda: F.delta(-0.5, -0.1), "delta: received -0.5 to -0.1; legal"),
        (lambda: F.moneyness(np.nan), "moneyness: received nan to inf; legal"),
        (lambda: F.dte("a"), "dte: received 'a' to inf; legal"),
        (lambda: F.dte([1, 2]), r"dte: received \[1, 2\] to inf; legal"),
        (lambda: F.min_volume(-1), "volume: received -1 to inf; legal"),
        (lambda: F.expiry("soon"), "expiry: received 'soon'; legal: 'next', 'week', 'month', 'daily'"),
        (lambda: F.expiry("2026-02-30"), "expiry: received '2026-02-30'; legal"),
        (lambda: F.expiry(pd.Timestamp("2026-02-07T08:00")), "expiry: received Timestamp"),
        (lambda: F.expiry(""), "expiry: received ''; legal"),
        (lambda: F.expiry(pd.NaT), "expiry: received NaT; legal"),
        (lambda: F.expiry(3), "expiry: received 3; legal"),
        (lambda: F.expiry([]), r"expiry: received \[\]; legal"),
        (lambda: F.calls() and F.puts(), r"a filter \(calls\) has no single truth value; combine"),
        (lambda: gf.analyze(gf.demo_chain(), where=np.ones(598, bool)), "where: received ndarray; legal"),
    ],
)
def test_illegal_filters(make, words):
    with pytest.raises(gf.SchemaError, match=words):
        make()


def test_what_a_table_cannot_answer():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    for wanted, words in (
        (F.min_volume(1), "select: min_volume: received Book, which has no volume; a chain has"),
        (F.min_open_interest(1), "min_open_interest: received Book, which has no open interest; a chain"),
        (F.single_leg(), "single-leg: received Book, which has no category; a table of trades has it"),
        (F.expiry("2026-02-08"), "received 2026-02-08, on which no row expires; rows expire on 2026-02-06"),
    ):
        with pytest.raises(gf.SchemaError, match=words):
            book.select(wanted & F.calls())
    with pytest.raises(gf.SchemaError) as error:
        book.select(F.min_volume(1), colour="red")
    assert len(str(error.value).splitlines()) == 2
    with pytest.raises(TypeError):
        F.calls() & (chain["kind"] == "call")
    with pytest.raises(TypeError):
        (chain["kind"] == "call") & F.calls()


def test_analysis_filters_after_financing(shared):
    ibit = gf.read_chain(shared / IBIT).select(F.expiry(["2026-08-21", "2027-01-15"]))
    wanted = F.delta(0.05, 0.5) & F.dte(60)
    for chain, repair in ((ibit, False), (gf.demo_chain(), True)):
        whole = gf.analyze(chain, repair=repair)
        report = gf.analyze(chain, repair=repair, where=wanted)
        assert report.financing == whole.financing
        mask = wanted.mask(whole.book)
        assert report.book["contract"].tolist() == whole.book["contract"][mask].tolist()
        gamma = gf.aggregate_exposure(whole.book, by=("contract",)).table["gamma"].to_numpy()
        order = np.argsort(whole.book["contract"].astype(str))
        assert report.exposure.total()["gamma"] == pytest.approx(gamma[mask[order]].sum(), rel=1e-12)
        assert report.chain.selection == report.quality.selection
        assert report.to_dict()["filters"] == [str(report.chain.selection)]
        # With the rates of parity, other rows of IBIT have a delta from 0.05 to 0.5 than without rates.
        assert (set(chain.select(wanted)["contract"]) != set(report.chain["contract"])) == (chain is ibit)


def test_analysis_of_the_made_up_chain_and_of_its_book():
    chain, wanted = gf.demo_chain(), F.dte(0, 30) & F.puts()
    book = gf.assign_positions(chain)
    by_chain, by_book = gf.analyze(chain, where=wanted), gf.analyze(book, where=wanted)
    table = gf.aggregate_exposure(book, by=("contract",)).table["gamma"]
    mine = set(chain["contract"][wanted.mask(chain)])
    total = sum(value for name, value in table.items() if name in mine)
    for report in (by_chain, by_book):
        assert report.levels.gamma == pytest.approx(total, rel=1e-12)
        text = report.book.filters[0]
        assert text.startswith("dte 0 to 30 and puts; ")
        assert ("filter", text) in report.facts()
        assert f"| filter | {text} |" in report.to_markdown()
    assert by_chain.levels.gamma == by_book.levels.gamma


def test_comparisons_and_bands_name_the_filter():
    chain = gf.demo_chain()
    part = chain.select(F.dte(0, 7), strike=[60e3, 65e3, 70e3, 75e3, 80e3])
    line = f"filter: {part.selection}"
    book = gf.assign_positions(part)
    assert line in gf.compare_rules(part, ["short_all"]).lines
    assert repr(gf.sign_bands(part, draws=100)).count(line) == 1
    assert line in repr(gf.compare_books(book, book.at(spot=70_000.0)))
    assert f"filter: none; later {part.selection}" in repr(gf.compare_books(gf.assign_positions(chain), book))


def test_trades_select_by_filter():
    columns = {
        "contract": ["BTC-27MAR26-70000-P"] * 3, "price": [0.06, 0.07, 0.08], "size": [1.0, 2.0, 4.0],
        "timestamp": pd.to_datetime(["2026-02-05T09:36Z"] * 3), "category": ["single", "block", "combo"],
    }  # fmt: skip
    trades = gf.Trades(columns)
    assert trades.select(F.single_leg())["size"].tolist() == [1.0]
    assert trades.select(F.complex_trades())["size"].tolist() == [4.0]
    with pytest.raises(gf.SchemaError, match="select: dte: received Trades, which has no expiry"):
        trades.select(F.dte(0, 7))
