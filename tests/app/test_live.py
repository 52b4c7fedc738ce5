import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
from rich.console import Console

import gammaflow as gf
from gammaflow.app import live as cli_live
from gammaflow.market.feeds import replay
from gammaflow.market.store import Store
from support.feed_server import QUOTES, SUMMARY, FeedServer, answer, moved, same

pytest.importorskip("httpx")
pytest.importorskip("pyarrow")


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


@pytest.fixture
def run(run, server):
    """Run a live command against the local server, as `run`."""
    return lambda *args: run(*args, "--base-url", server.url)


class TestFetch:
    def test_prints_what_came(self, run, server):
        code, out, _ = run("fetch", "deribit", "BTC")
        assert code == 0
        for words in (
            "Chain BTC from deribit, as of 2026-02-05 09:36:47 UTC, spot 71,470.25 USD",
            "900 contracts",
        ):
            assert words in out
        assert "900 of 900 rows usable" in out

    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_writes_the_chain_and_the_raw_answers(self, run, tmp_path, ending):
        path = tmp_path / f"chain.{ending}"
        code, out, err = run("fetch", "deribit", "BTC", "--out", path, "--raw", tmp_path / "raw")
        assert code == 0
        (folder,) = (tmp_path / "raw").iterdir()
        assert str(folder) in out
        assert str(path) in err
        chain = replay(folder)
        written = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
        assert written["iv"].tolist() == chain["iv"].tolist()
        assert set(written["symbol"]) == {"BTC"}
        assert set(written["spot"]) == {71_470.25}
        assert {pd.Timestamp(t) for t in written["asof"].unique()} == {chain.asof}
        frame = written.assign(expiry=pd.to_datetime(written["expiry"], utc=True))
        again = gf.chain_from_frame(
            frame.drop(columns=["quote_time", "open_interest_date"]),
            symbol="BTC",
            spot=71_470.25,
            asof=chain.asof,
        )
        assert again["strike"].tolist() == chain["strike"].tolist()
        assert again["expiry"].tolist() == chain["expiry"].tolist()

    def test_as_json(self, run, tmp_path):
        code, out, _ = run("fetch", "cboe", "SPX", "--json", "--raw", tmp_path)
        assert code == 0
        said = json.loads(out)
        assert (said["symbol"], said["spot"], said["rows"], said["vendor"]) == (
            "SPX",
            6900.0,
            400,
            "cboe",
        )
        assert said["asof"] == "2026-02-05T09:36:47+00:00"
        assert same(replay(said["raw"]), replay(next(tmp_path.iterdir())))
        assert said["quality"]["rows"] == 400

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("nyse", "BTC"), "gammaflow: VENDOR: received 'nyse'"),
            (("cboe", "NOPE"), "cboe: 127.0.0.1:"),
            (
                ("cboe", "IBIT", "--out", "chain.xlsx"),
                "--out: received 'chain.xlsx'; legal",
            ),
            (("cboe", "IBIT", "--out", "no/such/folder/x.csv"), "is not a folder"),
            (("cboe", "IBIT", "--timeout", "0"), "gammaflow: --timeout: received 0"),
        ],
    )
    def test_faults_end_in_one_line_and_code_2(self, run, args, words):
        code, out, err = run("fetch", *args)
        assert code == 2
        assert out == ""
        assert words in err
        assert len(err.strip().splitlines()) == 1

    def test_without_pyarrow_the_remedy_is_said(self, run, tmp_path, monkeypatch):
        def fail(self, path, index):
            raise ImportError("no pyarrow")

        monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
        code, _, err = run("fetch", "cboe", "IBIT", "--out", tmp_path / "x.parquet")
        assert code == 2
        assert "gammaflow-engine[parquet]" in err


class TestWatch:
    def test_a_line_for_each_refresh_where_nothing_redraws(self, run, server, tmp_path):
        server.plan[SUMMARY] = [answer(), answer(400, b"{}"), moved(3.0)]
        args = ("--every", "0.01", "--count", "3", "--store", tmp_path, "--dte", "0:30")
        code, out, _ = run("watch", "deribit", "BTC", *args)
        assert code == 0
        lines = out.splitlines()
        assert "; filter: dte 0 to 30; " in lines[0]
        assert "% of open interest (contracts) excluded" in lines[2]
        assert len(lines) == 3
        assert "ERROR deribit: 127.0.0.1:" in lines[1]
        assert "spot 71,470.25 gamma" in lines[0]
        assert [s.asof.second for s in Store(tmp_path).list("BTC")] == [47, 50]

    def test_json_lines(self, run):
        code, out, _ = run("watch", "cboe", "IBIT", "--every", "0.01", "--count", "2", "--json", "--repair")
        assert code == 0
        said = [json.loads(line) for line in out.splitlines()]
        assert [s["refreshes"] for s in said] == [1, 2]
        assert said[0]["levels"]["symbol"] == "IBIT"
        assert said[0]["levels"]["filters"] == []

    def test_a_terminal_is_redrawn(self, run, monkeypatch, capsys):
        console = Console(force_terminal=True, width=150, height=60)
        monkeypatch.setattr(cli_live, "out_console", console)
        code, out, _ = run("watch", "cboe", "IBIT", "--every", "0.01", "--count", "2", "--rule", "short_all")
        assert code == 0
        for words in ("per 1%", "zone top", "2 refreshes, 0 with errors", "IBIT from cboe"):
            assert words in out

    def test_where_every_refresh_failed_the_exit_code_says_so(self, run, server):
        server.plan[QUOTES] = [answer(404, b"")]
        code, out, err = run("watch", "cboe", "IBIT", "--every", "0.01", "--count", "2")
        assert code == 2
        assert out.count("ERROR") == 2
        assert err.startswith("gammaflow: all 2 refreshes had errors; the last: cboe: 127.0.0.1:")

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("deribit", "BTC", "--rule", "hope"), "gammaflow: --rule: received 'hope'"),
            (("deribit", "BTC", "--every", "0"), "gammaflow: --every: received 0"),
            (("deribit", "BTC", "--count", "0"), "gammaflow: --count: received 0"),
            (("deribit", "BTC", "--dte", "7:0"), "--dte: received '7:0'"),
            (("deribit", "B T C"), "gammaflow: SYMBOL: received 'B T C'"),
        ],
    )
    def test_illegal_options_end_before_anything_is_asked(self, run, server, args, words):
        code, out, err = run("watch", *args)
        assert code == 2
        assert out == ""
        assert words in err
        assert server.requests == []

    @pytest.mark.slow
    @pytest.mark.skipif(os.name == "nt", reason="signals")
    def test_ctrl_c_ends_it_with_code_0(self, server):
        # A process started in the background inherits that the signal is ignored.
        heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heed}; from gammaflow.app.cli import main; main()"
        command = [sys.executable, "-c", code, "watch", "cboe", "IBIT"]
        with subprocess.Popen(
            [*command, "--every", "30", "--base-url", server.url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as running:  # fmt: skip
            assert "IBIT spot 36.10" in running.stdout.readline()
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=30)
        assert running.returncode == 0
        assert "Traceback" not in err
        assert out == ""
