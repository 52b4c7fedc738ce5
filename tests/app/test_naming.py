import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
import typer.main

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.app.examples import EXAMPLES
from gammaflow.app.naming import in_options, naming, option_names

COMMANDS = {each.name or each.callback.__name__: each.callback for each in cli.app.registered_commands}
PARSERS = typer.main.get_command(cli.app).commands
HEADER = "timestamp,instrument_name,futures_price,index_price,implied_volatility,open_interest\n"
ROW = "2026-02-05T09:36:47+00:00,BTC-27MAR26-{}-{},71800,71471.5,0.6,900\n"

# Values that are wrong for an option of each type, and words of Python that no error may have.
WRONG = {float: ("nan", "-1"), int: ("-1",), str: ("nonsense",), Path: ("no/such/folder/x.html",)}
PYTHON = re.compile(r"(?<![-\w])[a-z]+(?:_[a-z]+)*=(?!\S*\.)|^gammaflow: [a-z_]+: (received|must)", re.M)
# Options that are legal with any such value, by command where it has to be one.
LEGAL = {
    (float, "-1"): ("--shock", "--beta", "--rate", "--dividend-yield", "--vol-shift"),
    (str, "nonsense"): ("--depth-source",),
}


@pytest.fixture(scope="module")
def quotes(tmp_path_factory):
    path = tmp_path_factory.mktemp("naming") / "quotes.csv"
    path.write_text(
        HEADER + "".join(ROW.format(*each) for each in ((60_000, "P"), (70_000, "P"), (80_000, "C")))
    )
    return path


def cases():
    for command, function in COMMANDS.items():
        parameters = inspect.signature(function).parameters.values()
        names = option_names(parameters)
        for each in parameters:
            kinds = [kind for kind in (str, float, int, Path) if kind in _types(get_args(each.annotation)[0])]
            if names[each.name].startswith("--") and kinds:
                legal = LEGAL.get((kinds[0], "-1"), ()) + LEGAL.get((kinds[0], "nonsense"), ())
                yield from (
                    (command, names[each.name], value)
                    for value in WRONG[kinds[0]]
                    if names[each.name] not in legal or value == "nan"
                )


def _types(annotation):
    """Types of `X | None` and `list[X] | None`."""
    inner = get_args(annotation)
    return {annotation} if not inner else set().union(*(_types(each) for each in inner))


CASES = sorted(cases())


def arguments(name, quotes):
    """Arguments with which a command would start."""
    folder = str(quotes.parent)
    return {
        "demo": (), "verify": (), "mcp": (), "batch": (folder,), "history": (folder,),
        "compare": (quotes, quotes),
        "fetch": ("deribit", "BTC"), "watch": ("deribit", "BTC", "--count", "1"), "serve": (folder,),
        "simulate": (quotes, "--depth", "1e6", "--paths", "5", "--steps", "2"),
        "plot": (quotes, "--out", quotes.parent / "x.png"),
    }.get(name, (quotes,))  # fmt: skip


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_that_is_wrong_is_named_as_it_is_typed(run, quotes, name, monkeypatch):
    monkeypatch.chdir(quotes.parent)
    for command, option, value in CASES:
        if command != name or name == "serve" or (name, option) in (("batch", "--out"), ("watch", "--store")):
            continue
        asked = {"--base-url": "http://127.0.0.1:9", "--timeout": "0.2"} if name in ("fetch", "watch") else {}
        where = [word for each in asked.items() if each[0] != option for word in each]
        code, out, err = run(name, *arguments(name, quotes), *where, option, value)
        assert (code, out) == (2, ""), (option, value, out[:300])
        assert not PYTHON.search(err), (option, value, err)
        if err.startswith("gammaflow: "):
            assert err.strip().count("\n") == 0
            assert option in err or "nonsense" in err or "127.0.0.1" in err, (option, value, err)


def test_the_test_above_covers_every_command():
    assert {name for name, _, _ in CASES} >= set(COMMANDS) - {"verify", "serve", "mcp", "columns"}
    assert len(CASES) > 120


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rate, dividend_yield: received 1 for a Book.", "--rate, --dividend-yield: received 1 for a Book."),
        ("rate: 3 of 10 rows are below -5.", "rate: 3 of 10 rows are below -5."),
        ("Pass asof= (tz-aware).", "Pass --asof (tz-aware)."),
        ("see chain.rate=0 and vendor_rate=1", "see chain.rate=0 and vendor_rate=1"),
        ("--rate: received nan; rate must be <= 5.", "--rate: received nan; --rate must be <= 5."),
        ("check the proxy and base_url.", "check the proxy and --base-url."),
        ("no 'dividend_yield' in frame.dividend_yield", "no 'dividend_yield' in frame.dividend_yield"),
        ("a\n  - rate: received 'x'; legal: y.", "a\n  - --rate: received 'x'; legal: y."),
    ],
)
def test_names_in_texts(text, said):
    names = {name: f"--{name.replace('_', '-')}" for name in ("rate", "dividend_yield", "asof", "base_url")}
    assert in_options(text, names) == said


def test_errors_keep_their_class():
    with pytest.raises(gf.FeedError, match=r"^--timeout: received 0"), naming({"total": "--timeout"}):
        raise gf.FeedError("total: received 0; legal: > 0.")
    with pytest.raises(ZeroDivisionError), naming({}):
        _ = 1 // 0


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"serve", "mcp"}))
def test_examples_parse_and_stand_in_the_help(run, name):
    _, out, _ = run(name, "--help", width=200)
    assert "Examples:" in out
    for line, what in EXAMPLES[name]:
        program, command, *rest = re.split(r" [|>]+ ", line)[0].split()
        assert (program, command) == ("gammaflow", name)
        assert "--help" not in rest
        PARSERS[name].make_context(name, [word.strip("'") for word in rest])
        assert what.split()[0] in out


def test_version_and_completion(run):
    assert run("--version")[:2] == (0, f"gammaflow {gf.__version__}\n")
    _, out, _ = run("--help")
    assert "--install-completion" in out
    assert "--show-completion" in out
    assert "tab-separated values" in out
