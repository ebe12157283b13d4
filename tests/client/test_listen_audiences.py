"""Several audiences on one stream: every line says whom it is for."""

from factories import make_alert
from seiswarn.client.listen import warning_line
from seiswarn.publish.formats.public import public_warning


def test_lines_of_two_audiences_can_be_told_apart():
    lines = {
        name: warning_line(public_warning(make_alert(policy=name, status="exercise")))
        for name in ("public", "railway")
    }
    assert lines["public"] != lines["railway"]
    for name, line in lines.items():
        assert f" for {name} " in line
