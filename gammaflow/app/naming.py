"""Errors in the words of the command line: options and arguments instead of Python's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter
from types import MappingProxyType
from typing import get_args

from typer.models import ArgumentInfo, OptionInfo

from gammaflow.errors import GammaflowError

__all__ = ["in_options", "naming", "option_names"]

#: Arguments of the library whose option has another name: (the option's parameter, and so on).
_ALSO: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "per_1pct": ("depth",),
        "range": ("depth_range",),
        "source": ("depth_source",),
        "spots": ("low", "high", "points"),
        "total": ("timeout",),
        "where": ("expiry", "dte", "delta", "min_oi"),
        "spot_percent": ("ladder",),
        "path": ("out",),
    }
)

# Words after which an error says what was received, or what to do.
_SAID = r"received|must be|missing|given|legal|is|the"


def option_names(parameters: Iterable[Parameter]) -> dict[str, str]:
    """The option, or the argument in capitals, of each parameter of a command by its Python name."""
    found = {}
    for parameter in parameters:
        info = next(
            (a for a in get_args(parameter.annotation) if isinstance(a, OptionInfo | ArgumentInfo)), None
        )
        if isinstance(info, ArgumentInfo):
            found[parameter.name] = str(info.metavar or parameter.name.upper())
        elif info is not None:
            written = [text for text in (info.param_decls or ()) if text.startswith("--")]
            found[parameter.name] = written[0] if written else f"--{parameter.name.replace('_', '-')}"
    for name, options in _ALSO.items():
        known = [found[option] for option in options if option in found]
        if known and name not in found:
            found[name] = ", ".join(known)
    return found


def in_options(text: str, names: Mapping[str, str]) -> str:
    """An error's text with the options of `names`.

    Examples
    --------
    >>> names = {"symbol": "--symbol", "vol_shift": "--vol-shift", "spots": "--low, --high"}
    >>> in_options("vol_shift: received nan. Pick one with symbol='BTC'.", names)
    "--vol-shift: received nan. Pick one with --symbol 'BTC'."
    >>> in_options("Pass symbol=, the underlying.", names)
    'Pass --symbol, the underlying.'
    >>> in_options("none of 3 files gave a row; the first, symbol=BTC/date=2022-01-01/a.parquet", names)[-36:]
    'symbol=BTC/date=2022-01-01/a.parquet'
    """
    if not names:
        return text
    either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    # A folder of a store, `symbol=BTC/`, is no argument.
    passed = rf"(?<![\w.=\-])({either})=(?![^\s,;'\"]+/)(?=([ .,;)(]|$)?)"
    text = re.sub(passed, lambda found: f"{names[found[1]]}{' ' * (found[2] is None)}", text)
    # A name with an underscore is no word of a sentence.
    alone = [name for name in names if "_" in name]
    if alone:
        word = rf"(?<![\w.\-'\"/])({'|'.join(map(re.escape, alone))})(?!\.?\w|[\-'\"=/])"
        text = re.sub(word, lambda found: names[found[1]], text)
    # Several arguments at once: "rate, dividend_yield, repair: received".
    each = rf"(?:{either}|--[a-z-]+)"
    listed = rf"(?<![\w.\-'])({each}(?:, {each})*)(?=: (?:{_SAID})\b| must be )"
    return re.sub(listed, lambda found: ", ".join(names.get(n, n) for n in found[1].split(", ")), text)


@contextmanager
def naming(names: Mapping[str, str]) -> Iterator[None]:
    """Errors inside the block name the options of a command."""
    try:
        yield
    except GammaflowError as error:
        said = in_options(str(error), names)
        if said == str(error):
            raise
        raise type(error)(said) from None
