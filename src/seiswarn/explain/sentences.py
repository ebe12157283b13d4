"""Every named reason as a clause of plain English."""

from __future__ import annotations

from collections.abc import Iterable

from seiswarn.reasons import Reason

SENTENCES: dict[Reason, str] = {
    # at the door
    Reason.CORRUPT_RECORD: "data arrived damaged",
    Reason.UNKNOWN_CHANNEL: "nothing usable is known about the channel",
    Reason.CLOCK_FUTURE: "data claimed to be newer than the time they arrived",
    Reason.CLOCK_ANCIENT: "data were far too old",
    Reason.BAD_RATE: "the sampling rate was impossible",
    Reason.IMPLAUSIBLE: "no sensor on Earth can have produced the values",
    Reason.EMPTY: "a packet or file held nothing",
    Reason.STATUS_MISMATCH: "exercise data were offered to an actual run, or the reverse",
    Reason.FOREIGN_FILE: "a file was neither waveforms nor station metadata",
    Reason.UNREADABLE_FILE: "a file could not be read",
    # continuity
    Reason.GAP: "data were missing in between",
    Reason.OVERLAP: "data repeated in part what had come before",
    Reason.DUPLICATE: "data came twice",
    Reason.OUT_OF_ORDER: "data came after newer ones",
    Reason.RATE_CHANGE: "the sampling rate changed",
    Reason.CLIPPED: "the sensor was at full scale",
    Reason.CLOCK_DRIFT: "the clock had drifted by a sample",
    Reason.CLOCK_STEP: "the clock of the computer was set",
    Reason.SPIKE: "single samples were far off",
    Reason.STEP: "the level jumped without motion",
    Reason.MIXED_RATES: "the components had different sampling rates",
    Reason.DEAD: "the trace did not move",
    Reason.BUFFER_FULL: "a queue was full and dropped its oldest data",
    # station health
    Reason.UNTRUSTED_STATION: "the station was not trusted",
    Reason.NO_DATA: "no data had come for long",
    Reason.HIGH_LATENCY: "data came far later than usual",
    Reason.GAPPY: "data had gaps again and again",
    Reason.CLOCK_JUMP: "data claimed a time for which others had come already",
    Reason.NOISE_HIGH: "the noise was far above what is usual there",
    Reason.NOISE_LOW: "the noise was far below what is usual there",
    Reason.OFFSET: "the level had drifted far",
    Reason.SPIKY: "single samples were far off again and again",
    Reason.CLIPPING: "the sensor was at full scale again and again without an earthquake",
    Reason.FALSE_TRIGGERS: "the station picked again and again what became no event",
    Reason.IDENTICAL_DATA: "the data were those of another station, sample by sample",
    Reason.TELECOM_GROUP: "many stations behind one link failed at once",
    Reason.MAINTENANCE: "maintenance was announced",
    # station metadata
    Reason.NOT_XML: "a metadata file was no XML",
    Reason.NO_GAIN: "the gain was not known",
    Reason.NO_COORDINATES: "the coordinates were not known",
    Reason.UNKNOWN_UNIT: "the unit was neither of acceleration nor of velocity",
    Reason.WRONG_EPOCH: "no metadata covered the time",
    Reason.NO_VERTICAL: "the station had no vertical component",
    Reason.NOT_SEISMIC: "the channel recorded no ground motion",
    Reason.DUPLICATE_CHANNEL: "the channel was described twice",
    # picks
    Reason.LOW_SNR: "a trigger stood too little above the noise",
    Reason.WARMING_UP: "too little noise had been seen to judge a trigger",
    Reason.TOO_WEAK: "a trigger was weaker than any motion that matters",
    Reason.NOT_CONFIRMED: "a trigger did not last",
    # sources
    Reason.TOO_FEW_STATIONS: "too few stations had seen it",
    Reason.OUTSIDE_NETWORK: "it lay too far outside the network to be located",
    Reason.POOR_FIT: "the arrivals agreed with no single source",
    Reason.SPLIT_EVENT: "an event already known explained it",
    Reason.TELESEISM: "the waves came from the other side of the Earth",
    Reason.LATE_PHASE: "it was a later phase of an event already known",
    Reason.QUIET_STATIONS: "stations that should have triggered stayed quiet",
    Reason.REGIONAL: "it was an earthquake far outside the network",
    Reason.BLAST: "it looks like an explosion: small, shallow, by day, and all stations pushed away",
    Reason.TELEMETRY_BURST: "many stations had an onset at one instant, as no wave makes it",
    Reason.CALIBRATION_PULSE: "it had the shape of a calibration pulse",
    Reason.LONE_STATION: "one station alone had triggered",
    Reason.NOISY_STATION: "the station triggers far too often",
    Reason.AMPLITUDES_DISAGREE: "no one earthquake makes such amplitudes at these places",
    Reason.MERGED_EVENT: "it turned out to be a part of another event",
    Reason.NEW_STATIONS: "more arrivals had come",
    Reason.LONGER_WINDOWS: "the same stations had seen more of the motion",
    Reason.LINE_SOURCE: "a rupture of length was believed over a point",
    Reason.SUSPECT_CLOCK: "a station's clock, place or metadata must be wrong",
    Reason.SUSPECT_GAIN: "a station's gain must be wrong",
    Reason.NO_MAGNITUDE: "there was no magnitude",
    Reason.SATURATED: "the magnitude may be larger than what the relation can tell",
    # alerts
    Reason.BELOW_THRESHOLD: "the shaking forecast was below the threshold",
    Reason.ABOVE_THRESHOLD: "magnitude and forecast had reached the thresholds",
    Reason.BELOW_MAGNITUDE: "the magnitude was below the threshold",
    Reason.LOW_CONFIDENCE: "the solution was too uncertain",
    Reason.OUTSIDE_REGION: "it was outside the region of this audience",
    Reason.LATE: "the event was too old for a first warning",
    Reason.NO_CHANGE: "nothing a receiver acts on had changed",
    Reason.CHANGED: "something a receiver acts on had changed",
    Reason.EVENT_ENDED: "the event had ended",
    Reason.EVENT_CANCELLED: "the event turned out to be none",
    Reason.COVERED: "a warning already given said as much everywhere",
    Reason.NO_LONGER_MET: "the event had fallen below the thresholds",
    Reason.DRILL: "it was an exercise",
    Reason.UPDATE_LIMIT: "updates may not follow each other faster, or there had been enough of them",
    Reason.EARLY_SOLUTION: "this audience waits for a later solution",
    Reason.REPEATED: "the event had been warned of and cancelled too often",
    Reason.EXPIRED: "the warning had run out",
    Reason.ALL_CLEAR: "the shaking was over at all places warned",
    Reason.SUPERSEDED: "it goes on as a warning of another event",
    # runtime
    Reason.DISK_FULL: "the disk was full",
    Reason.ARCHIVE_FAILED: "records could not be written to the raw archive",
    Reason.TORN_RECORD: "a crash had cut off the last record",
    Reason.OTHER_AUDIENCE: "this way out does not lead to that audience",
    Reason.SINK_FAILED: "a way out failed",
    Reason.SEQUENCE_GAP: "messages were lost on the way",
}


def sentence(reason: str) -> str:
    """A reason as a clause; its name in small letters when this version does not know it."""
    try:
        return SENTENCES[Reason(reason)]
    except ValueError:
        return reason.replace("_", " ").lower()


def because(reasons: Iterable[str]) -> str:
    """Several reasons in one clause."""
    *rest, last = [sentence(reason) for reason in reasons] or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
