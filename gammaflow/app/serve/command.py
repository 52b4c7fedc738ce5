"""The command `gammaflow serve`: the report's page, live on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from gammaflow.app.carry import carry_of
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import (
    BaseUrl,
    Count,
    DividendFile,
    Every,
    Rate,
    Repair,
    RuleName,
    StoreFolder,
    Timeout,
    grouped,
)
from gammaflow.app.terminal import working
from gammaflow.app.watch import watch
from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds import VENDORS, Feed, Limits
from gammaflow.market.store import Store
from gammaflow.positions.rules import find_rule
from gammaflow.report import Report, analyze
from gammaflow.text import clean

__all__ = ["serve"]

Source = Annotated[
    str,
    typer.Argument(
        metavar="VENDOR|FOLDER", help=f"A vendor ({', '.join(VENDORS)}), or the folder of a store of chains."
    ),
]
Symbol = Annotated[
    str | None, typer.Argument(metavar="SYMBOL", help="The underlying; for a folder if it has several.")
]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any that is free.")]
Address = Annotated[str, typer.Option(help="Address to listen on; others than this machine need --token.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="GAMMAFLOW_TOKEN", help="Secret that browsers must show, 16 characters or more."),
]
Alerts = Annotated[Path | None, typer.Option(help="File to which each alert is appended as a line of JSON.")]
OnAlert = Annotated[
    str | None,
    typer.Option(
        help="Command that is run for each alert, without a shell, with its JSON on standard input."
    ),
]


@grouped
def serve(
    *,
    source: Source,
    symbol: Symbol = None,
    rows: Rows,
    every: Every = 60.0,
    count: Count = None,
    store: StoreFolder = None,
    rule: RuleName = "calls_long_puts_short",
    repair: Repair = False,
    rate: Rate = None,
    dividends: DividendFile = None,
    port: Port = 8000,
    address: Address = "127.0.0.1",
    token: Token = None,
    alerts: Alerts = None,
    on_alert: OnAlert = None,
    base_url: BaseUrl = None,
    timeout: Timeout = 30.0,
) -> None:
    """The report's page, live in the browser: from a feed, or over a store. Stop with Ctrl-C."""
    place_of, served = _serving()
    check_number(every, "--every", 0.0, 86_400.0, open_low=True)
    where = rows.filter()
    find_rule(rule)
    carry = carry_of(rate, dividends)
    place = place_of(address, port, token)
    place.check()
    feed, archive, kept = _feed(source, symbol, store, base_url, timeout)

    def analyse(chain: Chain, history: pd.DataFrame | None = None) -> Report:
        with rows.named():
            return analyze(chain, rule=rule, repair=repair, where=where, history=history, **carry)

    with (
        served(feed, kept, analyse, place, every, alerts, on_alert, _say) as session,
        suppress(KeyboardInterrupt),
    ):
        with working("Reading and pricing"):
            session.resume()
        how: dict[str, Any] = {"every": every, "count": count, "store": archive, "sleep": session.pause}
        watch(feed, session.analyse, session.show, **how)


def _serving() -> Any:
    """`Place` and `served`; SchemaError that says what to install where a package is missing."""
    try:
        from gammaflow.app.serve.serving import Place, served
    except ImportError as error:
        name = str(error.name).partition(".")[0]
        if name == "gammaflow":
            raise
        raise SchemaError(
            f"serve needs {name}, which is not installed: pip install 'gammaflow-engine[serve]'."
        ) from None
    return Place, served


def _feed(
    source: str, symbol: str | None, store: Path | None, base_url: str | None, timeout: float
) -> tuple[Any, Store | None, Store | None]:
    """The feed, the store that its chains go to, and the store that can be replayed."""
    from gammaflow.app.serve.stored import StoreFeed

    if source in VENDORS:
        if symbol is None:
            raise SchemaError(f"SYMBOL: none was given; name what {source} quotes, such as BTC or SPX.")
        archive = Store(store) if store else None
        return Feed(source, symbol, base_url, Limits(total=timeout)), archive, archive
    if not Path(source).is_dir():
        raise SchemaError(
            f"VENDOR|FOLDER: received {source!r}; legal: {', '.join(VENDORS)}, or the folder of a store."
        )
    if store is not None or base_url is not None:
        raise SchemaError("--store, --base-url: received with a folder, which is no feed. Leave them out.")
    kept = Store(source)
    return StoreFeed(kept, symbol), None, kept


def _say(line: str) -> None:
    print(clean(line), flush=True)
