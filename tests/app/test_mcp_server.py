"""The tools of the Model Context Protocol, asked by the protocol's own client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.app.mcp_server import Tools, make_server
from support.preset_samples import FOLDER

mcp = pytest.importorskip("mcp", reason="needs the extra mcp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chains")
    gf.demo_chain().to_frame(facts=True).to_csv(folder / "eve.csv", index=False)
    (folder / "broken.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture(scope="module")
def ask(folder):
    """A function that asks one server many questions in turn: (is an error, answer)."""

    def asked(*questions):
        async def talk():
            async with mcp.Client(make_server(folder)) as client:
                return [await client.call_tool(name, given) for name, given in questions]

        return [
            (found.is_error, found.content[0].text if found.is_error else found.structured_content)
            for found in asyncio.run(talk())
        ]

    return asked


def test_the_client_lists_six_tools_that_say_what_they_take(folder):
    async def listed():
        async with mcp.Client(make_server(folder)) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(listed())}
    assert set(tools) == {"load", "levels", "profile", "flow", "compare", "reconcile"}
    assert all(tool.description for tool in tools.values())
    assert tools["flow"].input_schema["required"] == ["file", "spot_move_percent"]


def test_files_that_need_a_map(tmp_path):
    (tmp_path / "a.json").write_text((FOLDER / "tradier.json").read_text())
    mine = tmp_path / "mine.toml"
    mine.write_text('preset = "tradier"\nspot = 100.0\n')
    assert Tools(tmp_path, str(mine)).load("a.json")["spot"] == 100.0
    with pytest.raises(gf.ReaderError, match="spot: the table has no price"):
        Tools(tmp_path).load("a.json")


def test_answers_are_the_librarys_numbers(ask):
    chain = gf.demo_chain()
    report = gf.analyze(chain, rule="short_all")
    move = gf.hedge_flow(report.book, spot=0.95 * chain.spot, days=1, vol_shift=0.05)
    answers = ask(
        ("load", {"file": "eve.csv"}),
        ("levels", {"file": "eve.csv", "rule": "short_all"}),
        ("profile", {"file": "demo", "rule": "short_all", "low": 60_000, "high": 80_000, "points": 5}),
        (
            "flow",
            {"file": "eve.csv", "spot_move_percent": -5, "days": 1, "vol_points": 5, "rule": "short_all"},
        ),
        ("compare", {"file": "eve.csv", "later": "demo", "rule": "short_all"}),
    )
    assert [error for error, _ in answers] == [False] * 5
    load, levels, profile, flow, compare = (answer for _, answer in answers)
    assert (load["rows"], load["spot"], load["quality"]["rows"]) == (len(chain), chain.spot, len(chain))
    assert levels["levels"]["gamma"] == pytest.approx(report.levels.gamma, rel=1e-12)
    assert levels["rule"] == report.book.rule_text
    spots = np.linspace(60_000, 80_000, 5)
    want = gf.sweep_spot(report.book, spots).table["gamma"]
    assert [row["gamma"] for row in profile["profile"]] == pytest.approx(want.to_list(), rel=1e-9)
    assert flow["total"] == pytest.approx(move.total, rel=1e-9)
    assert flow["final_spot"] == pytest.approx(0.95 * chain.spot)
    gammas = {row["cause"]: row["gamma"] for row in compare["total"]}
    assert gammas["before"] == pytest.approx(report.levels.gamma, rel=1e-9)
    assert sum(value for cause, value in gammas.items() if cause not in ("before", "after")) == pytest.approx(
        0, abs=1e-3
    )


def test_a_published_number_is_explained(ask):
    vendor = gf.conventions.measure(gf.demo_chain(), gf.Convention(rule="short_all", unit="per_point")).gamma
    ((error, found),) = ask(("reconcile", {"file": "demo", "gamma": vendor}))
    assert not error
    assert {"unit": "per_point", "rule": "short_all"} in found["explanations"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": "../secret.csv"}, "lies outside the served folder"),
        ({"file": "/etc/passwd"}, "lies outside the served folder"),
        ({"file": "none.csv"}, "file not found"),
        ({"file": "broken.csv"}, "broken.csv"),
        ({"file": "demo", "rule": "long_all"}, "calls_long_puts_short"),
    ],
)
def test_refusals_reach_the_client_in_words(ask, given, said):
    ((error, text),) = ask(("levels", given))
    assert error
    assert said in text


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("profile", {"file": "demo", "points": 10**9}, "points"),
        ("profile", {"file": "demo", "low": -1}, "low"),
        ("flow", {"file": "demo", "spot_move_percent": -100}, "spot_move_percent"),
    ],
)
def test_numbers_out_of_range_are_refused(ask, name, given, said):
    ((error, text),) = ask((name, given))
    assert error
    assert f"{said}: received" in text


@pytest.mark.parametrize("file", ["a\0b", "\ud800", "loop"])
def test_names_that_are_no_path(folder, file):
    if not (folder / "loop").is_symlink():
        (folder / "loop").symlink_to(folder / "loop")
    # Python 3.13 follows a loop of links to nothing, and the reader cannot open it.
    with pytest.raises(
        gf.GammaflowError, match=r"file: received .*, which is no path|loop: cannot be opened"
    ):
        Tools(folder).load(file)


def test_the_demo_is_of_one_underlying(folder):
    tools = Tools(folder)
    assert tools.load("demo", "BTC")["symbol"] == "BTC"
    with pytest.raises(gf.SchemaError, match="symbol: received 'ETH' with the demo chain, which is of BTC"):
        tools.load("demo", "ETH")


@pytest.mark.parametrize(("low", "high"), [(5.0, 3.0), (0.0, 9.0), (7.0, 7.0)])
def test_ends_of_a_profile_in_the_wrong_order(folder, low, high):
    with pytest.raises(gf.SchemaError, match=rf"low, high: received {low:g} and {high:g}; legal: 0 < low"):
        Tools(folder).profile("demo", low=low, high=high)


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("secret")
    (folder / "link.csv").symlink_to(outside)
    with pytest.raises(gf.SchemaError, match="outside the served folder"):
        Tools(folder).load("link.csv")


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(gf.SchemaError, match=r"--folder: received .*none.*no folder"):
        Tools(tmp_path / "none")


def test_without_the_package_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(gf.GammaflowError, match=r"gammaflow-engine\[mcp\]"):
        make_server(folder)


@pytest.mark.slow
def test_the_command_answers_on_standard_input_and_output(folder):
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "gammaflow", "mcp", "--folder", str(folder)], cwd=str(Path.cwd())
    )

    async def talk():
        async with mcp.Client(command) as client:
            return await client.call_tool("load", {"file": "demo"})

    assert asyncio.run(talk()).structured_content["spot"] == gf.demo_chain().spot
