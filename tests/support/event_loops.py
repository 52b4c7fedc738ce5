"""Numbers of the event computed from the files by plain loops; `rows` reads a file as dicts of text."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np

CALL = "event/ibit_one_call_through_the_event.csv"
BEFORE, DAY, AFTER = "2026-02-04", "2026-02-05", "2026-02-06"


def column(table, key, value):
    return {row[key][:10]: float(row[value]) for row in table if row[value] != ""}


def closes(rows, ticker="IBIT", what="Close"):
    return column(rows(f"event/daily_{ticker}.csv"), "Date", what)


def hours(rows, what="open"):
    table = rows("btc_market/btcusdt_1h_20251001_20260404.csv")
    return {row["timestamp"]: float(row[what]) for row in table}


def point(value):
    return (value, value)


def spread(values):
    return (min(values), max(values))


# Prices and volume ------------------------------------------------------------------------------------


def move(rows, before, after):
    prices = closes(rows)
    return 100 * (prices[after] / prices[before] - 1)


def low(rows):
    return min(p for t, p in hours(rows, "low").items() if t[:10] in (DAY, AFTER))


def rarity(rows):
    def tail(z):  # Simpson's rule over the density
        x = np.linspace(z, 12.0, 20_001)
        w = np.tile([2.0, 4.0], 10_001)[:20_001]
        w[0] = w[-1] = 1.0
        return (w * np.exp(-x * x / 2)).sum() * (x[1] - x[0])

    return tail(3.0) / tail(3.5)


def dollars(rows):
    shares = closes(rows, what="Volume")[DAY]
    return [shares * closes(rows, what=what)[DAY] / 1e9 for what in ("Low", "High")]


def record(rows, price=None, before=None):
    """The day's volume over the highest before, at given prices."""
    shares = closes(rows, what="Volume")
    own, other = (dict.fromkeys(shares, 1.0) if w is None else closes(rows, what=w) for w in (price, before))
    return shares[DAY] * own[DAY] / max(shares[d] * other[d] for d in shares if d < DAY)


def twice(rows):
    return [record(rows), record(rows, "Low", "High"), record(rows, "High", "Low")]


# Correlation ------------------------------------------------------------------------------------------


def returns(rows, first="", last="9"):
    series = [closes(rows, name) for name in ("IBIT", "IGV", "GLD")]
    days = [day for day in series[0] if first <= day <= last and all(day in s for s in series)]
    pairs = list(pairwise(days))
    return [b for _, b in pairs], [[math.log(s[b] / s[a]) for a, b in pairs] for s in series]


def correlation(x, y):
    n = len(x)
    a, b = sum(x) / n, sum(y) / n
    xy = sum((p - a) * (q - b) for p, q in zip(x, y, strict=True))
    return xy / math.sqrt(sum((p - a) ** 2 for p in x) * sum((q - b) ** 2 for q in y))


def difference(rows, first):
    """Zou's interval of two correlations that share a series."""
    _, (x, y, z) = returns(rows, first, BEFORE)
    a, b, c = correlation(x, y), correlation(x, z), correlation(y, z)
    step = 1.959964 / math.sqrt(len(x) - 3)
    ends = [[math.tanh(math.atanh(r) + s * step) for s in (-1, 1)] for r in (a, b)]
    common = ((c - a * b / 2) * (1 - a * a - b * b - c * c) + c**3) / ((1 - a * a) * (1 - b * b))
    down = (a - ends[0][0], ends[1][1] - b)
    up = (ends[0][1] - a, b - ends[1][0])
    sizes = [math.sqrt(p * p + q * q - 2 * common * p * q) for p, q in (down, up)]
    return (a - b - sizes[0], a - b + sizes[1])


def windows(rows):
    days, series = returns(rows)
    counts = []
    for last in (BEFORE, DAY, AFTER):
        end = days.index(last) + 1
        for length in range(5, 91):
            x, y, z = (np.array(s[end - length : end]) for s in series)
            counts.append(np.corrcoef(x, y)[0, 1] > np.corrcoef(x, z)[0, 1])
    return sum(counts) / len(counts)


# Flows ------------------------------------------------------------------------------------------------


def flow(rows, day, fund="IBIT"):
    return column(rows("event/etf_flows_by_fund.csv"), "date", fund)[day]


def created(rows):
    """Shares of 175.34m, published a day later, with the half cents of both roundings."""
    dollars = column(rows("event/etf_flows_labelled_next_day.csv"), "date", "flow_usd")[AFTER]
    return [(dollars + a * 5e3) / (36.22 + b * 0.005) / 1e6 for a in (-1, 1) for b in (-1, 1)]


def models(rows, fund="IBIT"):
    """Expectation and standard errors of the day's flow under four models, by normal equations."""
    prices, flows = closes(rows), column(rows("event/etf_flows_by_fund.csv"), "date", fund)
    days = list(prices)
    moves = {b: prices[b] / prices[a] - 1 for a, b in pairwise(days)}
    table = [
        (day, flows[day], moves[day], moves[last], flows[last])
        for last, day in pairwise(days[1:])
        if day <= DAY and day in flows and last in flows
    ]
    found = []
    for used in ((2,), (2, 3), (2, 4), (2, 3, 4)):
        X = np.array([[1.0, *(row[i] for i in used)] for row in table])
        y = np.array([row[1] for row in table])
        x, X, actual, y = X[-1], X[:-1], y[-1], y[:-1]
        inverse = np.linalg.inv(X.T @ X)
        b = inverse @ X.T @ y
        e, h = y - X @ b, np.array([r @ inverse @ r for r in X])
        V = inverse @ (X.T * (e / (1 - h)) ** 2) @ X @ inverse
        error = math.sqrt(e @ e / (len(y) - len(b)) + x @ V @ x)
        found.append((x @ b, (actual - x @ b) / error))
    return found


def flat(rows):
    flows = column(rows("event/etf_flows_by_fund.csv"), "date", "IBIT")
    days = [day for day in flows if day < DAY]
    usual = sorted(abs(flows[a] + flows[b]) for a, b in pairwise(days))
    middle = (usual[(len(usual) - 1) // 2] + usual[len(usual) // 2]) / 2
    return (flows[DAY] + flows[AFTER]) / middle


# Futures ----------------------------------------------------------------------------------------------


def basis_changes(rows):
    """Change of the yearly basis for each clock, in points, from dates alone."""
    future, spot = column(rows("event/cme_btc_front_close.csv"), "Date", "Adj Close"), hours(rows)
    found = []
    for hour in (21, 22, 24):
        rates = []
        for day in (BEFORE, DAY):
            at = datetime.fromisoformat(day) + timedelta(hours=hour)
            days = (date(2026, 2, 27) - date.fromisoformat(day)).days
            rates.append(100 * (future[day] / spot[at.isoformat()] - 1) * 365 / days)
        found.append(rates[1] - rates[0])
    return found


def basis_rose(rows):
    other = column(rows("btc_market/coinglass_basis_1d.csv"), "timestamp", "close_basis")
    return [*basis_changes(rows), 100 * (other[DAY] - other[BEFORE])]


def week(rows, name):
    table = column(rows("event/cme_btc_cot_weekly.csv"), "date", name)
    return table["2026-02-10"] - table["2026-02-03"]


def interest(rows, coins):
    table = column(rows("event/aggregate_btc_open_interest_1d.csv"), "timestamp", "close")
    price = {BEFORE: hours(rows)[f"{DAY}T00:00:00"], DAY: hours(rows)[f"{AFTER}T00:00:00"]}
    values = [table[day] / (price[day] if coins else 1e9) for day in (BEFORE, DAY)]
    return values[1] - values[0]


# Leverage ---------------------------------------------------------------------------------------------


def liquidated(rows):
    table = rows("btc_market/coinglass_liquidation_4h.csv")
    bars = [(row["timestamp"][:10], float(row["long_usd"]) + float(row["short_usd"])) for row in table]
    ends = [i for i, (day, _) in enumerate(bars) if day in (DAY, AFTER)]
    return (max(sum(value for _, value in bars[i - 5 : i + 1]) for i in ends) / 1e9, math.inf)


def reached(rows):
    """Upper bound of the part of the long book that was liquidated: bins that the price came to."""
    books = {}
    for row in rows("event/hyperliquid_liquidation_map.csv"):
        if row["side"] == "long" and "2026-02-04T20" < row["updated"] < "2026-02-06T08":
            books.setdefault(row["updated"], []).append((float(row["price"]), float(row["value_usd"])))
    times, lows, total = sorted(books), hours(rows, "low"), 0.0
    for time, later in pairwise(times):
        after = [p for t, p in lows.items() if time[:13] <= t[:13] <= later[:13]]
        total += sum(value for price, value in books[time] if price >= min(after))
    first, last = (sum(value for _, value in books[time]) for time in (times[0], times[-1]))
    assert (round(first / 1e6, 1), round(last / 1e6, 1)) == (171.2, 59.0)
    return (0.0, min(total / (first - last), 1.0))


def margin(rows):
    longs = {row["time"]: float(row["longs_btc"]) for row in rows("event/bitfinex_margin_btc_1h.csv")}
    return longs["2026-02-07T00:00:00+00:00"] - longs["2026-02-05T00:00:00+00:00"]


# Options ----------------------------------------------------------------------------------------------


def dvol(rows, day):
    for row in rows("btc_market/deribit_dvol_1d_2021_2026.csv"):
        if datetime.fromtimestamp(int(row["time"]), UTC).date().isoformat() == day:
            return float(row["close"])
    raise KeyError(day)


def beta(rows):
    change = math.log(hours(rows)[f"{AFTER}T00:00:00"] / hours(rows)[f"{DAY}T00:00:00"])
    return (dvol(rows, DAY) - dvol(rows, BEFORE)) / 100 / change


def steepest(rows):
    """Least beta, in size, that the close of volatility and the lowest price of the day allow."""
    low = min(*(p for t, p in hours(rows, "low").items() if t[:10] == DAY), hours(rows)[f"{AFTER}T00:00:00"])
    return (dvol(rows, DAY) - dvol(rows, BEFORE)) / 100 / math.log(low / hours(rows)[f"{DAY}T00:00:00"])


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def options(rows, stamp, spot):
    """Each bitcoin option of a snapshot: put, strike, years, vol, forward over spot, open interest."""
    at, found = None, []
    for row in rows(f"deribit/deribit_options_snapshot_{stamp}.csv"):
        at = datetime.fromisoformat(row["timestamp"])
        years = (datetime.fromisoformat(row["expiry_datetime"]) - at).total_seconds() / 86_400 / 365
        if row["currency"] == "BTC" and float(row["open_interest"]) > 0:
            numbers = [float(row[c]) for c in ("implied_volatility", "futures_price", "open_interest")]
            put = row["option_type"] == "put"
            found.append((put, float(row["strike"]), years, numbers[0], numbers[1] / spot, numbers[2]))
    return found


def zone(rows, spots):
    """Largest gamma from 64,000 to 71,000: calls long and puts short, puts short alone, mirrored."""
    found = []
    for stamp, spot in spots.items():
        book = options(rows, stamp, spot)
        by_spot = {"calls": [], "puts": []}
        for level in range(64_000, 72_000, 1_000):
            sums = {"calls": 0.0, "puts": 0.0}
            for put, strike, years, vol, ratio, number in book:
                total = vol * math.sqrt(years)
                d1 = math.log(level * ratio / strike) / total + total / 2
                gamma = 0.01 * level * ratio * density(d1) / total
                sums["puts" if put else "calls"] += number * gamma / 1e6
            for kind, value in sums.items():
                by_spot[kind].append(value)
        both = [c - p for c, p in zip(by_spot["calls"], by_spot["puts"], strict=True)]
        found += [max(both), max(-p for p in by_spot["puts"]), max(-g for g in both)]
    return found


def vanna(rows, spots, slope):
    """Vanna's part of the hedge of short puts of the zone, step by step down the lower half of the path."""
    (stamp, start), (_, end) = spots
    book = [o for o in options(rows, stamp, start) if o[0] and 64_000 <= o[1] <= 71_000]
    path = np.geomspace(math.sqrt(start * end), end, 251)
    total = 0.0
    for a, b in pairwise(path):
        level, rise = math.sqrt(a * b), slope * math.log(b / a)
        shift = slope * math.log(level / start)
        for _, strike, years, vol, ratio, number in book:
            sigma = vol + shift
            width = sigma * math.sqrt(years)
            d1 = math.log(level * ratio / strike) / width + width / 2
            # Dealers are short: their delta changes by minus that of the puts, and they trade the opposite.
            total += number * level * ratio * density(d1) * -(d1 - width) / sigma * rise
    return total / 1e6


# Notes ------------------------------------------------------------------------------------------------


def barrier_day(rows):
    lows = closes(rows, what="Low")
    days = [day for day in lows if "2025-11-03" <= day <= DAY]
    first = next(day for day in days if lows[day] <= 43.6)
    return len(days) - 1 - days.index(first)


def cluster(rows):
    lows = closes(rows, what="Low")
    before = min(p for day, p in lows.items() if "2025-11-03" <= day < DAY)
    grid = np.linspace(38.0, 39.0, 1_001)
    return np.mean((grid >= lows[DAY]) & (grid <= before))


def normal(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def knocked(S, width, K=1.0, H=0.7):
    """Down-and-in put without rates (closed form), S at or above the barrier."""

    def part(S, level):  # E[(K - S_T) 1{S_T < level}]
        d2 = math.log(S / level) / width - width / 2
        return K * normal(-d2) - S * normal(-d2 - width)

    def between(S):
        return part(S, K) - part(S, H)

    return part(S, K) - (between(S) - S / H * between(H * H / S))


def notes(rows):
    """Delta above the barrier and the sale at it, for three maturities and both recorded volatilities."""
    call = next(
        float(row["implied_volatility"])
        for row in rows("event/ibit_one_call_through_the_event.csv")
        if row["timestamp"].startswith(DAY) and row["strike_price"] == "85"
    )
    deltas, sales = [], []
    for vol in (call, dvol(rows, DAY) / 100):
        for due in ("2026-10-15", "2027-11-04", "2028-11-29"):
            width = vol * math.sqrt((date.fromisoformat(due) - date.fromisoformat(DAY)).days / 365)
            H, h = 0.7, 1e-5
            above = (-3 * knocked(H, width) + 4 * knocked(H + h, width) - knocked(H + 2 * h, width)) / (2 * h)
            d1 = math.log(H) / width + width / 2
            deltas.append(-above)
            sales.append(530e6 * H * ((normal(d1) - 1) - above))
    return deltas, sales


def too_small(rows):
    fall = math.log(closes(rows)[DAY] / closes(rows)[BEFORE])
    return [sale / (-100 * fall * 294e6) for sale in notes(rows)[1]]
