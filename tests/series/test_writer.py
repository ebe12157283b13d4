"""The writer against a real database that is away, refuses, or is asked for the impossible."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from influx_server import Influxd, Shim, free_port
from seiswarn.store.influx import Writer
from seiswarn.store.influx_http import InfluxServer
from seiswarn.store.influx_spool import REJECTED, Spool
from seiswarn.store.series_params import Influx

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("influx")]
Make = Callable[..., Writer]


@pytest.fixture
def writer(shim: Shim, spool_folder: Path) -> Iterator[Make]:
    """Makes writers that retry at once and are closed at the end."""
    made: list[Writer] = []

    def make(**changes: Any) -> Writer:
        given = {
            "url": shim.url,
            "bucket": "seis",
            "token": "secret-1",
            "batch_lines": 100,
            "retry_s": 0.05,
            "retry_max_s": 0.2,
            "refused_retry_s": 0.2,
            "timeout_s": 5.0,
            **changes,
        }
        params = Influx(**given)
        one = Writer(params, lambda: InfluxServer(params), spool_folder, time.monotonic)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close(0.1)


def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    limit = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def lines(first: int, n: int) -> list[str]:
    return [f"m v={k} {1_700_000_000_000_000_000 + k}" for k in range(first, first + n)]


def there(influxd: Influxd) -> set[int]:
    return {int(row["v"]) for row in influxd.query("SELECT v FROM m")}


@pytest.mark.parametrize("gzip", [True, False])
def test_points_arrive(influxd: Influxd, writer: Make, gzip: bool) -> None:
    one = writer(gzip=gzip)
    one.put(lines(0, 250), 7)
    until(lambda: one.kept == 7)
    assert there(influxd) == set(range(250))
    assert one.counters()["influx_sent"] == 250
    assert one.close() == 0


def test_an_outage_loses_nothing_and_new_points_go_on(influxd: Influxd, shim: Shim, writer: Make) -> None:
    one = writer()
    one.put(lines(0, 100), 1)
    until(lambda: one.kept == 1)
    shim.stop()
    for k in range(1, 30):
        one.put(lines(100 * k, 100), k + 1)
    until(lambda: one.kept == 30)  # safe on disk while nobody is there
    assert one.counters()["influx_spool_points"] >= 2800
    assert "refused" in one.trouble
    shim.start()
    one.put(lines(3000, 50), 31)
    until(lambda: one.counters()["influx_spool_points"] == 0 and one.kept == 31)
    assert there(influxd) == set(range(3050))
    assert one.trouble == ""


def test_what_is_left_at_the_end_is_sent_by_the_next_life(influxd: Influxd, shim: Shim, writer: Make) -> None:
    shim.stop()
    one = writer()
    one.put(lines(0, 1234), 5)
    begun = time.monotonic()
    assert one.close() == 0
    assert time.monotonic() - begun < 5
    assert one.kept == 5
    shim.start()
    two = writer()
    until(lambda: two.counters()["influx_spool_points"] == 0)
    assert there(influxd) == set(range(1234))


def test_a_server_that_hangs_does_not_hold_up_the_end(shim: Shim, writer: Make, spool_folder: Path) -> None:
    shim.hang_s = 30.0
    one = writer(timeout_s=20.0)
    one.put(lines(0, 500), 3)
    time.sleep(0.3)  # the request is under way
    begun = time.monotonic()
    assert one.close(0.5) == 0
    assert time.monotonic() - begun < 8
    assert one.kept == 3
    assert one.counters()["influx_spool_points"] == 500


def test_a_malformed_line_is_put_aside_and_the_rest_goes_on(
    influxd: Influxd, writer: Make, spool_folder: Path
) -> None:
    one = writer()
    bad = ["m v=oops,,, 5", 'm v="text" 1700000000000000042']  # no line at all; a field of another type
    one.put(lines(0, 40), 1)
    until(lambda: one.kept == 1)
    one.put([*lines(100, 30), bad[0], *lines(130, 30), bad[1], *lines(160, 20)], 2)
    until(lambda: one.kept == 2)
    assert there(influxd) == {*range(40), *range(100, 180)}
    assert one.counters()["influx_rejected"] == 2
    told = (spool_folder / REJECTED).read_text()
    assert all(line in told for line in bad)
    assert "unable to parse" in told
    assert "field type conflict" in told


def test_an_expired_token_waits_for_a_new_one(
    influxd: Influxd, shim: Shim, writer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / "token"
    token.write_text("secret-1\n")
    one = writer(token="", token_file=str(token))
    one.put(lines(0, 100), 1)
    until(lambda: one.kept == 1)
    shim.token = "secret-2"
    one.put(lines(100, 100), 2)
    until(lambda: one.kept == 2)
    assert "the token is not accepted" in one.trouble
    assert "unauthorized access" in one.trouble
    token.write_text("secret-2\n")
    until(lambda: not one.trouble and one.counters()["influx_spool_points"] == 0)
    assert there(influxd) == set(range(200))
    assert "not accepted" in caplog.text
    assert "secret" not in caplog.text + one.trouble


def test_a_missing_bucket_and_a_missing_token_are_said(writer: Make, spool_folder: Path) -> None:
    one = writer(bucket="nowhere")
    one.put(lines(0, 10), 1)
    until(lambda: one.kept == 1)
    assert "no such bucket" in one.trouble
    one.close()
    two = writer(token="", token_env="SEISWARN_TEST_UNSET")
    until(lambda: two.trouble)
    assert two.trouble == "environment variable SEISWARN_TEST_UNSET is not set"


def test_too_large_means_smaller_pieces(influxd: Influxd, shim: Shim, writer: Make) -> None:
    shim.max_bytes = 700
    one = writer(gzip=False)
    one.put(lines(0, 400), 1)
    until(lambda: one.kept == 1)
    assert there(influxd) == set(range(400))
    refused = [size for status, size in shim.seen if status == 413]
    assert len(refused) < 12  # it learns


def test_a_server_that_asks_for_patience_gets_it(influxd: Influxd, shim: Shim, writer: Make) -> None:
    shim.answer = (429, {"Retry-After": "1"}, '{"message":"slow down"}')
    one = writer()
    begun = time.monotonic()
    one.put(lines(0, 10), 1)
    until(lambda: shim.seen)
    shim.answer = None
    until(lambda: there(influxd) == set(range(10)))
    assert time.monotonic() - begun >= 0.9
    assert len([s for s, _ in shim.seen if s == 429]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, "<html>Welcome</html>"),
        (500, {}, "oops"),
        (302, {}, ""),
    ],
)
def test_a_web_page_is_no_database(influxd: Influxd, shim: Shim, writer: Make, answer: Any) -> None:
    shim.answer = answer
    one = writer()
    one.put(lines(0, 10), 1)
    until(lambda: one.trouble)
    assert str(answer[0]) in one.trouble
    shim.answer = None
    until(lambda: there(influxd) == set(range(10)))


def test_without_a_spool_memory_is_bounded_and_losses_are_counted(
    influxd: Influxd, shim: Shim, writer: Make, spool_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool_folder.write_text("a file stands where the folder should be")
    shim.stop()
    one = writer(queue_points=1000)
    assert "cannot be used as a spool" in one.spool_trouble
    for k in range(30):
        one.put(lines(100 * k, 100), k + 1)
    until(lambda: one.counters()["influx_dropped"] == 2000)
    assert one.has_room()
    shim.start()
    until(lambda: one.kept == 30)
    assert there(influxd) == set(range(2000, 3000))
    assert "points are dropped" in caplog.text


def test_without_spool_or_server_the_end_says_what_is_lost(
    shim: Shim, writer: Make, spool_folder: Path
) -> None:
    spool_folder.write_text("")
    shim.stop()
    one = writer()
    one.put(lines(0, 70), 9)
    assert one.close() == 70
    assert one.kept == 0


def test_a_full_spool_drops_the_oldest_loudly(
    influxd: Influxd, shim: Shim, writer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    shim.stop()
    one = writer(spool_mb=1, batch_lines=1000)
    written, k = 0, 0
    while one.counters()["influx_dropped"] == 0:
        plain = (line.split(" ") for line in lines(written, 1000))
        one.put([f'{m} {v},x="{os.urandom(300).hex()}" {t}' for m, v, t in plain], k + 1)
        written, k = written + 1000, k + 1
        until(lambda k=k: one.kept == k)
        assert k < 50
    until(lambda: "the spool is full" in caplog.text)
    shim.start()
    until(lambda: one.counters()["influx_spool_points"] == 0)
    lost = int(one.counters()["influx_dropped"])
    assert there(influxd) == set(range(lost, written))


def test_a_spool_in_use_is_said(spool_folder: Path, writer: Make) -> None:
    spool = Spool(spool_folder, 1 << 20)
    one = writer()
    assert "another process" in one.spool_trouble
    spool.close()


def test_a_port_where_nobody_listens(writer: Make) -> None:
    one = writer(url=f"http://127.0.0.1:{free_port()}")
    one.put(lines(0, 5), 1)
    until(lambda: one.kept == 1)
    assert "Connection refused" in one.trouble
