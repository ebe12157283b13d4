"""The parameters of each service. Reference: FDSN Web Service Specifications 1.2, tables 1 to 3."""

from __future__ import annotations

from typing import NamedTuple

from seiswarn.web.parameters import Parameter

P = Parameter

_NODATA = P("nodata", "choice", "status code when there are no data", default="204", choices=("204", "404"))
_TIMES = (
    P("starttime", "time", "data at or after this time", "start"),
    P("endtime", "time", "data at or before this time", "end"),
)
_CODES = (
    P("network", "text", "network codes, with * and ?, separated by commas", "net"),
    P("station", "text", "station codes, likewise", "sta"),
    P("location", "text", "location codes, likewise; -- is the empty one", "loc"),
    P("channel", "text", "channel codes, likewise", "cha"),
)
_BOX = (
    P("minlatitude", "float", "southern border, degrees", "minlat", low=-90, high=90),
    P("maxlatitude", "float", "northern border, degrees", "maxlat", low=-90, high=90),
    P("minlongitude", "float", "western border, degrees", "minlon", low=-180, high=360),
    P("maxlongitude", "float", "eastern border, degrees", "maxlon", low=-180, high=360),
)
_CIRCLE = (
    P("latitude", "float", "of the centre of a circle, degrees", "lat", low=-90, high=90),
    P("longitude", "float", "of the centre of a circle, degrees", "lon", low=-180, high=360),
    P("minradius", "float", "least distance from the centre, degrees", default=0.0, low=0, high=180),
    P("maxradius", "float", "greatest distance from the centre, degrees", default=180.0, low=0, high=180),
)

STATION = (
    *_TIMES,
    P("startbefore", "time", "epochs that begin before this time"),
    P("startafter", "time", "epochs that begin after this time"),
    P("endbefore", "time", "epochs that end before this time"),
    P("endafter", "time", "epochs that end after this time"),
    *_CODES,
    *_BOX,
    *_CIRCLE,
    P(
        "level",
        "choice",
        "how much is told",
        default="station",
        choices=("network", "station", "channel", "response"),
    ),
    P("format", "choice", "of the answer", default="xml", choices=("xml", "text")),
    P("includerestricted", "bool", "all stations here are open", default=True),
    _NODATA,
)
EVENT = (
    *_TIMES,
    *_BOX,
    *_CIRCLE,
    P("mindepth", "float", "kilometres"),
    P("maxdepth", "float", "kilometres"),
    P("minmagnitude", "float", "least magnitude", "minmag"),
    P("maxmagnitude", "float", "greatest magnitude", "maxmag"),
    P("magnitudetype", "text", "events whose magnitude is of this type", "magtype"),
    P("eventid", "text", "identifiers, separated by commas; cancelled events are given, too"),
    P("includeallorigins", "bool", "the latest solution is all there is", default=False),
    P("includeallmagnitudes", "bool", "with the magnitudes of stations", default=False),
    P("includearrivals", "bool", "with picks and arrivals", default=False),
    P("includedeleted", "bool", "with events that turned out to be none", default=False),
    P("limit", "int", "how many events at most", low=1, high=10**9),
    P("offset", "int", "the first of them, counted from 1", default=1, low=1, high=10**9),
    P(
        "orderby",
        "choice",
        "order of the events",
        default="time",
        choices=("time", "time-asc", "magnitude", "magnitude-asc"),
    ),
    P("catalog", "text", "only the one that `catalogs` names"),
    P("contributor", "text", "only the one that `contributors` names"),
    P("updatedafter", "time", "events that have changed after this time"),
    P("format", "choice", "of the answer", default="xml", choices=("xml", "text")),
    _NODATA,
)
DATASELECT = (
    *_TIMES,
    *_CODES,
    P("quality", "choice", "accepted: records are as received", default="b", choices=tuple("drqmb*")),
    P("minimumlength", "float", "seconds: shorter pieces are left out", default=0.0, low=0),
    P("longestonly", "bool", "the longest piece of each channel alone", default=False),
    P("format", "choice", "of the answer", default="miniseed", choices=("miniseed", "mseed")),
    _NODATA,
)


class Service(NamedTuple):
    """A service: its name in addresses, parameters, what it answers with."""

    name: str
    parameters: tuple[Parameter, ...]
    media_type: str
    posts: bool


SERVICES = {
    service.name: service
    for service in (
        Service("station", STATION, "application/xml", True),
        Service("event", EVENT, "application/xml", False),
        Service("dataselect", DATASELECT, "application/vnd.fdsn.mseed", True),
    )
}
