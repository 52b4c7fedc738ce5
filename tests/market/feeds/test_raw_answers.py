"""Answers of feeds are kept as they came, and odd ones end in one clear error."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import FeedError, GammaflowError, ReaderError, SchemaError
from gammaflow.market.feeds import VENDORS, Answer, Answers, Feed, fetch_chain, replay
from support import feed_server
from support.feed_faults import FAST
from support.feed_server import (
    PRICE,
    QUOTES,
    SUMMARY,
    FeedServer,
    answer,
    cboe_document,
    deribit_rows,
    edited,
    rpc,
    same,
)

pytest.importorskip("httpx")


def fetch(server, vendor="deribit", symbol="BTC", **options):
    return fetch_chain(vendor, symbol, base_url=server.url, limits=FAST, **options)


class TestRawAnswers:
    def test_missing_responses_are_named(self):
        part = Answer("https://example.com/x", 200, datetime.now(UTC), b"{}")
        with pytest.raises(
            SchemaError, match=r"received book_summary; deribit needs .* Add instruments, index_price"
        ):
            Answers("deribit", "BTC", {"book_summary": part}).chain()
        with pytest.raises(SchemaError, match="vendor: received 'x'"):
            Answers("x", "BTC", {}).chain()

    @pytest.mark.parametrize(("vendor", "symbol"), [("deribit", "BTC"), ("cboe", "IBIT"), ("cboe", "SPX")])
    def test_the_saved_answers_give_the_same_chain(self, server, tmp_path, vendor, symbol):
        chain = fetch(server, vendor, symbol, save=tmp_path / "deep" / "raw")
        (folder,) = (tmp_path / "deep" / "raw").iterdir()
        assert same(replay(folder), chain)
        files = Answers.load(folder).to_files()
        assert same(replay(files), chain)
        contents = json.loads(files["answers.json"])
        for said in contents["parts"].values():
            path = said["url"].removeprefix(server.url).partition("?")[0]
            assert files[said["file"]] == server.answers[path]
            assert said["status"] == 200
            assert datetime.fromisoformat(said["received_at"]).tzinfo is not None
            assert said["headers"]["content-type"] == "application/json"

    def test_readers_read_what_was_saved(self, server, tmp_path):
        chain = fetch(server, "cboe", "IBIT", save=tmp_path)
        (file,) = tmp_path.glob("*/delayed_quotes.json.gz")
        assert same(gf.read_chain(file), chain)
        chain = fetch(server, save=tmp_path)
        (file,) = tmp_path.glob("*/book_summary.json.gz")
        again = gf.read_chain(file, asof=chain.asof)
        assert again.to_frame().equals(chain.to_frame())
        assert again.spot == feed_server.INDEX

    def test_what_is_refused_is_saved_all_the_same(self, tmp_path):
        plan = {QUOTES: [edited(lambda d: d.pop("timestamp") and None)]}
        with FeedServer(plan) as server, pytest.raises(FeedError) as first:
            fetch(server, "cboe", "IBIT", save=tmp_path)
        (folder,) = tmp_path.iterdir()
        with pytest.raises(FeedError) as second:
            replay(folder)
        assert str(first.value) == str(second.value)

    def test_no_credential_is_kept_or_shown(self, tmp_path, capsys):
        """User and password of base_url, cookies, and tokens of an address; files are the user's alone."""
        plan = {PRICE: [answer(200, None, Set_Cookie="session=s3cret")]}
        with FeedServer(plan) as server:
            address = server.url.replace("//", "//me:s3cret@")
            fetch_chain("deribit", "BTC", base_url=address, limits=FAST, save=tmp_path)
        (folder,) = tmp_path.iterdir()
        for path in folder.iterdir():
            content = path.read_bytes()
            assert b"s3cret" not in (gzip.decompress(content) if path.suffix == ".gz" else content)
            assert path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(FeedError) as error:
            fetch_chain("deribit", "BTC", base_url="http://me:s3cret@127.0.0.1:9/x?token=s3cret", limits=FAST)
        assert "127.0.0.1:9/x" in str(error.value)
        assert "s3cret" not in str(error.value)
        with pytest.raises(SchemaError, match=r"base_url: received 'ftp://example\.com/'") as wrong:
            Feed("deribit", "BTC", "ftp://me:s3cret@example.com/")
        assert "s3cret" not in str(wrong.value)

    def test_nothing_is_half_written(self, server, tmp_path, monkeypatch):
        def fail(number):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("gammaflow.market.feeds.feed.os.fsync", fail)
        with pytest.raises(SchemaError, match="No space left on device"):
            fetch(server, save=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_one(self, server, tmp_path):
        (tmp_path / "file").write_text("x")
        with pytest.raises(SchemaError, match="cannot write"):
            fetch(server, save=tmp_path / "file")

    def test_nothing_is_written_where_nothing_came(self, tmp_path):
        with FeedServer({SUMMARY: [answer(500, b"")]}) as server, pytest.raises(FeedError):
            fetch(server, save=tmp_path / "raw")
        assert list(tmp_path.iterdir()) == []

    def test_damaged_answers_are_refused(self, server, tmp_path):
        fetch(server, "cboe", "IBIT", save=tmp_path)
        (folder,) = tmp_path.iterdir()
        files = Answers.load(folder).to_files()
        altered = {**files, "delayed_quotes.json": files["delayed_quotes.json"].replace(b"36.1", b"36.2")}
        with pytest.raises(ReaderError, match=r"delayed_quotes\.json was altered since it was saved"):
            replay(altered)
        contents = json.loads(files["answers.json"])
        cut = {**files, "answers.json": json.dumps({**contents, "parts": {}}).encode()}
        with pytest.raises(ReaderError, match="delayed_quotes is missing"):
            replay(cut)
        for broken in ({}, {**files, "answers.json": b"{"}, {"answers.json": files["answers.json"]}):
            with pytest.raises(ReaderError, match="no feed responses"):
                replay(broken)
        (folder / "delayed_quotes.json.gz").write_bytes(b"\x1f\x8bgarbage")
        for place in (folder, tmp_path / "nowhere"):
            with pytest.raises(ReaderError, match="no feed responses"):
                replay(place)


def small_answers():
    summaries, instruments = deribit_rows(days=2, strikes=3)
    price = {"index_price": 71_470.25}
    documents = {
        "deribit": {
            "instruments": rpc(instruments),
            "index_price": rpc(price),
            "book_summary": rpc(summaries),
        },
        "cboe": {"delayed_quotes": cboe_document(days=1, strikes=3)},
    }
    return json.dumps(documents)


SMALL = small_answers()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=20)
    | st.just("BTC-27MAR26-70000-C"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def altered(draw):
    """A vendor's answers with one to four values, anywhere, replaced or removed."""
    vendor = draw(st.sampled_from(["deribit", "cboe"]))
    documents = json.loads(SMALL)[vendor]
    for _ in range(draw(st.integers(1, 4))):
        place, keys = documents, []
        while isinstance(place, (dict, list)) and place:
            names = sorted(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(names)))
            keys.append((place, key))
            place = place[key]
            if draw(st.integers(0, 3)) == 0:
                break
        holder, key = keys[-1]
        if len(keys) > 1 and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(VALUES)
    return vendor, {name: json.dumps(document).encode() for name, document in documents.items()}


class TestFuzz:
    @pytest.mark.slow
    @settings(max_examples=250)
    @given(altered())
    def test_only_errors_of_gammaflow_leave_the_answers(self, drawn):
        vendor, bodies = drawn
        url = "https://example.com/x"
        parts = {name: Answer(url, 200, datetime.now(UTC), body) for name, body in bodies.items()}
        answers = Answers(vendor, {"deribit": "BTC", "cboe": "IBIT"}[vendor], parts)
        try:
            outcome = answers.chain()
        except GammaflowError as error:
            outcome = str(error)
        if isinstance(outcome, str):
            assert outcome.startswith(f"{vendor}: example.com/x: the response is refused")
        else:
            assert len(outcome) > 0

    @settings(max_examples=100)
    @given(st.sampled_from(["deribit", "cboe", "yahoo"]), st.binary(max_size=200))
    def test_no_bytes_at_all_break_them(self, vendor, body):
        parts = dict.fromkeys(
            VENDORS[vendor].parts, Answer("https://example.com/x", 200, datetime.now(UTC), body)
        )
        with pytest.raises(FeedError, match="the response is refused"):
            Answers(vendor, "BTC", parts).chain()
