"""Options opened and closed since a date, the book they make, and how much of it the vols can sign.

Pass a folder of Deribit snapshots (searched with its subfolders), and --all for every moment and the daily
series. Without a folder the recorded chains beside the repository are used where present, else a made-up pair
from the built-in synthetic chain; --demo asks for the pair.
"""

import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import gammaflow as gf

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "data"
SINCE = ["2026-01-15", "2026-01-20", "2026-01-26", "2026-02-01"]
MOMENTS = ["2026-02-04T21:33Z", "2026-02-05T09:36Z"]
RULES = ["calls_long_puts_short", "short_all"]
SERIES = ("2026-01-15T00:00Z", "2026-02-09T00:00Z")


def demo_pair() -> tuple[gf.Chain, gf.Chain]:
    """The synthetic chain, and one of a day before with less open interest and other vols, made up."""
    later, rng = gf.demo_chain(), np.random.default_rng(7)
    less = later["open_interest"] * rng.choice([0.5, 0.9, 1.0, 1.1], len(later), p=[0.2, 0.4, 0.2, 0.2])
    vols = later["iv"] + np.repeat(rng.normal(0.0, 0.003, len(later) // 2), 2)
    made_up = later.with_columns(open_interest=less.round(1), iv=vols.round(4))
    return replace(made_up, asof=later.asof - pd.Timedelta(1, "D")), later


def snapshots(folder: Path) -> dict[pd.Timestamp, Path]:
    """Files of Deribit snapshots by the time in their names."""
    found = {}
    for path in folder.rglob("deribit_options_snapshot_*.csv"):
        stamp = re.search(r"(\d{8}T\d{6}Z)", path.name)[1]
        found[pd.Timestamp(stamp)] = path
    return dict(sorted(found.items()))


def nearest(files: dict[pd.Timestamp, Path], moment: str | pd.Timestamp) -> gf.Chain:
    """The chain of the snapshot nearest to a moment."""
    at = pd.Timestamp(moment)
    return gf.read_chain(files[min(files, key=lambda stamp: abs(stamp - at))], symbol="BTC")


def levels_of(book: gf.Book) -> dict[str, float]:
    levels = gf.sweep_spot(book, measures=["gamma", "gross_gamma"]).levels()
    flip, trough = levels.nearest_flip, levels.zone.trough if levels.zone else None
    return {
        "gamma": levels.gamma / 1e6,
        "flip": flip.spot if flip else np.nan,
        "trough": trough.spot if trough else np.nan,
        "core_low": trough.core_low if trough else np.nan,
        "core_high": trough.core_high if trough else np.nan,
    }


def show_levels(changes: list[gf.OpenInterestChange]) -> None:
    rows = {
        (f"{c.later.asof:%d %b %H:%M}", f"{c.earlier.asof:%d %b}", rule): levels_of(c.book(rule))
        for c in changes
        for rule in RULES
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["as of", "since", "rule"])
    print("\nBook of what was opened since (gamma in USD m per 1 %; no flip: one sign at every spot):")
    print(table.to_string(float_format="{:,.1f}".format, na_rep="none"))


def show_series(files: dict[pd.Timestamp, Path]) -> None:
    """Net opened by kind from each snapshot to the next, and what moves of vol say of the side."""
    low, high = map(pd.Timestamp, SERIES)
    chains = [gf.read_chain(path, symbol="BTC") for at, path in files.items() if low <= at < high]
    rows = {}
    for earlier, later in pairwise(chains):
        if later.asof == earlier.asof:  # one snapshot in two folders
            continue
        change = gf.open_interest_change(earlier, later)
        evidence, opened = change.evidence, change.by_strike().sum()
        row = {"hours": change.hours, "beyond_volume": change.table["beyond_volume"].sum()}
        for kind in ("call", "put"):
            row |= {f"{kind}_opened": opened[kind]}
            row |= {f"{kind}_{name}": evidence.loc[kind, name] for name in ("moved", "told", "expected")}
            row[f"{kind}_deviation"] = evidence.loc[kind, "deviation"]
        rows[later.asof] = row | change.placebo.mul(100.0).add_prefix("vol_").to_dict()
    table = pd.DataFrame.from_dict(rows, orient="index")
    print("\nFrom each snapshot to the next [coins; moves of vol in points]:")
    print(table.to_string(float_format="{:,.1f}".format))
    before = table[table.index < pd.Timestamp("2026-02-05T00:00Z")]
    for kind in ("put", "call"):
        sums = before[[f"{kind}_{name}" for name in ("opened", "moved", "told", "expected")]].sum()
        deviation = np.sqrt((before[f"{kind}_deviation"] ** 2).sum())
        opened, moved, told, expected = sums
        print(
            f"{kind}s from 15 January to 4 February: {opened:+,.0f} opened net, {moved:,.0f} moved; a side "
            f"for {told / moved:.0%} of it; customers' net purchases {expected:+,.0f} +- {deviation:,.0f}"
        )


def main() -> None:
    flags = {arg for arg in sys.argv[1:] if arg.startswith("--")}
    folder = Path(next((arg for arg in sys.argv[1:] if not arg.startswith("--")), RECORDED))
    files = {} if "--demo" in flags else snapshots(folder)
    if files:
        moments = MOMENTS if "--all" in flags else MOMENTS[1:]
        ends = [nearest(files, moment) for moment in moments]
        starts = [nearest(files, f"{day}T09:30Z") for day in SINCE]
        changes = [gf.open_interest_change(start, end) for end in ends for start in starts]
        earlier, later = nearest(files, "2026-02-04T09:36Z"), ends[-1]
    else:
        earlier, later = demo_pair()
        changes = [gf.open_interest_change(earlier, later)]
    print(changes[0])
    show_levels(changes)

    print("\nWhat changed in the book of all open interest since the day before:")
    print(gf.compare_books(gf.assign_positions(earlier), gf.assign_positions(later)))
    if files and "--all" in flags:
        show_series(files)
    changes[0].plot().figure.savefig("opened.png", dpi=120)


if __name__ == "__main__":
    main()
