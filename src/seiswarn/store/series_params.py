"""What of the measurements is kept, and where they go: the [series] section of a configuration."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Influx(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An InfluxDB server that gets all measurements; none without a url."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s@/]+(/[^\s@]*)?)?$",
            description="address of the server, e.g. http://127.0.0.1:8086; empty: no server",
        ),
    ] = ""
    org: Annotated[str, Meta(description="organisation the bucket belongs to")] = ""
    bucket: Annotated[str, Meta(min_length=1, description="bucket (1.x: database) to write to")] = "seiswarn"
    token_file: Annotated[
        str,
        Meta(
            description="file that holds the token, relative to this file; read again whenever it is refused"
        ),
    ] = ""
    token_env: Annotated[str, Meta(description="environment variable that holds the token")] = ""
    token: Annotated[
        str, Meta(description="the token itself; token_file or token_env keep it out of this file")
    ] = ""
    ca_file: Annotated[
        str, Meta(description="certificates to trust for https, relative to this file; empty: the system's")
    ] = ""
    gzip: Annotated[bool, Meta(description="compress what is sent")] = True
    timeout_s: Annotated[float, Meta(gt=0, le=120, description="how long one request may take")] = 10.0
    batch_lines: Annotated[int, Meta(ge=1, le=50_000, description="points in one request")] = 5000
    queue_points: Annotated[
        int, Meta(ge=1000, description="points that may wait in memory; more go to the spool")
    ] = 50_000
    spool_folder: Annotated[
        str,
        Meta(description="where points wait on disk, relative to this file; empty: in the run folder"),
    ] = ""
    spool_mb: Annotated[
        int, Meta(ge=1, description="size of the spool; when it is full the oldest points are dropped")
    ] = 2048
    retry_s: Annotated[float, Meta(gt=0, le=60, description="first pause after a failure; doubles")] = 0.5
    retry_max_s: Annotated[float, Meta(gt=0, le=600, description="longest pause after failures")] = 10.0
    refused_retry_s: Annotated[
        float, Meta(gt=0, le=3600, description="pause after a refused token or a missing bucket")
    ] = 30.0


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measurements per station and second, picks, events and processes as series."""

    enabled: Annotated[bool, Meta(description="a process that keeps series")] = True
    embedded: Annotated[
        bool, Meta(description="keep them in series.sqlite of the run folder, without a server")
    ] = True
    retention_days: Annotated[float, Meta(gt=0, description="days of data the embedded database keeps")] = (
        14.0
    )
    max_mb: Annotated[
        int, Meta(ge=16, description="size of the embedded database; the oldest data go first")
    ] = 8192
    flush_s: Annotated[
        float, Meta(gt=0, le=60, description="seconds between writes to the embedded database")
    ] = 10.0
    process_every_s: Annotated[
        float, Meta(ge=1, le=3600, description="seconds between the measurements of processes")
    ] = 10.0
    influx: Influx = Influx()

    @property
    def sends(self) -> bool:
        """Whether there is a server to send to."""
        return bool(self.influx.url)
