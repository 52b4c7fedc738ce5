"""Examples at the end of each command's help."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["EXAMPLES", "epilog"]

#: Command lines by command, each with what it does.
EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "demo": (
            ("gammaflow demo", "levels of the built-in chain"),
            ("gammaflow demo --brief", "five lines for a chat"),
            ("gammaflow demo --out demo.html", "the page"),
        ),
        "report": (
            ("gammaflow report quotes.csv --symbol BTC", "levels, and a page named after symbol and time"),
            ("gammaflow report quotes.csv --out report.md", "as markdown"),
            (
                "gammaflow report quotes.csv --columns map.toml --brief",
                "a file of your own columns, in five lines",
            ),
            (
                "gammaflow report tradier.json --columns tradier --spot 584.20",
                "a vendor's answer, by a preset",
            ),
        ),
        "levels": (
            ("gammaflow levels quotes.csv --rule all", "every rule in one table"),
            ("gammaflow levels quotes.csv --dte 0:7 --min-oi 100", "the next week's liquid contracts"),
            ("gammaflow levels quotes.csv | cut -f1,2", "plain numbers for other programs"),
        ),
        "exposure": (
            ("gammaflow exposure quotes.csv --by strike --measures gamma,vanna", "two measures by strike"),
            ("gammaflow exposure quotes.csv --expiry monthly", "monthly expiries only"),
            (
                "gammaflow exposure quotes.csv --by strike --by kind --out table.csv",
                "calls and puts, to a file",
            ),
        ),
        "profile": (
            ("gammaflow profile quotes.csv --low 60000 --high 80000 --points 41", "a grid of spots"),
            ("gammaflow profile quotes.csv --days 1 --vol-shift 0.05", "tomorrow, vols up 5 points"),
        ),
        "flow": (
            ("gammaflow flow quotes.csv --spot-move -5% --vol +10 --days 1", "one scenario, by cause"),
            ("gammaflow flow quotes.csv --adv 30e9", "a ladder of moves, as a share of daily volume"),
        ),
        "plot": (
            ("gammaflow plot quotes.csv --out levels.png", "gamma over spot with its levels"),
            (
                "gammaflow plot quotes.csv --picture exposure --measure vanna --out vanna.svg",
                "vanna by strike",
            ),
            ("gammaflow plot quotes.csv --out page.html", "the page with its controls"),
        ),
        "simulate": (
            (
                "gammaflow simulate quotes.csv --depth 294e6 --shock -1e9",
                "a sale of 1bn, amplified by hedging",
            ),
            (
                "gammaflow simulate quotes.csv --impact square-root --volume 30e9 --daily-vol 0.03",
                "another impact",
            ),
        ),
        "verify": (("gammaflow verify --full", "30,000 contracts instead of 1,000"),),
        "batch": (
            ("gammaflow batch chains --symbol BTC --workers 2 --out winter", "a folder, resumed if stopped"),
            ("gammaflow batch 'chains/*.csv' --symbol SPX > rows.tsv", "a pattern; rows as a table"),
        ),
        "history": (
            ("gammaflow history winter --out history.png", "a picture of what batch has written"),
            ("gammaflow history chains --symbol BTC --rule short_all", "straight from the files"),
        ),
        "compare": (
            ("gammaflow compare monday.csv tuesday.csv --symbol BTC", "two files"),
            (
                "gammaflow compare store@2026-02-04T10:00Z store@2026-02-05T10:00Z --symbol BTC",
                "two timestamps of a store",
            ),
        ),
        "fetch": (
            (
                "gammaflow fetch deribit BTC --raw answers --out chain.parquet",
                "chain and raw responses, to files",
            ),
            ("gammaflow fetch cboe SPX > spx.tsv", "a table that gammaflow reads again"),
        ),
        "watch": (
            ("gammaflow watch deribit BTC --every 60 --store chains", "every minute, each chain archived"),
            ("gammaflow watch cboe SPX --json >> spx.jsonl", "a log, one object per refresh"),
        ),
        "columns": (
            ("gammaflow columns", "the presets, what each reads and what it lacks"),
            ("gammaflow columns tradier > mine.toml", "one of them, to change"),
        ),
        "mcp": (("gammaflow mcp --folder chains", "tools for an assistant, on the chains of one folder"),),
        "serve": (
            ("gammaflow serve deribit BTC", "the live page on this machine"),
            ("gammaflow serve chains", "a store, replayed with a slider"),
        ),
    }
)


def epilog(command: str) -> str:
    """The examples of a command as the last lines of its help."""
    lines = [f"  {line}    ({what})" for line, what in EXAMPLES[command]]
    return "\n\n".join(["Examples:", *lines])
