import asyncio
import json
import threading

import pandas as pd
import pytest

from gammaflow.app.serve import broadcast
from gammaflow.app.serve.broadcast import Broadcast
from gammaflow.app.serve.points import thinned

START = pd.Timestamp("2026-02-05T00:00Z")


def point(minutes, spot=1.0):
    return {"asof": (START + pd.Timedelta(minutes=minutes)).isoformat(), "spot": spot}


def read(live, seen=0):
    number, content = live.message(seen)
    return number, json.loads(content)


class TestMessage:
    def test_everything_at_first_then_what_is_newer(self):
        live = Broadcast()
        live.publish({"n": 1}, model=b'{"spot":1}', points=[point(0)], alerts=[{"text": "a"}])
        first, all_of_it = read(live)
        assert all_of_it == {
            "run": live.run, "number": 1, "status": {"n": 1}, "model": {"spot": 1}, "points": [point(0)],
            "alerts": [{"text": "a"}],
        }  # fmt: skip
        live.publish({"n": 2}, points=[point(1)])
        second, newer = read(live, first)
        assert newer == {
            "run": live.run, "number": 2, "status": {"n": 2}, "points": [point(1)], "alerts": [],
        }  # fmt: skip
        assert live.message(second) is None
        assert read(live)[1]["model"] == {"spot": 1}

    def test_a_browser_that_missed_updates_gets_the_newest_model_and_all_alerts(self):
        live = Broadcast()
        for n in range(1, 6):
            live.publish({"n": n}, model=b'{"spot":%d}' % n, points=[point(n)], alerts=[{"n": n}])
        number, found = read(live, 2)
        assert number == 5
        assert found["model"] == {"spot": 5}
        assert [p["asof"] for p in found["points"]] == [point(n)["asof"] for n in (3, 4, 5)]
        assert found["alerts"] == [{"n": 3}, {"n": 4}, {"n": 5}]

    def test_without_a_status_the_last_one_stays(self):
        live = Broadcast()
        live.publish({"n": 1})
        live.publish(points=[point(0)])
        assert read(live)[1]["status"] == {"n": 1}

    def test_numbers_that_are_not_finite_are_refused(self):
        with pytest.raises(ValueError, match="not JSON compliant"):
            Broadcast().publish({"n": float("nan")})


class TestBounds:
    def test_points_of_one_timestamp_are_one(self):
        live = Broadcast()
        live.publish(points=[point(0, 1.0), point(1), point(0, 2.0)])
        assert read(live)[1]["points"] == [point(0, 2.0), point(1)]

    def test_points_are_in_the_order_of_time_however_they_come(self):
        live = Broadcast()
        for minutes in (5, 3, 9, 1):
            live.publish(points=[point(minutes)])
        assert read(live)[1]["points"] == [point(minutes) for minutes in (1, 3, 5, 9)]

    def test_a_day_back_from_the_newest(self):
        live = Broadcast()
        live.publish(points=[point(0), point(60), point(1441)])
        assert read(live)[1]["points"] == [point(60), point(1441)]

    def test_a_long_session_keeps_few_points_evenly_spread_and_the_last_alerts(self):
        live = Broadcast(keep=50)
        for minutes in range(1000):
            live.publish({"n": minutes}, points=[point(minutes)], alerts=[{"n": minutes}])
        found = read(live)[1]
        times = pd.to_datetime([p["asof"] for p in found["points"]])
        gaps = (times[1:] - times[:-1]).total_seconds() / 60
        assert len(times) == 50
        assert (times[0], times[-1]) == (START, START + pd.Timedelta(minutes=999))
        assert gaps.max() <= 4 * 1000 / 50
        assert [a["n"] for a in found["alerts"]] == list(range(900, 1000))

    def test_thinning_takes_what_its_neighbors_cover_first(self):
        def naive(times, keep):
            left = list(times)
            while len(left) > keep:
                spans = {t: left[i + 1] - left[i - 1] for i, t in enumerate(left) if 0 < i < len(left) - 1}
                left.remove(min(spans, key=spans.get))
            return left

        times = [0.0, 1.0, 1.1, 4.0, 4.5, 9.0, 9.2, 9.3, 20.0]
        for keep in range(2, 10):
            assert thinned(times, times, keep) == naive(times, keep)


def collect(live, count, last_id=""):
    """The first `count` pieces of a stream, and whether it ended before."""

    async def run():
        pieces = []
        async for piece in live.stream(last_id):
            pieces.append(piece.decode())
            if len(pieces) == count:
                return pieces, False
        return pieces, True

    return asyncio.run(asyncio.wait_for(run(), 10))


class TestStream:
    def test_events_have_an_id_from_which_a_browser_goes_on(self):
        live = Broadcast()
        live.publish({"n": 1}, points=[point(0)])
        (retry, event), _ = collect(live, 2)
        assert retry == "retry: 1000\n\n"
        name, data, *rest = event.split("\n")
        assert rest == ["", ""]
        assert name == f"id: {live.run}-1"
        assert json.loads(data.removeprefix("data: "))["points"] == [point(0)]
        live.publish({"n": 2}, points=[point(1)])
        (_, event), _ = collect(live, 2, f"{live.run}-1")
        assert json.loads(event.split("\n")[1].removeprefix("data: "))["points"] == [point(1)]

    @pytest.mark.parametrize("last_id", ["another-7", "x", "", "-", "{run}-99", "{run}-x", "{run}--1"])
    def test_an_id_of_another_process_or_of_no_sense(self, last_id):
        live = Broadcast()
        live.publish({"n": 1})
        threading.Timer(0.2, live.publish, ({"n": 2},)).start()
        (_, event), _ = collect(live, 2, last_id.format(run=live.run))
        assert '"status":{"n":' in event

    def test_an_update_wakes_every_stream_and_closing_ends_it(self):
        live = Broadcast()

        async def run():
            async def listen():
                return [piece async for piece in live.stream()]

            readers = [asyncio.create_task(listen()) for _ in range(3)]
            while live.browsers < 3:
                await asyncio.sleep(0.01)
            threading.Thread(target=live.publish, args=({"n": 1},)).start()
            await asyncio.sleep(0.2)
            threading.Thread(target=live.close).start()
            return await asyncio.gather(*readers)

        found = asyncio.run(asyncio.wait_for(run(), 10))
        assert [len(pieces) for pieces in found] == [2, 2, 2]
        assert live.browsers == 0

    def test_a_slow_reader_gets_the_newest_of_what_it_missed(self):
        live = Broadcast()

        async def run():
            stream = live.stream()
            await anext(stream)
            spots = []
            for n in range(40):
                live.publish({"n": n}, model=b'{"spot":%d}' % n)
                if n % 10 == 9:
                    event = await anext(stream)
                    spots.append(json.loads(event.split(b"data: ")[1])["model"]["spot"])
            await stream.aclose()
            return spots

        assert asyncio.run(run()) == [9, 19, 29, 39]

    def test_signs_of_life(self, monkeypatch):
        monkeypatch.setattr(broadcast, "_SIGN", 0.01)
        (_, sign), _ = collect(Broadcast(), 2)
        assert sign == ": nothing new\n\n"
