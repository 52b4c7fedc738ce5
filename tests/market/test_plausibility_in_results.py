"""Warnings of a chain and of arguments reach every result, page and command, each once."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from rich.console import Console

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.exposure.flow import flow_ladder, hedge_flow
from gammaflow.market.repair.repair import repair_chain
from support.desk_pages import page_model
from support.implausible import altered, made_chain, one_row


@pytest.fixture(scope="module")
def report():
    chain = made_chain(spot=70_000.0, moneyness=np.linspace(0.8, 1.25, 19))
    return gf.analyze(
        altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9), spot=90_000.0),
        vol_shift=2.0,
    )


class TestWarningsReachEveryResult:
    def test_the_chain_is_as_wrong_as_meant(self, report):
        topics = [line.partition(":")[0] for line in report.warnings()]
        assert topics == ["forward", "open interest", "vol_shift"]
        assert report.warnings()[:2] == list(report.chain.warnings) == list(report.book.warnings)

    def test_text_says_each_once(self, report):
        ladder = flow_ladder(report.book, spot_percent=[1.0], hours=[], vol_points=[])
        flow = hedge_flow(report.book, spot=91_000.0, steps=1)
        for result in (report.chain, report.book, report.exposure, ladder, flow):
            for line in report.chain.warnings:
                assert repr(result).count(f"WARNING: {line}") == 1, type(result)
                assert repr(result).count(line) == 1, type(result)
        for result in (report.profile, report.levels, report):
            for line in report.warnings():
                assert repr(result).count(f"WARNING: {line}\n") == 1, type(result)
        assert all(report.levels.explain().count(line) == 1 for line in report.warnings())

    def test_data_say_all(self, report):
        every = report.warnings()
        assert report.to_dict()["warnings"] == report.levels.to_dict()["warnings"] == every
        assert report.exposure.to_dict()["warnings"] == report.to_dict()["quality"]["warnings"] == every[:2]
        json.dumps(report.to_dict())

    def test_page_and_markdown_say_each_once(self, report, tmp_path):
        markdown = report.to_markdown()
        banners = [banner["text"] for banner in page_model(report.to_html(tmp_path / "page.html"))["banners"]]
        for line in report.warnings():
            assert markdown.count(f"> **{line}**") == markdown.count(line) == 1
            assert banners.count(line) == 1

    def test_a_watched_feed_says_each_once(self, report):
        pytest.importorskip("httpx")
        from gammaflow.app.watch import State, to_dict, to_line
        from gammaflow.app.watch_view import render

        now = report.book.asof.to_pydatetime()
        state = State("made up", "XYZ", now, report=report, received_at=now)
        console = Console(width=2_000, file=io.StringIO())
        console.print(render(state))
        for line in report.warnings():
            assert to_line(state).count(f"WARNING: {line}") == 1
            assert console.file.getvalue().count(f"WARNING: {line}") == 1
        assert to_dict(state)["levels"]["warnings"] == report.warnings()

    def test_the_other_side_and_another_spot_keep_them(self, report):
        assert (-report.book).warnings == report.book.warnings
        assert report.book.at(spot=91_000.0).warnings == report.book.warnings

    def test_a_repair_warns_where_a_vendor_would_be_refused(self):
        """A spot twenty times too high is a warning without forwards, and with those of parity."""
        bad = altered(made_chain(forward=False), spot=2_000.0)
        repaired = repair_chain(bad)
        assert np.nanmax(repaired["forward"]) < 200.0
        assert {line.partition(":")[0] for line in bad.warnings} == {"strike", "spot"}
        assert {line.partition(":")[0] for line in repaired.warnings} == {"strike", "forward"}

    def test_a_repaired_chain_keeps_them(self):
        chain = gf.demo_chain()
        bad = altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9))
        assert repair_chain(bad).quality.warnings == bad.warnings != ()


class TestCommands:
    @pytest.fixture
    def run(self, monkeypatch, capsys, tmp_path):
        chain = made_chain(spot=70_000.0, moneyness=np.linspace(0.8, 1.25, 19))
        bad = altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9))
        path = tmp_path / "chain.csv"
        frame = bad.to_frame()
        for place, name in enumerate(("symbol", "vendor", "asof", "spot", "currency")):
            frame.insert(place, name, getattr(bad, name))
        frame.drop(columns=["quote_time", "open_interest_date", "settlement", "root"]).to_csv(
            path, index=False
        )

        def call(command, *args):
            monkeypatch.setattr(sys, "argv", ["gammaflow", command, str(path), *args])
            monkeypatch.setattr(cli.out_console, "width", 2_000, raising=False)
            monkeypatch.setattr(type(cli.out_console), "piped", False)
            with pytest.raises(SystemExit) as stop:
                cli.main()
            assert not stop.value.code
            return bad.warnings[0], capsys.readouterr().out

        return call

    @pytest.mark.parametrize("command", ["levels", "exposure", "profile", "report"])
    def test_text_says_it_once(self, run, command, tmp_path):
        out = ["--out", str(tmp_path / "out.md")] if command == "report" else []
        line, text = run(command, *out)
        assert text.count(f"WARNING: {line}") == text.count(line) == 1

    @pytest.mark.parametrize("command", ["levels", "exposure", "profile", "report"])
    def test_json_says_it(self, run, command):
        line, text = run(command, "--json")
        assert json.loads(text)["warnings"] == [line]

    def test_a_shift_in_points_is_said(self, run):
        _, text = run("levels", "--vol-shift", "10", "--json")
        assert json.loads(text)["warnings"][1].startswith(
            "vol_shift: received 10, which adds 1,000 vol points"
        )
