"""The commands that use live feeds: gammaflow fetch | watch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.live import Live

from gammaflow.app.carry import dated_carry
from gammaflow.app.filter_options import Rows
from gammaflow.app.naming import in_options, option_names
from gammaflow.app.options import (
    BaseUrl,
    ChainOut,
    Count,
    DividendFile,
    Every,
    Json,
    JsonLines,
    Rate,
    RawFolder,
    Repair,
    RuleName,
    StoreFolder,
    SymbolName,
    Timeout,
    VendorName,
    grouped,
)
from gammaflow.app.terminal import check_ending, dumps, err_console, out_console, say, tell, write
from gammaflow.app.watch import State, to_dict, to_line
from gammaflow.app.watch import watch as watch_feed
from gammaflow.app.watch_view import render
from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds import Answers, Feed, Limits
from gammaflow.market.store import Store
from gammaflow.plot.tables import spreadsheet
from gammaflow.positions.rules import find_rule
from gammaflow.report import Report, analyze
from gammaflow.text import clean

__all__ = ["fetch", "watch"]


@grouped
def fetch(
    *,
    vendor: VendorName,
    symbol: SymbolName,
    out: ChainOut = None,
    raw: RawFolder = None,
    base_url: BaseUrl = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Download the current option chain from a vendor."""
    feed = Feed(vendor, symbol, base_url, Limits(total=timeout))
    if out:
        check_ending(out, (".csv", ".parquet"))
    with err_console.status(f"Downloading from {vendor} ..."):
        answers = feed.fetch()
    kept = answers.save(raw) if raw else None
    chain = answers.chain()
    if out:
        table = chain.to_frame(facts=True)
        write(
            out,
            {
                ".csv": lambda p: spreadsheet(table).to_csv(p, index=False),
                ".parquet": lambda p: _parquet(table, p),
            },
        )
    if as_json:
        print(dumps(_summary(chain, answers, kept)))
        return
    say(str(chain))
    if kept:
        say(f"raw responses: {kept}")
    if out_console.piped and out is None:
        tell(chain.to_frame(facts=True), {})


def _parquet(table: Any, path: Path) -> None:
    try:
        table.to_parquet(path, index=False)
    except ImportError:
        raise SchemaError(
            "--out: a parquet file needs pyarrow, which is not installed: "
            "pip install 'gammaflow-engine[parquet]', or write .csv."
        ) from None


def _summary(chain: Chain, answers: Answers, kept: Path | None) -> dict[str, Any]:
    return {
        "symbol": chain.symbol,
        "vendor": chain.vendor,
        "spot": chain.spot,
        "currency": chain.currency,
        "asof": chain.asof.isoformat(),
        "received_at": answers.received_at.isoformat(),
        "rows": len(chain),
        "raw": None if kept is None else str(kept),
        "quality": chain.quality.to_dict(),
    }


@grouped
def watch(
    *,
    vendor: VendorName,
    symbol: SymbolName,
    rows: Rows,
    every: Every = 60.0,
    count: Count = None,
    store: StoreFolder = None,
    rule: RuleName = "calls_long_puts_short",
    repair: Repair = False,
    rate: Rate = None,
    dividends: DividendFile = None,
    base_url: BaseUrl = None,
    timeout: Timeout = 30.0,
    as_json: JsonLines = False,
) -> None:
    """Live levels and gamma by strike. Keeps running through feed errors; stop with Ctrl-C."""
    where = rows.filter()
    find_rule(rule)
    carry = dated_carry(rate, dividends)
    feed = Feed(vendor, symbol, base_url, Limits(total=timeout))
    how: dict[str, Any] = {"every": every, "count": count, "store": Store(store) if store else None}

    def analyse(chain: Chain) -> Report:
        with rows.named():
            return analyze(chain, rule=rule, repair=repair, where=where, **carry)

    def named(state: State) -> State:
        return replace(state, fault=in_options(state.fault, _NAMES))

    if as_json:
        last = watch_feed(feed, analyse, lambda state: _print(json.dumps(to_dict(named(state)))), **how)
    elif out_console.is_terminal:
        last = _redraw(feed, analyse, named, how)
    else:
        last = watch_feed(feed, analyse, lambda state: _print(to_line(named(state))), **how)
    if last.refreshes == count == last.faults:
        raise FeedError(f"all {last.refreshes} refreshes had errors; the last: {last.fault}")


# Names of options in the errors that a watch shows and survives.
_NAMES = option_names(inspect.signature(watch).parameters.values())


def _print(line: str) -> None:
    print(clean(line), flush=True)


def _redraw(
    feed: Feed, analyse: Callable[[Chain], Report], named: Callable[[State], State], how: dict[str, Any]
) -> State:
    """Watch in a view that redraws itself; ages advance while the feed is queried."""
    seen = [State(feed.vendor, feed.symbol, datetime.now(UTC))]

    def view() -> Any:
        return render(replace(seen[-1], now=datetime.now(UTC)), *out_console.size)

    def show(state: State) -> None:
        seen[:] = [named(state)]

    with Live(get_renderable=view, console=out_console, refresh_per_second=2):
        return watch_feed(feed, analyse, show, **how)
