from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest

from factories import make_alert
from seiswarn.bus import Publisher
from seiswarn.client.listen import listen, warning_line
from seiswarn.publish.formats.public import PublicJson, PublicWarning, public_warning

pytestmark = pytest.mark.processes


class Clock:
    """Each look at it takes `step` seconds."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:*", "s") as made:
        yield made


def send(publisher: Publisher, revision: int, status: str = "test", seq: int | None = None) -> PublicWarning:
    alert = make_alert(revision=revision, status=status)
    topic = f"alert.{status}.public"
    if seq is not None:
        publisher._last[topic] = seq - 1
    publisher.send(topic, PublicJson().render(alert), type="Alert", status=status, encoding="json")
    return public_warning(alert)


def test_lines_of_text_carry_the_banner(publisher: Publisher) -> None:
    lines: list[str] = []

    class Driver(Clock):
        def __call__(self) -> float:  # called in every turn of the listener
            publisher.beat(0)
            if self.now > 20:
                send(publisher, int(self.now), "exercise")
            return super().__call__()

    heard = listen(publisher.endpoint, lines.append, now_s=Driver(1.0), count=2)
    assert heard == 2
    assert len(lines) == 2
    assert all(line.startswith("[EXERCISE] ") for line in lines)


def test_json_is_the_warning_as_published(publisher: Publisher) -> None:
    lines: list[str] = []

    class Driver(Clock):
        def __call__(self) -> float:
            publisher.beat(0)
            send(publisher, 1)
            return super().__call__()

    assert listen(publisher.endpoint, lines.append, now_s=Driver(0.01), count=1, as_json=True) == 1
    assert msgspec.json.decode(lines[0], type=PublicWarning) == public_warning(
        make_alert(revision=1, status="test")
    )


def test_losses_are_shown(publisher: Publisher) -> None:
    lines: list[str] = []

    class Driver(Clock):
        sent = 0

        def __call__(self) -> float:
            if not self.sent or not lines:
                send(publisher, 1)
                self.sent = publisher._last["alert.test.public"]
            else:
                send(publisher, 2, seq=self.sent + 4)
                self.sent = publisher._last["alert.test.public"]
            return super().__call__()

    listen(publisher.endpoint, lines.append, now_s=Driver(0.01), count=2)
    assert any(line.startswith("LOST: ") and "alert.test.public" in line for line in lines)


@pytest.mark.parametrize("as_json", [False, True])
def test_silence_is_told_once_and_the_time_is_kept(as_json: bool) -> None:
    lines: list[str] = []
    heard = listen("tcp://127.0.0.1:9", lines.append, now_s=Clock(2.0), as_json=as_json, timeout_s=20.0)
    assert heard == 0
    assert len(lines) == 1
    if as_json:
        assert json.loads(lines[0]) == {"silence": {"seconds": 5.0}}
    else:
        assert lines[0].startswith("SILENCE: ")


def test_a_line_says_what_a_reader_needs() -> None:
    warning = public_warning(make_alert(revision=3, status="actual"))
    line = warning_line(warning)
    assert line.startswith(f"{warning.event_id} #3 ")
    assert f"M {warning.magnitude.value:.1f}" in line
    assert " T+" in line
    nearest = min((t for t in warning.targets if t.intensity >= 3.0), key=lambda t: t.distance_km)
    assert nearest.name in line
