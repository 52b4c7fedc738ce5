import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.feeds import Feed, Limits, fetch_chain, fetch_raw, transport
from gammaflow.market.feeds.transport import Line, OutOfTimeError, within
from support.feed_faults import FAST
from support.feed_server import PRICE, QUOTES, FeedServer, answer

pytest.importorskip("httpx")


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


class Clock:
    """Time that passes only in sleep."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class TestPaceAndRetries:
    @pytest.fixture
    def clock(self, monkeypatch):
        clock = Clock()
        monkeypatch.setattr(transport, "time", clock)
        monkeypatch.setattr(transport, "_next_slot", {})
        return clock

    def get(self, server, **limits):
        with Line("cboe", Limits(**{"interval": 0.0, **limits})) as line:
            return line.get(f"{server.url}{QUOTES}")

    def test_waits_double_with_jitter(self, clock):
        with FeedServer({QUOTES: [answer(500, b"")]}) as server, pytest.raises(FeedError, match="5 tries"):
            self.get(server, tries=5, first_wait=2.0, total=100.0)
        waits = [s for s in clock.slept if s]
        for wait, longest in zip(waits, (2.0, 4.0, 8.0, 16.0), strict=True):
            assert longest / 2 <= wait <= longest

    def test_no_wait_is_longer_than_half_a_minute(self, clock):
        with FeedServer({QUOTES: [answer(500, b"")]}) as server, pytest.raises(FeedError, match="3 tries"):
            self.get(server, tries=3, first_wait=1000.0, total=1e4)
        assert max(clock.slept) <= 30.0

    @pytest.mark.parametrize("said", ["7", "date"])
    def test_retry_after_is_waited_out(self, clock, said):
        later = (
            said if said != "date" else format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
        )
        replies = [answer(429, b"", Retry_After=later), answer()]
        with FeedServer({QUOTES: replies}) as server:
            assert self.get(server, first_wait=0.1).body == server.answers[QUOTES]
        assert max(clock.slept) == pytest.approx(7.0 if said == "7" else 8.5, abs=0.0 if said == "7" else 1.5)

    @pytest.mark.parametrize("said", ["soon", "-5", "Thu, 05 Feb 2026 09:36:47 -0000"])
    def test_retry_after_that_says_nothing_is_no_wait(self, clock, said):
        replies = [answer(503, b"", Retry_After=said), answer()]
        with FeedServer({QUOTES: replies}) as server:
            assert self.get(server, first_wait=0.1).status == 200
        assert max(clock.slept) <= 0.1

    def test_one_host_is_asked_at_one_pace_whoever_asks(self, clock, server):
        for _ in range(4):
            self.get(server, interval=3.0)
        assert clock.slept == [0.0, 3.0, 3.0, 3.0]

    def test_a_pace_beyond_the_budget_ends_at_once(self, clock, server):
        self.get(server, interval=50.0)
        with pytest.raises(
            FeedError, match=r"no request allowed within 30 s at this pace .* Send requests less often"
        ):
            self.get(server)
        assert clock.slept == [0.0]

    def test_work_that_takes_too_long_is_aborted(self):
        ended = threading.Event()
        with pytest.raises(OutOfTimeError):
            within(0.05, lambda: ended.wait(20), ended.set)
        assert ended.is_set()

    def test_work_hands_on_what_it_returns_and_raises(self):
        assert within(5.0, lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            within(5.0, lambda: 1 // 0)


class TestArguments:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"vendor": "nyse"}, "vendor: received 'nyse'; legal: 'deribit', 'cboe', 'yahoo'"),
            ({"symbol": "BTC/USD"}, "symbol: received 'BTC/USD'; legal on Deribit"),
            ({"symbol": 7}, "symbol: received 7"),
            ({"vendor": "cboe", "symbol": "../x"}, "symbol: received '../x'"),
            ({"base_url": "ftp://example.com"}, "base_url: received 'ftp://example.com'"),
            ({"base_url": "http://host:notaport"}, "base_url: received"),
            ({"base_url": 5}, "base_url: received 5"),
        ],
    )
    def test_illegal_ones_are_refused_before_anything_is_asked(self, changes, words):
        with pytest.raises(SchemaError) as error:
            Feed(**{"vendor": "deribit", "symbol": "BTC", **changes})
        assert words in str(error.value)

    @pytest.mark.parametrize(
        "limits", [{"total": 0}, {"read": -1}, {"tries": 0}, {"interval": np.nan}, {"max_bytes": "x"}]
    )
    def test_illegal_limits(self, limits):
        with pytest.raises(SchemaError, match=next(iter(limits))):
            Limits(**limits)

    def test_without_httpx_the_remedy_is_said(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "httpx", None)
        for start in (lambda: Feed("deribit", "BTC"), lambda: fetch_raw("http://127.0.0.1:1/")):
            with pytest.raises(
                FeedError,
                match=r"needs httpx, which is not installed: pip install 'gammaflow-engine\[live\]'",
            ):
                start()

    def test_unusable_proxies_are_told(self, monkeypatch):
        monkeypatch.setenv("ALL_PROXY", "nonsense://proxy")
        with pytest.raises(FeedError, match="cboe: the environment's settings for proxy"):
            fetch_chain("cboe", "IBIT", base_url="http://127.0.0.1:1")

    @pytest.mark.parametrize("cookie", ["session=s3cret", "\xe9" * 300 + "=1"])
    def test_no_cookie_is_kept_between_requests(self, server, cookie):
        heard = []

        def listen(to, full):
            heard.append(to.headers.get("Cookie"))
            answer(503 if len(heard) == 1 else 200, full, Set_Cookie=cookie)(to, full)

        server.plan = {QUOTES: [listen]}
        with Line("cboe", Limits(interval=0.0, first_wait=0.0)) as line:
            assert line.get(f"{server.url}{QUOTES}").status == 200
            line.get(f"{server.url}{QUOTES}")
        assert heard == [None] * 3

    def test_fetch_raw_gives_the_answer_as_it_came(self, server):
        got = fetch_raw(f"{server.url}{PRICE}", params={"index_name": "btc_usd"}, limits=FAST)
        assert (got.status, got.body) == (200, server.answers[PRICE])
        assert got.url == f"{server.url}{PRICE}?index_name=btc_usd"
        assert abs((datetime.now(UTC) - got.received_at).total_seconds()) < 60
        assert server.requests == [(PRICE, {"index_name": "btc_usd"})]
        with pytest.raises(SchemaError, match="url: received"):
            fetch_raw("no address")

    def test_addresses_that_break_later_are_errors_of_the_feed(self):
        with pytest.raises(FeedError, match=r"is not a valid address|no connection"):
            fetch_chain("cboe", "IBIT", base_url="http://a\x7fb", limits=FAST)
