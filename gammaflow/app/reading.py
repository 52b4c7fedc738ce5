"""Chains and reports of files, read with the options of a command."""

from __future__ import annotations

from dataclasses import asdict

from gammaflow.app.carry import carry_of
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import Quotes, Reading, Scenario
from gammaflow.app.terminal import working
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.readers import find_map, read_chain
from gammaflow.report import Report, analyze

__all__ = ["chain_of", "check_reading", "report_of"]


def chain_of(quotes: Quotes) -> Chain:
    """The chain of a file, once its options agree."""
    check_reading(quotes)
    try:
        columns = None if quotes.columns is None else find_map(quotes.columns)
    except (ReaderError, SchemaError) as error:
        text = str(error)
        raise type(error)(text if text.startswith("columns:") else f"--columns: {text}") from None
    return read_chain(
        quotes.file,
        vendor=quotes.vendor,
        symbol=quotes.symbol,
        asof=quotes.asof,
        spot=quotes.spot,
        columns=columns,
    )


def check_reading(reading: Reading) -> None:
    """Raise SchemaError where options contradict one another."""
    if reading.columns is not None and reading.vendor is not None:
        raise SchemaError(
            f"--vendor: received {reading.vendor!r} with --columns, which reads tables of no known vendor. "
            "Leave one of them out."
        )
    if reading.repair and reading.dividend_yield is not None:
        raise SchemaError(
            f"--dividend-yield: received {reading.dividend_yield:g} with --repair, which derives yields from "
            "put-call parity. Leave one of them out."
        )


def report_of(
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario | None = None,
    beliefs: str | None = None,
    depth: float | None = None,
) -> Report:
    """The report of a file, with the options of a command."""
    where = rows.filter()
    with working("Reading and pricing"), rows.named():
        return analyze(
            chain_of(quotes),
            rule=quotes.rule,
            **carry_of(quotes.rate, quotes.dividends, quotes.dividend_yield),
            repair=quotes.repair,
            where=where,
            beliefs=beliefs,
            depth=depth,
            **asdict(scenario or Scenario()),
        )
