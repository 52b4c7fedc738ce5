"""Open/close files in Cboe's columns: every contract bought is sold by another origin."""

import numpy as np
import pandas as pd

SIZES = ("lt_100", "100_199", "gt_199")
#: Columns of each origin that buy and sell.
COLUMNS = {
    "customer": [f"cust_{size}_{when}" for size in SIZES for when in ("open", "close")],
    "professional": [f"procust_{size}_{when}" for size in SIZES for when in ("open", "close")],
    "firm": ["firm_open", "firm_close"],
    "broker_dealer": ["bd_open", "bd_close"],
    "market_maker": ["mm"],
}


def cboe(rng, days=("2026-02-04", "2026-02-05"), series=4):
    """A balanced table of `series` contracts on each day, and each origin's net change by contract."""
    rows, change = [], {origin: {} for origin in COLUMNS}
    for day in days:
        for i in range(series):
            root, flag, strike = ("SPX", "SPXW")[i % 2], "CP"[i // 2 % 2], 6_500.0 + 12.5 * i
            cells = [cell for names in COLUMNS.values() for cell in names]
            volume = int(rng.integers(1, 5_000))
            buys = rng.multinomial(volume, np.full(len(cells), 1 / len(cells)))
            sells = rng.multinomial(volume, np.full(len(cells), 1 / len(cells)))
            row = {
                "underlying_symbol": "^SPX", "quote_date": day, "option_symbol": root,
                "expiration_date": "2026-03-20", "strike_price": strike, "call_put_flag": flag,
                "series_type": "S", "open_interest": 1_000, "total_exchange_vol": volume,
                "total_industry_vol": 2 * volume,
            }  # fmt: skip
            row |= {f"{cell}_buy_vol": int(n) for cell, n in zip(cells, buys, strict=True)}
            row |= {f"{cell}_sell_vol": int(n) for cell, n in zip(cells, sells, strict=True)}
            rows.append(row)
            name = f"{root}260320{flag}{round(strike * 1000):08d}"
            for origin, names in COLUMNS.items():
                own = sum(row[f"{cell}_buy_vol"] - row[f"{cell}_sell_vol"] for cell in names)
                change[origin][name] = change[origin].get(name, 0) + own
    return pd.DataFrame(rows), change
