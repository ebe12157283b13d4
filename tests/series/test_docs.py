from __future__ import annotations

from pathlib import Path

from seiswarn.store.series_schema import schema_table


def test_the_page_has_the_schema_as_it_is(project_root: Path) -> None:
    assert schema_table() in (project_root / "docs" / "series.md").read_text()
