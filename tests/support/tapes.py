"""Tapes of made-up trades with a known inventory, and faults planted in known numbers."""

from __future__ import annotations

import json

CONTRACTS = ("BTC-27MAR26-70000-P", "BTC-27MAR26-80000-C", "BTC-6FEB26-68000-P", "BTC-6FEB26-75500-C")
US_CONTRACTS = ("SPXW260206P06800000", "SPXW260206C06900000", "SPX260320P06500000", "IBIT260320C00042500")
START_MS = 1_770_284_207_000


def deribit_trade(**changes):
    """One public trade of Deribit."""
    return {
        "trade_seq": 41, "trade_id": "411000001", "timestamp": START_MS, "tick_direction": 1, "price": 0.0615,
        "mark_price": 0.06122, "iv": 56.21, "instrument_name": CONTRACTS[0], "index_price": 71_471.5,
        "direction": "buy", "contracts": 2.5, "amount": 2.5,
    } | changes  # fmt: skip


def tape(rng, n, contracts=CONTRACTS):
    """Trades of Deribit in order of time, without gaps, and dealers' inventory after them by contract."""
    rows, held = [], dict.fromkeys(contracts, 0.0)
    sequence = {name: int(rng.integers(1, 90_000)) for name in contracts}
    moment = START_MS
    for i in range(n):
        moment += int(rng.integers(1, 5_000))
        name = contracts[int(rng.integers(len(contracts)))]
        sequence[name] += 1
        size, side = int(rng.integers(1, 400)) / 4, ("buy", "sell")[int(rng.integers(2))]
        held[name] -= size if side == "buy" else -size
        rows.append(
            deribit_trade(
                trade_seq=sequence[name], trade_id=str(411_000_001 + i), timestamp=moment,
                instrument_name=name, direction=side, amount=size, contracts=size,
                price=int(rng.integers(1, 900)) / 5_000, iv=float(rng.integers(300, 1_200)) / 10,
            )
        )  # fmt: skip
    seen = {row["instrument_name"] for row in rows}
    return rows, {name: position for name, position in held.items() if name in seen}


#: Values that make a row malformed, by the canonical column that is said to be bad.
FAULTS = {
    "contract": [("instrument_name", v) for v in ("BTC-27XXX26-70000-P", "", None, "nonsense")],
    "timestamp": [("timestamp", v) for v in (None, "yesterday", -1, START_MS / 1000)],
    "price": [("price", v) for v in (None, "abc", -0.01, float("inf"))],
    "size": [("amount", v) for v in (0, -3.0, None, "many")],
    "direction": [("direction", v) for v in ("long", "zero", 0, "2")],
    "trade_id": [("trade_id", v) for v in ("", None)],
    "sequence": [("trade_seq", v) for v in (-7, 3.5, "x")],
    "iv": [("iv", v) for v in (-20.0, "high")],
}


def plant(rng, rows, *, gaps=0, late=0, malformed=(), conflicting=0, replayed=0, duplicated=0):
    """A tape with faults planted, each in the number asked for; `gaps` are missing sequence numbers.

    Rows must be in order of time; with replayed ones, at least two more than late ones.
    """
    rows = [dict(row) for row in rows]
    names = [row["instrument_name"] for row in rows]
    inside = [i for i, name in enumerate(names) if name in names[:i]]
    for _ in range(gaps if inside else 0):
        i = inside[int(rng.integers(len(inside)))]
        for row in rows[i:]:
            row["trade_seq"] += row["instrument_name"] == names[i]
    last = rows[-1]
    moved = [rows[i] for i in sorted(rng.choice(len(rows) - 1, late, replace=False))]
    out = [row for row in rows if not any(row is m for m in moved)]
    for row in moved:
        _behind_a_later_one(rng, out, row)
    for i in range(conflicting):
        row = rows[int(rng.integers(len(rows)))]
        at = _place(out, row)
        change = (
            {"amount": row["amount"] + 1},
            {"price": row["price"] * 2},
            {"instrument_name": "BTC-6FEB26-1-C"},
        )
        out.insert(int(rng.integers(at + 1, len(out) + 1)), row | change[i % 3])
    prompt = [row for row in rows[:-1] if not any(row is m for m in moved)]
    for _ in range(replayed):
        row = prompt[int(rng.integers(len(prompt)))]
        at = max(_place(out, row), _place(out, last))
        out.insert(int(rng.integers(at + 1, len(out) + 1)), dict(row))
    for column in malformed:
        field, value = FAULTS[column][int(rng.integers(len(FAULTS[column])))]
        broken = deribit_trade(trade_id=f"bad{rng.integers(10**9)}", trade_seq=None, timestamp=START_MS + 7)
        out.insert(int(rng.integers(len(out) + 1)), broken | {field: value})
    for _ in range(duplicated):
        row = rows[int(rng.integers(len(rows)))]
        out.insert(_place(out, row) + 1, dict(row))
    return out


def _place(rows, row):
    return next(i for i, other in enumerate(rows) if other is row)


def _behind_a_later_one(rng, rows, row):
    later = [i for i, other in enumerate(rows) if other["timestamp"] > row["timestamp"]]
    rows.insert(int(rng.integers(later[0] + 1, len(rows) + 1)), row)


def answer(rows):
    """Deribit's response to get_last_trades_by_currency."""
    return json.dumps({"jsonrpc": "2.0", "result": {"trades": rows, "has_more": False}, "usIn": 1})


def tardis_csv(rows):
    """The same trades as Tardis writes them: microseconds, and local time of arrival."""
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    lines = [
        f"deribit,{r['instrument_name']},{r['timestamp']}000,{r['timestamp'] + 9}123,{r['trade_id']},"
        f"{r['direction']},{r['price']},{r['amount']}"
        for r in rows
    ]
    return "\n".join([head, *lines]) + "\n"


def opra_rows(rng, n, contracts=US_CONTRACTS):
    """Prints of a US tape with quotes, in order of time, each with its own price."""
    rows = []
    moment = 1_770_302_100_000_000_000
    for i in range(n):
        moment += int(rng.integers(1, 10**9))
        price = 1.0 + i / 100
        rows.append(
            {
                "symbol": "O:" + contracts[int(rng.integers(len(contracts)))], "ts": moment, "price": price,
                "size": int(rng.integers(1, 60)), "cond": "I", "exch": "CX"[int(rng.integers(2))],
                "bid": price - 0.05, "ask": price + 0.03, "bid_size": 11, "ask_size": 20,
            }
        )  # fmt: skip
    return rows


OPRA_MAP = {"contract": "symbol", "timestamp": "ts", "condition": "cond", "exchange": "exch"}
