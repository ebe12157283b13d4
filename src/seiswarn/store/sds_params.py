"""What can be set about the raw archive; import-light, since every configuration holds one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The raw archive: every record of live sources as received, in SDS folders."""

    enabled: Annotated[bool, Meta(description="keep all records of live sources")] = False
    path: Annotated[
        str, Meta(description="folder, relative to this file; empty: the folder sds in the run folder")
    ] = ""
    keep_days: Annotated[
        float, Meta(ge=0, description="days of data that are kept, oldest go first, never today; 0: all")
    ] = 30.0
    keep_gb: Annotated[
        float, Meta(ge=0, description="size beyond which the oldest days go, never today; 0: any")
    ] = 0.0
    min_free_gb: Annotated[
        float,
        Meta(
            ge=0,
            description="space on the disk that is left to others: below it the oldest days go (unless"
            " keep_days and keep_gb are 0), and then recording stops until there is room",
        ),
    ] = 1.0
    fsync_s: Annotated[
        float, Meta(ge=0.1, le=3600, description="seconds between forcing what was written onto the disk")
    ] = 10.0
    queue_mb: Annotated[
        float, Meta(ge=1, le=4096, description="records that may wait for the disk; more are dropped")
    ] = 64.0
