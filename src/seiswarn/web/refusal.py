"""Requests that are not answered with data, and the text that says why.

Reference: FDSN Web Service Specifications 1.2, section "HTTP response codes and error handling".
"""

from __future__ import annotations

from seiswarn.timebase import iso

VERSION = "1.1.0"  # of the interface: the specification 1.1 is what is followed

_PHRASES = {
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Refused(Exception):
    """A request with its status code and a sentence; no fault of the program."""

    def __init__(self, code: int, sentence: str) -> None:
        self.code, self.sentence = code, sentence
        super().__init__(sentence)


def error_text(code: int, sentence: str, usage: str, url: str, now_ns: int) -> str:
    """The body of an error, in the lines the specification names."""
    return (
        f"Error {code}: {_PHRASES.get(code, 'Error')}\n\n{sentence}\n\n"
        f"Usage details are available from {usage}\n\n"
        f"Request:\n{url}\n\nRequest Submitted:\n{iso(now_ns, 6)}\n\nService version:\n{VERSION}\n"
    )
