"""Inventories that are known recovered from tapes, for calls and puts, with what is not known stated."""

import math
import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.flow import classification
from support.pictures import title
from support.tapes import START_MS, US_CONTRACTS, deribit_trade, plant, tape

mpl.use("Agg")

PUT, CALL = "BTC-27MAR26-70000-P", "BTC-27MAR26-80000-C"
SUMS = ["bought", "sold", "unclassified", "inventory", "deviation", "prints"]


def prints(*rows, **columns):
    """Trades of (contract, size, direction, category) a second apart."""
    names = ("contract", "size", "direction", "category")
    frame = pd.DataFrame([(*row, "single")[:4] for row in rows], columns=names)
    frame["timestamp"] = START_MS + 1000 * np.arange(len(frame))
    return gf.read_trades(frame.assign(price=0.05).assign(**columns))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("contracts", [None, US_CONTRACTS])
def test_a_known_inventory_is_recovered_exactly(seed, contracts):
    rng = np.random.default_rng(seed)
    rows, held = tape(rng, 120) if contracts is None else tape(rng, 120, contracts)
    planted = plant(
        rng, rows, gaps=4, late=9, replayed=5, duplicated=7, conflicting=3,
        malformed=["size", "price", "direction", "contract", "timestamp"],
    )  # fmt: skip
    flow = gf.customer_flow(gf.read_trades(pd.DataFrame(planted)))
    # Sizes are quarters of a contract, so that sums are exact in any order.
    assert flow.inventory.to_dict() == held
    assert (flow.table["deviation"] == 0.0).all()
    bought = pd.DataFrame(rows).query("direction == 'buy'").groupby("instrument_name")["amount"].sum()
    assert flow.table["bought"].to_dict() == {name: bought.get(name, 0.0) for name in held}
    volume = pd.DataFrame(rows).groupby("instrument_name")["amount"].agg(["sum", "size"])
    assert flow.table[["bought", "sold", "unclassified"]].sum(axis=1).to_dict() == volume["sum"].to_dict()
    assert flow.table["prints"].to_dict() == volume["size"].to_dict()
    faults = ["duplicated", "replayed", "conflicting", "malformed", "out of order", "gapped"]
    assert flow.counts[faults].to_list() == [7, 5, 3, 5, 9, 4]


@pytest.mark.parametrize("contract", [PUT, CALL])
@pytest.mark.parametrize(("side", "sign"), [("buy", -1.0), ("sell", 1.0)])
def test_a_dealer_is_minus_his_customer_for_calls_and_puts_alike(contract, side, sign):
    chain = gf.demo_chain()
    quoted = chain["contract"][(chain["kind"] == ("put" if contract == PUT else "call"))][40]
    flow = gf.customer_flow(prints((quoted, 3.5, side)))
    assert flow.inventory.to_dict() == {quoted: sign * 3.5}
    book = gf.assign_positions(chain, flow)
    total = gf.aggregate_exposure(book).total()
    long = gf.aggregate_exposure(gf.assign_positions(chain, (chain["contract"] == quoted) * 1.0)).total()
    signed = total.drop("gross_gamma")
    np.testing.assert_allclose(signed, sign * 3.5 * long.drop("gross_gamma"), rtol=1e-12)
    assert np.sign(total["gamma"]) == sign


def test_uncertain_prints_shrink_the_inventory_and_widen_its_deviation():
    rows = [
        (PUT, 12.0, "buy"), (PUT, 30.0, "buy", "block"), (PUT, 8.0, "sell", "combo"), (CALL, 5.0, None),
        (CALL, 7.0, "sell", "multi-leg"), (CALL, 2.0, "sell", "auction"), (CALL, 9.0, "buy"),
    ]  # fmt: skip
    trades = prints(*rows)
    flow = gf.customer_flow(trades)
    assert flow.table.loc[PUT, SUMS].to_list() == [12.0, 0.0, 38.0, -12.0, math.hypot(30.0, 8.0), 3]
    assert flow.table.loc[CALL, SUMS].to_list() == [9.0, 2.0, 12.0, -7.0, math.hypot(5.0, 7.0), 4]
    assert flow.counts[["block", "combo", "multi-leg", "auction", "unclassified"]].to_list() == [
        1,
        1,
        1,
        1,
        4,
    ]
    accuracy = {"single": 0.9, "block": 0.7, "multi-leg": 0.6, "auction": 1.0}
    given = gf.customer_flow(trades, accuracy=accuracy)
    assert given.table.loc[PUT, ["bought", "sold", "unclassified"]].to_list() == [42.0, 0.0, 8.0]
    wanted = {PUT: -(0.8 * 12 + 0.4 * 30), CALL: 0.2 * 7 + 2.0 - 0.8 * 9}
    variance = {
        PUT: 144 * 4 * 0.9 * 0.1 + 900 * 4 * 0.7 * 0.3 + 64,
        CALL: 25 + 49 * 4 * 0.6 * 0.4 + 81 * 4 * 0.9 * 0.1,
    }
    for name in (PUT, CALL):
        assert given.inventory[name] == pytest.approx(wanted[name], rel=1e-14)
        assert given.table["deviation"][name] == pytest.approx(math.sqrt(variance[name]), rel=1e-14)
    known = {PUT: (variance[PUT] - 64, 144 + 900), CALL: (variance[CALL] - 25, 49 + 4 + 81)}
    for name, (sure, squares) in known.items():
        p = given.table["accuracy"][name]
        assert given.table["known_deviation"][name] == pytest.approx(math.sqrt(sure), rel=1e-14)
        assert 4 * p * (1 - p) * squares == pytest.approx(sure, rel=1e-12)


def test_mean_and_deviation_are_those_of_all_possible_sides():
    # Each print is right with its own probability; all 16 outcomes, by brute force.
    rows = [(PUT, 3.0, "buy"), (PUT, 5.0, "sell", "block"), (PUT, 4.0, "buy", "combo"), (PUT, 2.0, None)]
    shares = {"single": 0.9, "block": 0.75, "combo": 0.6}
    flow = gf.customer_flow(prints(*rows), accuracy=shares)
    sides, right, size = [-1, 1, -1, 1], [0.9, 0.75, 0.6, 0.5], [3.0, 5.0, 4.0, 2.0]
    outcomes = []
    for k in range(16):
        hit = [k >> i & 1 for i in range(4)]
        weight = math.prod(p if h else 1 - p for p, h in zip(right, hit, strict=True))
        outcomes.append(
            (weight, sum((1 if h else -1) * s * z for h, s, z in zip(hit, sides, size, strict=True)))
        )
    mean = sum(w * x for w, x in outcomes)
    deviation = math.sqrt(sum(w * (x - mean) ** 2 for w, x in outcomes))
    assert flow.inventory[PUT] == pytest.approx(mean, rel=1e-12)
    assert flow.table["deviation"][PUT] == pytest.approx(deviation, rel=1e-12)


@pytest.mark.skipif(
    not hasattr(classification, "TAPE_RULES"), reason="the classification of prints is not built"
)
def test_a_tape_without_direction_is_classified_by_its_rule():
    quotes = {"bid": 0.04, "ask": 0.06, "best_bid": 0.04, "best_ask": 0.06}
    rows = [(PUT, 12.0, None), (PUT, 30.0, None, "block"), (CALL, 5.0, None), (CALL, 4.0, "buy")]
    trades = prints(*rows, price=[0.06, 0.06, 0.04, 0.05], **quotes)
    flow = gf.customer_flow(trades, rule="quote")
    assert flow.inventory.to_dict() == pytest.approx({PUT: -0.66 * 12.0, CALL: 0.66 * 5.0 - 4.0})
    assert flow.table["unclassified"].to_dict() == {PUT: 30.0, CALL: 0.0}
    assert flow.table["deviation"][PUT] == pytest.approx(math.sqrt(144 * 4 * 0.83 * 0.17 + 900), rel=1e-12)
    assert "quote" in flow.meaning
    assert gf.customer_flow(trades).table["unclassified"].to_dict() == {PUT: 42.0, CALL: 5.0}
    block = gf.customer_flow(trades, rule="quote", accuracy={"block": 0.6})
    assert block.inventory[PUT] == pytest.approx(-0.66 * 12.0 - 0.2 * 30.0)


def test_a_flow_starts_at_a_time_or_on_an_inventory():
    trades = prints((PUT, 12.0, "buy"), (PUT, 5.0, "sell"), (CALL, 2.0, "buy"))
    second = pd.Timestamp(trades["timestamp"][1], tz="UTC")
    later = gf.customer_flow(trades, start=second)
    assert later.inventory.to_dict() == {PUT: 5.0, CALL: -2.0}
    assert later.counts["before start"] == 1
    assert later.start == second
    before = pd.Series({PUT: 100.0, "BTC-6FEB26-68000-P": -7.0})
    for flow in (
        gf.customer_flow(trades, start=before),
        gf.customer_flow(trades, initial=before),
    ):
        assert flow.inventory.to_dict() == {PUT: 93.0, CALL: -2.0, "BTC-6FEB26-68000-P": -7.0}
        assert flow.table["prints"].to_list() == [2, 1, 0]
    both = gf.customer_flow(trades, start=second, initial=before)
    assert both.inventory.to_dict() == {PUT: 105.0, CALL: -2.0, "BTC-6FEB26-68000-P": -7.0}
    assert gf.customer_flow(trades).start == pd.Timestamp(trades["timestamp"][0], tz="UTC")


def test_a_book_already_holds_what_was_traded_at_its_time():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain, "short_all")
    name = book["contract"][17]
    frame = pd.DataFrame(
        {"contract": name, "timestamp": [chain.asof, chain.asof + pd.Timedelta("1s")], "price": 0.05,
         "size": [40.0, 3.0], "direction": "sell"}
    )  # fmt: skip
    trades = gf.read_trades(frame)
    flow = gf.customer_flow(trades, start=book)
    assert flow.inventory[name] == book["position"][17] + 3.0
    assert len(flow.table) == len(book)
    assert (
        gf.customer_flow(trades, start=chain.asof, initial=book).inventory[name] == book["position"][17] + 43
    )
    again = gf.assign_positions(chain, flow)
    np.testing.assert_allclose(again["position"].sum(), book["position"].sum() + 3.0, rtol=1e-14)
    with pytest.raises(SchemaError, match="book without a sign"):
        gf.customer_flow(trades, start=gf.assign_positions(chain, "unsigned"))
    with pytest.raises(SchemaError, match="none of the 1 prints is later"):
        gf.customer_flow(trades.select([True, False]), start=book)


def test_a_flow_is_a_rule_and_says_what_the_chain_lacks():
    chain = gf.demo_chain()
    names = chain["contract"][[3, 300]]
    trades = prints(
        (names[0], 3.0, "buy"), (names[1], 8.0, "sell"), ("BTC-2JAN26-70000-P", 4.0, "buy"),
        ("BTC-25DEC26-1000-P", 2.5, "sell"),
    )  # fmt: skip
    flow = gf.customer_flow(trades)
    assert flow.match(chain).to_list() == [2, 1, 1, 6.5]
    position = flow.position(chain)
    assert position[[3, 300]].tolist() == [-3.0, 8.0]
    assert np.count_nonzero(position) == 2
    # Positions from trades need no open interest.
    book = gf.assign_positions(chain.with_columns(open_interest=np.nan), flow)
    assert sorted(book["position"]) == [-3.0, 8.0]
    assert "2 of 4 contracts are not in the chain, 1 of them expired" in book.rule_text
    assert flow.signed
    assert (flow.name, flow.source) == ("customer_flow", "frame")
    whole = gf.customer_flow(trades.select(contract=list(names)))
    assert whole.detail(chain) == ""
    assert whole.describe(chain) == f"customer_flow ({whole.meaning})"


def test_us_symbols_match_a_chain_however_they_are_written():
    frame = pd.DataFrame(
        {"contract": ["SPY   260320P00437500", "O:SPY260320C00437500"], "expiry": "2026-03-20",
         "strike": 437.5, "kind": ["put", "call"], "open_interest": 10.0, "iv": 0.2}
    )  # fmt: skip
    chain = gf.chain_from_frame(
        frame, symbol="SPY", spot=440.0, asof="2026-02-05T15:00Z", multiplier=100, settlement="PM"
    )
    flow = gf.customer_flow(prints(("SPY260320P00437500", 2.0, "buy"), ("O:SPY260320C00437500", 3.0, "buy")))
    assert flow.position(chain).tolist() == [-2.0, -3.0]
    # So do beliefs and estimated open interest: 2 and 3 of 10 contracts for sure, 8 and 7 as before.
    held = gf.Beliefs(alike=0.0, same_kind=0.0, neighbours=0.0).updated(flow).on(chain)
    assert held.remarks == ()
    whole = gf.Beliefs(alike=0.0, same_kind=0.0, neighbours=0.0).updated(
        pd.DataFrame({"inventory": [-3.0, -2.0], "deviation": 0.0, "contracts": [3.0, 2.0]},
                     index=chain["contract"][::-1])
    )  # fmt: skip
    np.testing.assert_array_equal(held.table, whole.on(chain).table)
    assert held.mean.max() < -0.1
    later = gf.estimate_open_interest(chain, flow, alpha=0.5)
    assert later["open_interest"].tolist() == [11.0, 11.5]


def test_a_tape_of_cancelled_prints_has_no_flow():
    symbol, moment = "SPXW260206P06800000", pd.Timestamp("2026-02-05T15:00Z")
    rows = {"contract": symbol, "timestamp": [moment, moment], "price": 9.0, "size": 2.0, "direction": "buy"}
    trades = gf.read_trades(pd.DataFrame({**rows, "condition": ["", "A"]}))
    with pytest.raises(SchemaError, match=r"trades: no print is left.\nTrades: 0 prints(.|\n)*1 cancelled"):
        gf.customer_flow(trades)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"accuracy": {"single": 0.4, "sweep": 0.9, "block": "x"}},
         ["'sweep' is no category; legal: single", "received 0.4 for 'single'", "received 'x' for 'block'"]),
        ({"accuracy": 0.8}, ["accuracy: received 0.8; legal: a mapping of category to accuracy"]),
        ({"accuracy": {"block": True}}, ["received True for 'block'; legal: from 0.5 to 1"]),
        ({"start": "2026-02-05"}, ["start: received '2026-02-05', which has no time zone"]),
        ({"start": "2027-02-05T00:00Z"}, ["none of the 1 prints is later (last: 2026-02-05"]),
        ({"initial": 3}, ["initial: received int; legal: a Series"]),
        ({"initial": pd.Series({PUT: np.nan})}, ["initial: 1 of 1 are not finite"]),
        ({"initial": pd.Series({PUT: "x"})}, ["initial: 1 of 1 rows are not numbers"]),
        ({"start": pd.Series({PUT: 1.0}), "initial": pd.Series({PUT: 1.0})}, ["start is an inventory too"]),
    ],
)  # fmt: skip
def test_illegal_arguments_are_refused(options, words):
    with pytest.raises(SchemaError) as error:
        gf.customer_flow(prints((PUT, 1.0, "buy")), **options)
    assert all(word in str(error.value) for word in words)


def test_a_flow_of_a_frame_is_refused():
    with pytest.raises(SchemaError, match="trades: received DataFrame; legal: Trades"):
        gf.customer_flow(pd.DataFrame())


def test_a_flow_says_itself_and_pickles():
    rows = [(PUT, 12.0, "buy"), (PUT, 30.0, "buy", "block"), (CALL, 5.0, "sell")]
    flow = gf.customer_flow(prints(*rows))
    text = flow.summary()
    assert text == repr(flow)
    assert "puts: customers bought 12 and sold 0, 30 unclassified; dealers -12 ± 30" in text
    assert "calls: customers bought 0 and sold 5, 0 unclassified; dealers +5 ± 0" in text
    assert "+ = dealers are long, in contracts" in text
    assert "read 3, used 3" in text
    twin = pickle.loads(pickle.dumps(flow))
    pd.testing.assert_frame_equal(twin.table, flow.table)
    assert twin.summary() == text


def test_the_plot_has_the_inventory_by_strike():
    from matplotlib import pyplot

    rows = [(PUT, 12.0, "buy"), ("BTC-6FEB26-70000-P", 4.0, "sell"), (CALL, 5.0, "sell"), (CALL, 1.0, "buy")]
    flow = gf.customer_flow(prints(*rows))
    for spot in (None, 71_471.5):
        ax = flow.plot(spot=spot)
        heights = {c.get_label(): [bar.get_height() for bar in c] for c in ax.containers}
        assert sum(heights["puts"]) == -8.0
        assert sum(heights["calls"]) == 4.0
        assert ("spot 71,472" in [t.get_text() for t in ax.get_legend().get_texts()]) == (spot is not None)
        assert ax.get_ylabel() == "contracts, + = dealers are long"
        pyplot.close("all")
    other = gf.customer_flow(prints((PUT, 1.0, "buy"), ("ETH-27MAR26-2000-P", 1.0, "buy")))
    with pytest.raises(SchemaError, match=r"contracts on 2 underlyings \(BTC, ETH\); legal: one"):
        other.plot()
    index = gf.customer_flow(prints(("SPX260320P06500000", 2.0, "buy"), ("SPXW260320P06500000", 3.0, "buy")))
    ax = index.plot()
    assert title(ax).startswith("SPX dealers' inventory by strike, customer_flow\n20")
    assert sum(bar.get_height() for bar in ax.containers[0]) == -5.0
    assert title(ax).endswith(" UTC")
    assert ax.get_xlabel() == "strike"
    pyplot.close("all")


def test_a_printed_flow_says_what_counts_for_nothing():
    tape = prints((PUT, 12.0, "buy"), (CALL, 5.0, "sell")).to_frame()
    flow = gf.customer_flow(gf.read_trades(tape.assign(category=["single", "block"])))
    assert str(flow) == repr(flow) == flow.summary()
    assert "unclassified although a side is given: block 1; their accuracy is 0.5 unless" in str(flow)
    clear = gf.customer_flow(gf.read_trades(tape))
    assert "although a side is given" not in str(clear)


def test_trades_without_direction_and_categories_by_deribit():
    rows = [
        deribit_trade(trade_id="1", amount=4.0),
        deribit_trade(trade_id="2", amount=6.0, timestamp=START_MS + 1, block_trade_id="B"),
        deribit_trade(trade_id="3", amount=9.0, timestamp=START_MS + 2, direction=None),
    ]
    flow = gf.customer_flow(gf.read_trades(pd.DataFrame(rows)))
    assert flow.table.loc[PUT, SUMS].to_list() == [4.0, 0.0, 15.0, -4.0, math.hypot(6.0, 9.0), 3]
    assert flow.counts[["no side", "side by direction", "unclassified"]].to_list() == [1, 2, 2]
