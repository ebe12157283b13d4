"""Product formats by name.

The registry holds addresses, not classes: a format's libraries (lxml, matplotlib) are loaded
when it is first used, never by a listener that wants JSON.
"""

from __future__ import annotations

from importlib import import_module

from seiswarn.publish.base import Format

FORMATS: dict[str, str] = {
    "public": "seiswarn.publish.formats.public:PublicJson",
    "cap": "seiswarn.publish.formats.cap:CapFormat",
    "quakeml": "seiswarn.publish.formats.quakeml:QuakeMLFormat",
    "report_html": "seiswarn.publish.formats.report_html:ReportFormat",
}


def make_format(name: str) -> Format:
    """A format with its defaults. Raises KeyError for a name that is not in `FORMATS`."""
    module, _, attribute = FORMATS[name].partition(":")
    made: Format = getattr(import_module(module), attribute)()
    return made
