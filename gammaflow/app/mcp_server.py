"""The command gammaflow mcp: the main questions as tools of the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gammaflow.app.options import ColumnMap, grouped
from gammaflow.app.terminal import records
from gammaflow.checks import check_number
from gammaflow.columns import LARGEST
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.exposure.flow import hedge_flow
from gammaflow.market.chain import Chain
from gammaflow.market.demo import demo_chain
from gammaflow.market.readers import find_map, read_chain
from gammaflow.positions.rules import RULES
from gammaflow.report import Report, analyze
from gammaflow.report.plain import plain
from gammaflow.studies.books import compare_books
from gammaflow.studies.reconcile import reconcile as explain
from gammaflow.units import describe

__all__ = ["Tools", "mcp"]

_RULE = "calls_long_puts_short"
_MOST_POINTS = 201
_INSTRUCTIONS = (
    "Where option dealers must buy and sell. `file` is a chain in the served folder, or 'demo' for a "
    "built-in synthetic chain. A chain does not say whether dealers are long or short: every number "
    f"holds under its `rule` ({', '.join(RULES)}), which must be quoted with it. Positive gamma: dealers "
    "sell rallies and buy dips. Amounts are in the chain's currency, gamma per +1 % of spot."
)
Answer = dict[str, Any]
Folder = Annotated[Path, typer.Option(help="Folder whose files may be read; nothing outside it is.")]


class Tools:
    """The tools, on the chains of one folder. Each takes and returns plain values.

    Parameters
    ----------
    folder : Path
        Only files inside it are read.
    columns : str, optional
        A preset or a map, as in `read_chain`, by which the files are read.

    Raises
    ------
    SchemaError
        Where `folder` is no folder.
    """

    def __init__(self, folder: Path, columns: str | None = None) -> None:
        if not folder.is_dir():
            raise SchemaError(
                f"--folder: received {str(folder)!r}, which is no folder. Pass the folder of the chains."
            )
        self.folder = folder.resolve()
        self.columns = None if columns is None else find_map(columns)

    def load(self, file: str, symbol: str | None = None) -> Answer:
        """Read a chain: spot, timestamp, expiries, quality of the data and warnings.

        Reads the file `file` of the served folder ('demo': the built-in synthetic chain). `symbol` picks the
        underlying where the file has several.
        """
        chain = self._chain(file, symbol)
        expiries = [str(time) for time in np.unique(chain["expiry"])]
        return {
            **_facts(chain),
            "vendor": chain.vendor,
            "synthetic": chain.synthetic,
            "rows": len(chain),
            "expiries": expiries,
            "quality": chain.quality.to_dict(),
            "warnings": list(chain.warnings),
        }

    def levels(self, file: str, rule: str = _RULE, symbol: str | None = None) -> Answer:
        """Zero-gamma flips, short-gamma zones, walls and max pain under a rule for dealers' sign.

        Gamma is the currency of delta that dealers gain per +1 % of spot; to stay hedged they trade the
        opposite.
        """
        report = self._report(file, rule, symbol)
        return {
            **_conditions(report),
            "total": report.exposure.total().to_dict(),
            "levels": report.levels.to_dict(),
        }

    def profile(
        self,
        file: str,
        rule: str = _RULE,
        symbol: str | None = None,
        low: float | None = None,
        high: float | None = None,
        points: int = 31,
    ) -> Answer:
        """Dealers' gamma and other measures, with the whole book revalued at each of `points` spots.

        Spots run from `low` to `high`, by default 70 % and 130 % of spot.
        """
        report = self._report(file, rule, symbol)
        spot = report.book.spot
        ends = (0.7 * spot if low is None else low, 1.3 * spot if high is None else high)
        first, last = (
            check_number(end, name, 0.0, LARGEST) for end, name in zip(ends, ("low", "high"), strict=True)
        )
        if not 0.0 < first < last:
            raise SchemaError(
                f"low, high: received {first:,.10g} and {last:,.10g}; legal: 0 < low < high. By default "
                f"{0.7 * spot:,.10g} and {1.3 * spot:,.10g}."
            )
        count = int(check_number(points, "points", 2.0, float(_MOST_POINTS)))
        table = report.profile.at(np.linspace(first, last, count)).table
        return {**_conditions(report), "profile": records(table.reset_index())}

    def flow(
        self,
        file: str,
        spot_move_percent: float,
        days: float = 0.0,
        vol_points: float = 0.0,
        rule: str = _RULE,
        symbol: str | None = None,
    ) -> Answer:
        """Amount that dealers must buy (+) or sell (-) to stay delta-neutral over a move, by revaluation.

        The move is `spot_move_percent` of spot, `days` calendar days, and `vol_points` added to every
        implied vol.
        """
        report = self._report(file, rule, symbol)
        move = check_number(spot_move_percent, "spot_move_percent", -99.0, 1000.0)
        book = report.book
        found = hedge_flow(book, spot=book.spot * (1 + move / 100), days=days, vol_shift=vol_points / 100)
        return {
            **_conditions(report),
            "final_spot": found.spot,
            "total": found.total,
            "by_cause": records(found.table.reset_index()),
        }

    def compare(self, file: str, later: str, rule: str = _RULE, symbol: str | None = None) -> Answer:
        """Change of dealers' gamma between two chains, by cause: expired, spot and time, vols, new ones."""
        before, after = (self._report(name, rule, symbol) for name in (file, later))
        found = compare_books(before.book, after.book)
        return {
            "before": _conditions(before),
            "after": _conditions(after),
            "total": records(found.total.rename_axis("cause").reset_index()),
            "summary": found.summary(),
        }

    def reconcile(self, file: str, gamma: float, symbol: str | None = None) -> Answer:
        """Which choices of sign, unit, day count and filter make a published net gamma of this chain."""
        found = explain("exact", gamma, self._chain(file, symbol), levels=False)
        return {"explanations": [dict(choices) for choices in found.explanations], "summary": found.summary()}

    def _chain(self, file: str, symbol: str | None) -> Chain:
        if file == "demo":
            chain = demo_chain()
            if symbol not in (None, chain.symbol):
                raise SchemaError(
                    f"symbol: received {symbol!r} with the demo chain, which is of "
                    f"{chain.symbol}. Leave it out."
                )
            return chain
        try:
            path = (self.folder / file).resolve()
        except (ValueError, OSError, RuntimeError) as error:
            raise SchemaError(
                f"file: received {file!r:.200}, which is no path ({error!s:.200}). Pass a name in the folder."
            ) from None
        if not path.is_relative_to(self.folder):
            raise SchemaError(
                f"file: received {file!r}, which lies outside the served folder. Pass a name inside it."
            )
        return read_chain(path, symbol=symbol, columns=self.columns)

    def _report(self, file: str, rule: str, symbol: str | None) -> Report:
        return analyze(self._chain(file, symbol), rule=rule)


def _facts(chain: Any) -> Answer:
    """Symbol, timestamp, spot and currency of a chain or a book."""
    return {
        "symbol": chain.symbol,
        "asof": chain.asof.isoformat(),
        "spot": chain.spot,
        "currency": chain.currency,
    }


def _conditions(report: Report) -> Answer:
    """Conditions on which every number of an answer depends."""
    book = report.book
    return {
        **_facts(book),
        "rule": book.rule_text,
        "sign": book.sign,
        "units": describe(book.currency),
        "rates": dict(report.rates()),
        "warnings": report.warnings(),
    }


def _told(tool: Callable[..., Answer], error: type[Exception]) -> Callable[..., Answer]:
    """A tool whose answer is plain, and whose refusals reach the client as they are written."""

    @wraps(tool)
    def run(*args: Any, **given: Any) -> Answer:
        try:
            answer: Answer = plain(tool(*args, **given))
        except GammaflowError as refusal:
            raise error(str(refusal)) from None
        return answer

    return run


def make_server(folder: Path, columns: str | None = None) -> Any:
    """The protocol's server of the chains in `folder`, read through `columns` if given; not yet running.

    Raises
    ------
    GammaflowError
        Where the package mcp is not installed.
    SchemaError
        Where `folder` is no folder.
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise GammaflowError(
            "gammaflow mcp needs the package mcp, which is not installed: "
            "pip install 'gammaflow-engine[mcp]'."
        ) from None
    tools = Tools(folder, columns)
    server = MCPServer("gammaflow", instructions=_INSTRUCTIONS, log_level="WARNING")
    for tool in (tools.load, tools.levels, tools.profile, tools.flow, tools.compare, tools.reconcile):
        server.add_tool(_told(tool, ToolError), structured_output=True)
    return server


@grouped
def mcp(*, folder: Folder = Path(), columns: ColumnMap = None) -> None:
    """Answer an assistant over the Model Context Protocol, on standard input and output.

    Tools: load, levels, profile, flow, compare, reconcile. Only files of --folder are read, and nothing
    is asked of the network.
    """
    make_server(folder, columns).run("stdio")
