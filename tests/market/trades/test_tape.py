"""Every print once: planted faults are counted, and what is left is what was traded."""

import gzip
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.market.trades import tape as order
from support.tapes import FAULTS, OPRA_MAP, START_MS, answer, deribit_trade, opra_rows, plant, tape

SEEDS = st.integers(0, 2**32 - 1)
SEVERAL = st.integers(0, 6)
REASONS = ("not selected", "malformed", "not an option", "duplicated", "replayed", "conflicting", "cancelled")


def read(rows):
    return gf.read_trades(pd.DataFrame(rows))


def net(trades):
    """Dealers' contracts by contract, added up print by print."""
    held = Counter()
    for name, size, side in zip(trades["contract"], trades["size"], trades["direction"], strict=True):
        held[name] -= side * size
    return held


def nonzero(counts):
    return {name: int(n) for name, n in counts.items() if n}


def assert_adds_up(trades):
    counts = trades.counts
    assert counts["read"] == counts[["used", "cancels", *REASONS]].sum()
    assert counts["used"] == counts[["single", "block", "combo", "multi-leg", "auction"]].sum()
    assert counts["malformed"] == sum(n for name, n in counts.items() if name.startswith("malformed: "))


def assert_same_columns(one, other):
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


@given(
    SEEDS, st.integers(14, 40), SEVERAL, SEVERAL, SEVERAL, SEVERAL, SEVERAL,
    st.lists(st.sampled_from(sorted(FAULTS)), max_size=8),
)  # fmt: skip
@settings(max_examples=10, deadline=None)
def test_every_planted_fault_is_counted(seed, n, gaps, late, conflicting, replayed, duplicated, malformed):
    rng = np.random.default_rng(seed)
    rows, held = tape(rng, n)
    planted = plant(
        rng, rows, gaps=gaps, late=late, malformed=malformed, conflicting=conflicting, replayed=replayed,
        duplicated=duplicated,
    )  # fmt: skip
    trades = read(planted)
    counts = trades.counts
    expected = {
        "read": len(planted), "used": n, "malformed": len(malformed), "duplicated": duplicated,
        "replayed": replayed, "conflicting": conflicting, "out of order": late, "gapped": gaps, "single": n,
        **{f"malformed: {column}": times for column, times in Counter(malformed).items()},
    }  # fmt: skip
    assert nonzero(counts) == {name: count for name, count in expected.items() if count}
    assert_adds_up(trades)
    assert net(trades) == held
    assert trades["trade_id"].tolist() == [row["trade_id"] for row in rows]
    assert (np.diff(trades["timestamp"]) >= np.timedelta64(0, "ns")).all()


@given(SEEDS, st.integers(14, 30), SEVERAL, SEVERAL)
@settings(max_examples=4, deadline=None)
def test_a_file_behind_itself_is_the_file(seed, n, late, duplicated):
    rng = np.random.default_rng(seed)
    rows, held = tape(rng, n)
    planted = plant(rng, rows, late=late, duplicated=duplicated)
    once, twice = read(planted), read(planted + planted)
    assert_same_columns(once, twice)
    assert net(twice) == held
    assert twice.counts["out of order"] == once.counts["out of order"]
    assert twice.counts["duplicated"] == duplicated
    assert twice.counts["replayed"] == len(planted)
    assert_adds_up(twice)


@given(SEEDS, st.integers(2, 40), st.data())
@settings(max_examples=4, deadline=None)
def test_overlapping_files_add_up_to_the_tape(seed, n, data):
    rng = np.random.default_rng(seed)
    rows, held = tape(rng, n)
    first, second = sorted(data.draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=2)))
    one, two = read(rows[: second + 1]), read(rows[first:])
    whole = read(rows)
    for both in (one + two, two + one):
        assert_same_columns(both, whole)
        assert net(both) == held
        assert nonzero(both.counts) == {
            "read": n + second + 1 - first, "used": n, "single": n, "replayed": second + 1 - first,
        }  # fmt: skip
        assert_adds_up(both)


def test_a_gap_between_two_files_is_filled_by_a_third():
    rows, _ = tape(np.random.default_rng(2), 60, ("BTC-27MAR26-70000-P",))
    one, two, three = read(rows[:20]), read(rows[40:]), read(rows[15:45])
    assert (one.counts["gapped"], (one + two).counts["gapped"]) == (0, 20)
    assert (one + two + three).counts["gapped"] == 0
    assert (one + two).gaps.to_dict() == {"BTC-27MAR26-70000-P": 20}


def test_numbers_of_malformed_prints_are_not_missing():
    rows = [deribit_trade(trade_id=str(i), trade_seq=i, timestamp=START_MS + i) for i in range(5)]
    rows[2]["amount"] = -1.0
    assert nonzero(read(rows).counts) == {
        "read": 5, "used": 4, "single": 4, "malformed": 1, "malformed: size": 1,
    }  # fmt: skip


def test_the_newest_print_first_is_no_disorder():
    rows, held = tape(np.random.default_rng(3), 50)
    for newest_first in (rows[::-1], [*rows[::-1], *rows[::-1]], [*rows[29::-1], *rows[::-1]]):
        trades = read(newest_first)
        assert_same_columns(trades, read(rows))
        assert trades.counts[["out of order", "replayed"]].to_list() == [0, len(newest_first) - 50]
        assert net(trades) == held


def test_prints_of_one_time_stay_in_the_order_of_the_tape():
    rows = [deribit_trade(trade_id=str(i), trade_seq=i, price=0.05 + i / 100) for i in range(4)]
    assert read(rows)["trade_id"].tolist() == ["0", "1", "2", "3"]
    early = deribit_trade(trade_id="8", trade_seq=8, timestamp=START_MS - 5)
    late = deribit_trade(trade_id="9", trade_seq=9, timestamp=START_MS - 1)
    assert read([early, *rows, late])["trade_id"].tolist() == ["8", "9", "0", "1", "2", "3"]


def test_one_id_with_two_contents_is_a_conflict_and_the_first_is_used():
    rows = [
        deribit_trade(), deribit_trade(amount=9.0), deribit_trade(direction="sell"), deribit_trade(),
        deribit_trade(instrument_name="BTC-27MAR26-80000-C"),
    ]  # fmt: skip
    trades = read(rows)
    assert nonzero(trades.counts) == {"read": 5, "used": 1, "duplicated": 1, "conflicting": 3, "single": 1}
    assert trades["size"].tolist() == [2.5]
    assert "3 conflicting" in repr(trades)
    said = "1 rows have the trade_id of a print of another contract and are excluded as conflicting"
    assert [said in remark for remark in trades.remarks] == [True]
    assert said in repr(gf.customer_flow(trades))


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    ("epoch", "nanoseconds"),
    [("1770284207.123456", 123_456_000), ("1770284207123.4565", 123_456_500),
     ("1770284207.5", 500_000_000), ("1770284207123456.5", 123_456_500)],
)  # fmt: skip
def test_epochs_with_fractions_are_read_to_the_microsecond(epoch, nanoseconds, text):
    row = {"contract": "BTC-27MAR26-70000-C", "price": 0.02, "size": 1.0, "direction": "buy"}
    (found,) = read([row | {"timestamp": epoch if text else float(epoch)}])["timestamp"].astype(np.int64)
    assert abs(found - (1_770_284_207 * 10**9 + nanoseconds)) <= (500 if "4565" in epoch else 0)
    assert found % 500 == 0


def bare(rows):
    """Rows of a US tape without any number of a trade."""
    return pd.DataFrame(rows).drop(columns="cond")


def test_equal_prints_without_numbers_are_separate_but_a_replayed_file_is_not():
    rows = opra_rows(np.random.default_rng(4), 12)
    rows[5] = dict(rows[4])
    rows[6] = dict(rows[4])
    columns = {name: theirs for name, theirs in OPRA_MAP.items() if theirs != "cond"}
    once = gf.read_trades(bare(rows), columns=columns)
    assert nonzero(once.counts) == {"read": 12, "used": 12, "single": 12}
    twice = gf.read_trades(bare(rows + rows), columns=columns)
    assert_same_columns(once, twice)
    assert nonzero(twice.counts) == {"read": 24, "used": 12, "single": 12, "replayed": 12}
    # Of two files with two and three of the equal prints, three are distinct.
    short = gf.read_trades(bare(rows[:5] + rows[6:]), columns=columns)
    for both in (short + once, once + short):
        assert_same_columns(both, once)
        assert both.counts["replayed"] == 11


def test_equal_rows_with_a_sequence_number_are_one_print():
    rows = opra_rows(np.random.default_rng(5), 6)
    for i, row in enumerate(rows):
        row["sequence"] = 100 + 7 * i
    rows.insert(3, dict(rows[2]))
    rows.append(dict(rows[0]))
    trades = gf.read_trades(pd.DataFrame(rows), columns=OPRA_MAP)
    assert nonzero(trades.counts) == {"read": 8, "used": 6, "single": 6, "duplicated": 1, "replayed": 1}
    by_contract = gf.read_trades(pd.DataFrame(rows[:3]), columns=OPRA_MAP, numbered_by_contract=True)
    numbers = pd.DataFrame(rows[:3]).groupby("symbol")["sequence"]
    assert by_contract.counts["gapped"] == (numbers.max() - numbers.min() + 1 - numbers.size()).sum()


@given(SEEDS, st.integers(4, 30), st.integers(0, 4), st.integers(0, 3))
@settings(max_examples=6, deadline=None)
def test_planted_cancels_take_back_their_prints(seed, n, cancels, orphans):
    rng = np.random.default_rng(seed)
    rows = opra_rows(rng, n)
    taken = sorted(rng.choice(n, min(cancels, n), replace=False))
    out = list(rows)
    for i in taken:
        at = next(j for j, row in enumerate(out) if row is rows[i])
        place = int(rng.integers(at + 1, len(out) + 1))
        moment = max(row["ts"] for row in out[:place])
        out.insert(place, rows[i] | {"cond": "ACEG"[int(rng.integers(4))], "ts": moment, "bid": np.nan})
    for k in range(orphans):
        out.append(rows[0] | {"cond": "A", "ts": out[-1]["ts"] + 1, "price": 5_000.0 + k})
    trades = gf.read_trades(pd.DataFrame(out), columns=OPRA_MAP)
    counts = nonzero(trades.counts)
    expected = {
        "read": len(out), "used": n - len(taken), "single": n - len(taken), "cancelled": len(taken),
        "cancels": len(taken) + orphans, "cancels unmatched": orphans,
    }  # fmt: skip
    assert counts == {name: count for name, count in expected.items() if count}
    assert trades["price"].tolist() == [row["price"] for i, row in enumerate(rows) if i not in taken]
    assert_adds_up(trades)
    again = trades + trades
    assert_same_columns(again, trades)
    assert again.counts["cancelled"] == len(taken)
    assert again.counts["replayed"] == len(out)
    assert_adds_up(again)


def test_a_cancel_takes_back_the_last_equal_print_of_its_exchange():
    rows = opra_rows(np.random.default_rng(6), 3)
    equal = {"symbol": rows[0]["symbol"], "price": 2.5, "size": 10}
    rows = [
        row | equal | {"exch": exchange, "id": str(i)}
        for i, (row, exchange) in enumerate(zip(rows, "CXC", strict=True))
    ]
    cancel = rows[0] | {"cond": "C", "ts": rows[-1]["ts"] + 5, "id": ""}
    columns = OPRA_MAP | {"trade_id": "id"}
    left = gf.read_trades(pd.DataFrame([*rows, cancel]), columns=columns)
    assert left["trade_id"].tolist() == ["0", "1"]
    named = gf.read_trades(pd.DataFrame([*rows, cancel | {"id": "0"}]), columns=columns)
    assert named["trade_id"].tolist() == ["1", "2"]
    # A cancel that stands before every such print takes back none.
    early = gf.read_trades(pd.DataFrame([cancel | {"ts": rows[0]["ts"] - 1}, *rows]), columns=columns)
    assert nonzero(early.counts) == {"read": 4, "used": 3, "single": 3, "cancels": 1, "cancels unmatched": 1}


def test_a_cancel_in_the_next_file_takes_back_a_print_of_the_first():
    rows = opra_rows(np.random.default_rng(7), 8)
    cancel = rows[3] | {"cond": "E", "ts": rows[-1]["ts"] + 1}
    one = gf.read_trades(pd.DataFrame(rows), columns=OPRA_MAP)
    two = gf.read_trades(
        pd.DataFrame([rows[0] | {"ts": cancel["ts"] + 9, "price": 77.0}, cancel]), columns=OPRA_MAP
    )
    assert two.counts["cancels unmatched"] == 1
    both = one + two
    assert both.counts[["used", "cancelled", "cancels", "cancels unmatched"]].to_list() == [8, 1, 1, 0]
    assert rows[3]["price"] not in both["price"]
    assert_adds_up(both)


def test_late_rows_by_a_naive_loop():
    rng = np.random.default_rng(8)
    for _ in range(50):
        time = rng.integers(0, 12, 15).astype("datetime64[ns]")
        naive = [any(time[j] > time[i] for j in range(i)) for i in range(15)]
        assert order.late(time).tolist() == naive
    assert order.late(np.empty(0, "datetime64[ns]")).tolist() == []


def test_gaps_survive_a_selection_and_the_rest_is_counted():
    rng = np.random.default_rng(9)
    rows, _ = tape(rng, 40)
    trades = read(plant(rng, rows, gaps=3, duplicated=2))
    puts = trades.select(trades["size"] > 20.0)
    assert puts.counts["not selected"] == len(trades) - len(puts) > 0
    assert puts.counts["gapped"] == 3
    assert_adds_up(puts)
    assert "not selected" in repr(puts)
    # What a subset left out comes back with the whole tape.
    assert_same_columns(puts + trades, trades)


@pytest.mark.parametrize("pack", [lambda text: text.encode(), lambda text: gzip.compress(text.encode())])
def test_a_file_is_what_its_rows_are(tmp_path, pack):
    rng = np.random.default_rng(10)
    rows, _ = tape(rng, 30)
    planted = plant(rng, rows, gaps=2, late=3, duplicated=2, malformed=["size", "direction", "timestamp"])
    planted = json.loads(json.dumps(planted).replace("Infinity", "-1"))
    path = tmp_path / "trades"
    path.write_bytes(pack(answer(planted)))
    trades = gf.read_trades(path)
    assert_same_columns(trades, read(planted))
    pd.testing.assert_series_equal(trades.counts, read(planted).counts)
    assert trades.sources == (str(path),)
