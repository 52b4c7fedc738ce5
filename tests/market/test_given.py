"""Rate curves and dividends through every door to a chain, and what comes before what."""

import math
import pickle
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.financing import finance
from gammaflow.market.given import with_carry
from support.markets import ASOF as MARKET
from support.markets import SPOT, market

ASOF = pd.Timestamp("2023-09-14T20:00:00Z")
S = 189.3
RATES = pd.Series([0.0533, 0.0521, 0.0489], pd.to_datetime(["2023-10-01", "2024-03-01", "2024-09-01"]))
CASH = pd.Series([0.24, 0.24], pd.to_datetime(["2023-11-10", "2024-02-09"]))
EXPIRIES = ("2023-10-20", "2023-11-10", "2024-03-15")
GIVEN = {"rate": RATES, "dividends": CASH}
HOW = {"symbol": "AAPL", "spot": S, "asof": ASOF, "multiplier": 10, "settlement": "PM"}


def table(exercise="european"):
    rows = [
        {"expiry": e, "strike": K, "kind": k, "open_interest": 100 + K, "iv": 0.25, "exercise": exercise}
        for e in EXPIRIES
        for K in (160.0, 190.0, 220.0)
        for k in ("call", "put")
    ]
    return pd.DataFrame(rows)


def years(day, clock="16:00"):
    moment = pd.Timestamp(f"{day} {clock}", tz="America/New_York")
    return (moment - ASOF).total_seconds() / 86400 / 365


def forward(expiry):
    """Zero rate and forward of an expiry by plain sums over log discount factors and ex-dates."""
    nodes = [(years(f"{day:%Y-%m-%d}"), float(r)) for day, r in RATES.items()]

    def log_discount(t):
        x, y = [0.0, *(n[0] for n in nodes)], [0.0, *(-n[0] * n[1] for n in nodes)]
        i = next(i for i in range(1, len(x)) if t <= x[i])
        return y[i - 1] + (y[i] - y[i - 1]) * (t - x[i - 1]) / (x[i] - x[i - 1])

    T = years(expiry)
    whens = [(years(f"{day:%Y-%m-%d}", "00:00"), float(cash)) for day, cash in CASH.items()]
    worth = sum(cash * math.exp(log_discount(t)) for t, cash in whens if t <= T)
    return -log_discount(T) / T, (S - worth) / math.exp(log_discount(T))


@pytest.fixture(scope="module")
def chain():
    return gf.chain_from_frame(table(), **HOW, **GIVEN)


def same(a, b):
    assert (a.rate_curve, a.dividends) == (b.rate_curve, b.dividends)
    for name in ("rate", "dividend_yield", "forward"):
        np.testing.assert_array_equal(a[name], b[name])


def test_each_row_has_the_rate_and_the_forward_of_its_expiry(chain):
    for place, expiry in enumerate(EXPIRIES):
        r, F = forward(expiry)
        rows = slice(6 * place, 6 * place + 6)
        assert chain["rate"][rows] == pytest.approx(r, rel=1e-13)
        assert chain.forward_prices[rows] == pytest.approx(F, rel=1e-13)
    assert np.isnan(chain["forward"]).all()


def test_put_call_parity_holds_on_the_repriced_rows_of_a_book(chain):
    """C - P = e^(-r T) (F - K) of each strike, at positions and multipliers other than one."""
    position = np.array([3.0, -2.0] * 9)
    book = gf.assign_positions(chain, position)
    assert set(book["multiplier"]) == {10.0}
    price = gf.bsm.price(
        book["kind"], S, book["strike"], book.years, book["rate"], book["sigma"], book["dividend_yield"]
    )
    calls = book["kind"] == "call"
    for expiry in EXPIRIES:
        r, F = forward(expiry)
        rows = np.isclose(book.years, years(expiry))
        for K in (160.0, 190.0, 220.0):
            c, p = (price[rows & side & (book["strike"] == K)] for side in (calls, ~calls))
            assert float(c[0] - p[0]) == pytest.approx(math.exp(-r * years(expiry)) * (F - K), abs=1e-10)
    # money: delta of 3 calls less 2 puts of 10 units, by Black's formula on the forwards above
    total = 0.0
    for row in range(len(book)):
        r, F = forward(EXPIRIES[row // 6])
        T, K = years(EXPIRIES[row // 6]), float(book["strike"][row])
        d1 = (math.log(F / K) + 0.03125 * T) / (0.25 * math.sqrt(T))
        N = 0.5 * (1 + math.erf(d1 / math.sqrt(2)))
        delta = math.exp(-r * T) * F / S * (N if calls[row] else N - 1.0)
        total += float(book["position"][row]) * 10.0 * delta * S
    assert gf.aggregate_exposure(book).total()["delta"] == pytest.approx(total, rel=1e-12)


def test_doors_lead_to_the_same_chain(chain, tmp_path):
    plain = gf.chain_from_frame(table(), **HOW)
    same(with_carry(plain, gf.RateCurve(RATES), gf.Dividends(CASH)), chain)
    # a CSV through a map
    path = tmp_path / "mine.csv"
    table().assign(iv=25.0).rename(columns={"strike": "K"}).to_csv(path, index=False)
    columns = {
        "columns": {**{n: n for n in ("expiry", "kind", "open_interest", "iv", "exercise")}, "strike": "K"},
        "units": {"iv": "percent"}, "symbol": "AAPL", "spot": S, "asof": ASOF.isoformat(), "multiplier": 10,
        "settlement": "PM",
    }  # fmt: skip
    same(gf.read_chain(path, columns=columns, **GIVEN), chain)
    # a table of its own, which keeps curve and dividends as text
    for ending, write in (
        (".csv", chain.to_frame(facts=True).to_csv),
        (".parquet", chain.to_frame(facts=True).to_parquet),
    ):
        own = tmp_path / f"own{ending}"
        write(own, index=False)
        same(gf.read_chain(own), chain)
    bare = tmp_path / "bare.csv"
    plain.to_frame(facts=True).to_csv(bare, index=False)
    assert "rate_curve" not in bare.read_text().splitlines()[0]
    same(gf.read_chain(bare, **GIVEN), chain)
    same(gf.read_chain(bare, rate=gf.RateCurve(RATES), dividends=gf.Dividends(CASH)), chain)
    # a store, a pickle, a selection
    store = gf.Store(tmp_path / "store")
    store.append(chain)
    store.append(replace(plain, symbol="BARE"))
    same(store.load("AAPL", ASOF), chain)
    assert store.load("BARE", ASOF).dividends is None
    same(pickle.loads(pickle.dumps(chain)), chain)
    assert chain.select(kind="put").dividends == chain.dividends
    # given to the analysis: the same numbers to the bit
    a, b = gf.analyze(chain), gf.analyze(plain, **GIVEN)
    assert a.levels.gamma == b.levels.gamma
    pd.testing.assert_frame_equal(a.profile.table, b.profile.table)
    assert [text.replace("as given", "as in the chain") for _, text in b.rates()] == [t for _, t in a.rates()]


def test_a_chain_says_what_it_was_given(chain):
    curve, cash = repr(gf.RateCurve(RATES)), repr(gf.Dividends(CASH))
    assert repr(chain).splitlines()[2:4] == [curve, cash]
    said = dict(gf.analyze(chain).rates())
    assert said["rate"].endswith(f"as in the chain: {curve}")
    assert said["dividend yield"].endswith(f"{cash}; to each expiry the yield with the same forward")
    # other columns are no longer those of the facts
    assert chain.with_columns(rate=0.01).rate_curve is None
    assert chain.with_columns(rate=0.01).dividends == chain.dividends
    assert chain.with_columns(dividend_yield=0.01).dividends is None
    assert chain.with_columns(iv=0.2).rate_curve == chain.rate_curve
    with pytest.raises(SchemaError, match=r"dividends: received .*; legal: a Dividends, as gf.Dividends"):
        replace(chain, dividends=CASH)


def test_what_comes_before_what():
    plain = gf.chain_from_frame(table(), **HOW)
    only_cash = gf.chain_from_frame(table(), **HOW, dividends=CASH)
    T = only_cash.years
    worth = np.where(years("2023-11-10", "00:00") <= T, 0.24, 0.0)
    # without a rate the default one of the year, at which dividends are discounted
    found, told = finance(only_cash)
    assert set(found["rate"]) == {0.05}
    near = (T > 0.1) & (T < 0.2)
    one = worth[near] * math.exp(-0.05 * years("2023-11-10", "00:00"))
    assert found.forward_prices[near] == pytest.approx((S - one) * np.exp(0.05 * T[near]), rel=1e-13)
    assert found.dividends == only_cash.dividends
    # a rate given to the analysis goes before the chain's; a yield before its dividends
    both = gf.chain_from_frame(table(), **HOW, **GIVEN)
    flat, told = finance(both, rate=0.01)
    assert (set(flat["rate"]), flat.rate_curve, told.rate) == ({0.01}, None, "as given")
    assert flat.dividends == both.dividends
    yielded, told = finance(both, dividend_yield=0.02)
    assert (set(yielded["dividend_yield"]), yielded.dividends) == ({0.02}, None)
    assert told.dividend_yield == "as given"
    np.testing.assert_array_equal(yielded["rate"], both["rate"])
    # one number is a curve of one rate, and leaves the yield to parity or dividends
    number = gf.chain_from_frame(table(), **HOW, rate=0.03)
    assert set(number["rate"]) == {0.03} == set(finance(number)[0]["rate"])
    assert "neither the chain nor its quotes give one" in finance(number)[1].dividend_yield
    with pytest.raises(SchemaError, match=r"dividends, dividend_yield: received a Dividends and 0.02"):
        finance(plain, dividends=CASH, dividend_yield=0.02)
    with pytest.raises(SchemaError, match=r"dividends=a Dividends: received for a repaired chain"):
        finance(gf.repair_chain(market()), dividends=CASH)
    with pytest.raises(SchemaError, match="dividends: received a Series of 2 values for a Book"):
        gf.analyze(gf.assign_positions(both), dividends=CASH)
    with pytest.raises(SchemaError, match=r"rate: received .x.(.|\n)*dividends: received int"):
        gf.analyze(plain, rate="x", dividends=5)
    both_ways = table().assign(rate=0.01, dividend_yield=0.02)
    words = r"rate: given as an argument and as a column(.|\n)*dividends: given .*\(dividend_yield\)"
    with pytest.raises(SchemaError, match=words):
        gf.chain_from_frame(both_ways, **HOW, **GIVEN)
    with pytest.raises(SchemaError, match=r"rate: received 7.0(.|\n)*dividends: received an index with 0"):
        gf.read_chain("none.csv", rate=7.0, dividends=CASH.reset_index(drop=True))


def test_a_dividend_just_before_an_expiry_puts_its_rows_on_the_forward():
    frame = pd.concat([table(), table().assign(expiry="2023-09-15").head(6)])
    chain = gf.chain_from_frame(frame, **HOW, rate=0.05, dividends={"2023-09-15": 4.0})
    T, when = years("2023-09-15"), years("2023-09-15", "00:00")
    F = (S - 4.0 * math.exp(-0.05 * when)) * math.exp(0.05 * T)
    near = chain.years < 0.01
    assert chain["forward"][near] == pytest.approx(F, rel=1e-13)
    assert np.isnan(chain["forward"][~near]).all()
    assert chain.warnings == ()
    assert gf.assign_positions(chain).warnings == ()
    # again at another rate, with other dividends, and with a yield in their place
    found, _ = finance(chain, rate=0.02)
    F = (S - 4.0 * math.exp(-0.02 * when)) * math.exp(0.02 * T)
    assert found["forward"][near] == pytest.approx(F, rel=1e-13)
    assert finance(chain, dividends={"2023-09-15": 2.0})[0]["forward"][near].min() > F + 1.9
    assert np.isnan(finance(chain, dividend_yield=0.0)[0]["forward"]).all()


def test_dividends_on_rows_with_forwards_of_their_own_change_nothing():
    chain = gf.demo_chain()
    given = with_carry(chain, None, gf.Dividends({"2026-02-20": 100.0}))
    np.testing.assert_array_equal(given["forward"], chain["forward"])
    assert gf.analyze(given).levels.gamma == gf.analyze(chain).levels.gamma
    (said,) = set(given.warnings) - set(chain.warnings)
    assert said.startswith(
        "dividends: received 2026-02-20, and every unexpired row has a forward of its own, so"
    )
    assert said in gf.analyze(given).warnings()


def carry(chain):
    """Rate and forward of each expiry, a row of a batch."""
    where = {expiry: int(np.flatnonzero(np.isclose(chain.years, years(expiry)))[0]) for expiry in EXPIRIES}
    return {
        f"{name} {expiry}": float(values[row])
        for name, values in (("r", chain["rate"]), ("F", chain.forward_prices))
        for expiry, row in where.items()
    }


def test_a_batch_and_a_history_put_them_on_every_chain(tmp_path):
    store = gf.Store(tmp_path / "store")
    store.append(gf.chain_from_frame(table(), **HOW))
    gf.chain_from_frame(table(), **HOW).to_frame(facts=True).to_csv(tmp_path / "aapl.csv", index=False)
    expected = [value for part in zip(*map(forward, EXPIRIES), strict=True) for value in part]
    for source, how in ((store, {}), (tmp_path / "aapl.csv", {"out": tmp_path / "out"})):
        batch = gf.run_batch(source, carry, symbol="AAPL", **GIVEN, **how)
        assert batch.table.iloc[0, -6:].tolist() == pytest.approx(expected, rel=1e-13)
    # a folder is resumed with the same ones only: neither others, nor one of them, nor none
    for other in ({"rate": 0.05, "dividends": CASH}, {"rate": RATES}, {"dividends": CASH}, {}):
        with pytest.raises(SchemaError, match=r"belongs to another batch: (rate|dividends) '\w+ of .*', rec"):
            gf.run_batch(tmp_path / "aapl.csv", carry, symbol="AAPL", out=tmp_path / "out", **other)
    curve, cash = repr(gf.RateCurve(RATES)), repr(gf.Dividends(CASH))
    said = (f"rate: {curve} for every chain", f"dividends: {cash} for every chain")
    assert batch.given == batch.lines[-2:] == said == gf.batch.BatchResult.open(tmp_path / "out").given
    assert gf.history(store, symbol="AAPL", rate=0.05).lines[-1] == "rate: 0.05 for every chain"
    assert gf.history(store).given == () == gf.run_batch(store, carry).given
    history = gf.history(store, symbol="AAPL", **GIVEN)
    assert history.lines[-2:] == said
    drawn = " ".join(text.get_text() for text in history.plot().findobj(mpl.text.Text))
    assert all(line in " ".join(drawn.split()) for line in said)
    given = history.table
    own = gf.analyze(gf.chain_from_frame(table(), **HOW, **GIVEN))
    assert given["delta"].tolist() == [own.exposure.total()["delta"]]
    assert given["delta"].iloc[0] != gf.history(store).table["delta"].iloc[0]


def test_a_batch_refuses_a_wrong_rate_and_dividends_of_nobody(tmp_path):
    with pytest.raises(SchemaError, match="dividends: received without symbol=; they are those of one und"):
        gf.run_batch(tmp_path, dividends=CASH)
    with pytest.raises(SchemaError, match=r"rate: received 7(.|\n)*dividends: received int"):
        gf.run_batch(tmp_path, symbol="AAPL", rate=7.0, dividends=5)
    gf.chain_from_frame(table(), **HOW).to_frame(facts=True).to_csv(tmp_path / "aapl.csv", index=False)
    for percent in (4.21, RATES * 90.0):
        (said,) = gf.run_batch(tmp_path, carry, rate=percent).warnings
        assert said.startswith(f"rate: received {np.max(percent):g}, beyond 100% a year; plausible is a few")
    with pytest.raises(
        SchemaError, match=r"^rate not accepted:\n  - rate: received '3.6%'; legal: a decimal su"
    ):
        gf.run_batch(tmp_path, carry, rate="3.6%")
    with pytest.raises(SchemaError, match="rate: received for summaries"):
        gf.history([gf.summarize(gf.demo_chain())], rate=0.05)


# --- parity of quotes goes first where a chain is repaired, and is compared


@pytest.fixture(scope="module")
def quoted():
    """Exact quotes at a rate of 4.5 % and a carry of 1.3 %, and the cash dividends with the same forwards."""
    chain = market(days=(60.0, 150.0))
    t = sorted(set(chain.years))
    worth = [SPOT * (1 - math.exp(-0.013 * x)) for x in t]
    # ex-dates ten days before each expiry
    days = [(MARKET + pd.Timedelta(x * 365 - 10, "D")).tz_convert("America/New_York").normalize() for x in t]
    when = [(day - MARKET).total_seconds() / 86400 / 365 for day in days]
    cash = [worth[0] * math.exp(0.045 * when[0]), (worth[1] - worth[0]) * math.exp(0.045 * when[1])]
    return chain, pd.Series(cash, [day.tz_localize(None) for day in days])


def test_given_dividends_agree_with_the_parity_of_quotes(quoted):
    chain, cash = quoted
    bare = chain.with_columns(rate=0.0, dividend_yield=0.0)
    for repair in (False, True):
        found, told = finance(bare, rate=0.045, dividends=cash, repair=repair)
        assert told.warnings == ()
        F = SPOT * np.exp((0.045 - 0.013) * found.years)
        assert found.forward_prices == pytest.approx(F, rel=1e-6 if repair else 1e-12)
        assert found.dividends == gf.Dividends(cash)
    # only dividends: rates from parity, and still no miss
    for repair in (False, True):
        found, told = finance(replace(bare, dividends=gf.Dividends(cash)), repair=repair)
        assert told.warnings == ()
        assert found["rate"] == pytest.approx(0.045, abs=1e-3)


@pytest.mark.parametrize("repair", [False, True])
def test_a_miss_of_the_parity_forward_is_a_warning(quoted, repair):
    chain, cash = quoted
    bare = chain.with_columns(rate=0.0, dividend_yield=0.0)
    found, told = finance(bare, rate=0.045, dividends=cash * 3, repair=repair)
    (text,) = told.warnings
    assert "on 2 of 2 expiries the forward of the given rates and dividends misses that of put-call" in text
    worth = 3 * SPOT * (1 - math.exp(-0.013 * chain.years.max()))
    miss = (SPOT - worth) * math.exp(0.045 * chain.years.max())
    assert f"2026-07-05 {miss:,.2f}, parity" in text
    given = SPOT * math.exp((0.045 - 0.013) * chain.years.max()) if repair else miss
    assert found.forward_prices.max() == pytest.approx(given, rel=1e-4) or not repair
    assert float(found.forward_prices[found.years.argmax()]) == pytest.approx(given, rel=1e-4)
    assert text in gf.analyze(bare, rate=0.045, dividends=cash * 3, repair=repair).warnings()


def test_a_curve_is_the_rate_of_expiries_whose_quotes_determine_none(quoted):
    chain, _ = quoted
    coarse = market(days=(60.0, 150.0), exercise="american")
    curve = pd.Series([0.03, 0.05], pd.to_datetime(["2026-03-01", "2026-09-01"]))
    forwards = gf.repair_chain(coarse, rate=curve).forwards
    assert set(forwards["rate_source"]) == {"given"}
    expected = gf.RateCurve(curve).zero_rates(MARKET, forwards["years"].to_numpy())
    np.testing.assert_array_equal(forwards["rate"], expected)
    assert (forwards["rate"].diff().dropna() > 0.002).all()
    assert set(gf.repair_chain(chain, rate=curve).forwards["rate_source"]) == {"parity"}


def test_a_stored_curve_that_was_altered_is_damage(chain, tmp_path):
    import pyarrow.parquet as pq

    store = gf.Store(tmp_path)
    path = store.append(chain)
    path = next(tmp_path.rglob("*.parquet")) if not hasattr(path, "path") else path.path
    content = pq.read_table(path)
    header = content.schema.metadata[b"gammaflow"].replace(b"0.0533", b"0.0633")
    pq.write_table(content.replace_schema_metadata({b"gammaflow": header}), path)
    with pytest.raises(ReaderError, match="its values differ from those that were written"):
        store.load("AAPL", ASOF)


def test_a_mapping_is_a_curve_and_a_list_is_told_of_series():
    by_day = {f"{day:%Y-%m-%d}": rate for day, rate in RATES.items()}
    found = gf.chain_from_frame(table(), rate=by_day, **HOW)
    assert found.rate_curve == gf.RateCurve(RATES)
    np.testing.assert_array_equal(found["rate"], gf.chain_from_frame(table(), rate=RATES, **HOW)["rate"])
    for wrong in ([0.04], RATES.to_frame()):
        with pytest.raises(SchemaError, match="legal: a number >= -5 and <= 5, or a Series"):
            gf.analyze(found, rate=wrong)
