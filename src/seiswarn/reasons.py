"""Named reasons for declining.

Whatever seiswarn declines (a record, a channel, a pick, an event, an alert) says why with
one of these names, so that an operator can ask "why is there no warning" and get an answer.
The value is the name that stands in journals, decision records and counters: never rename one.
"""

from __future__ import annotations

from enum import IntFlag, StrEnum


class Reason(StrEnum):
    """Why something was declined, flagged or decided."""

    # at the door: bytes, records, packets
    CORRUPT_RECORD = "CORRUPT_RECORD"  # bytes that are no whole miniSEED record, or fail decoding
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL"  # no usable metadata for this channel
    CLOCK_FUTURE = "CLOCK_FUTURE"  # data that claim to be newer than the time they were seen
    CLOCK_ANCIENT = "CLOCK_ANCIENT"  # data far older than now, or before 1970
    BAD_RATE = "BAD_RATE"  # a sampling rate that is not positive, or not the channel's own
    IMPLAUSIBLE = "IMPLAUSIBLE"  # values that no sensor on Earth can have produced
    EMPTY = "EMPTY"  # a packet without samples
    STATUS_MISMATCH = "STATUS_MISMATCH"  # exercise data offered to an actual run, or the reverse
    FOREIGN_FILE = "FOREIGN_FILE"  # a file that is neither miniSEED nor StationXML
    UNREADABLE_FILE = "UNREADABLE_FILE"  # the system would not let us read it
    # continuity of one channel
    GAP = "GAP"
    OVERLAP = "OVERLAP"  # partly known samples: the known part was cut off
    DUPLICATE = "DUPLICATE"  # wholly known samples: dropped
    OUT_OF_ORDER = "OUT_OF_ORDER"  # older than what was already processed: dropped
    RATE_CHANGE = "RATE_CHANGE"
    CLIPPED = "CLIPPED"
    CLOCK_DRIFT = "CLOCK_DRIFT"  # a sample left out or put in where the clock has drifted by one
    SPIKE = "SPIKE"  # lone samples far off: replaced
    STEP = "STEP"  # a jump to a new level without motion: taken out
    MIXED_RATES = "MIXED_RATES"  # a component at another rate than its station: left out of vectors
    DEAD = "DEAD"  # a flat trace
    BUFFER_FULL = "BUFFER_FULL"  # a bounded queue dropped its oldest waveforms
    # station health
    UNTRUSTED_STATION = "UNTRUSTED_STATION"  # what it says does not count; the other reasons say why
    NO_DATA = "NO_DATA"  # nothing has come from it for long
    HIGH_LATENCY = "HIGH_LATENCY"  # its data come far later than usual
    GAPPY = "GAPPY"  # its data have gaps again and again
    CLOCK_JUMP = "CLOCK_JUMP"  # its data claim a time for which it has sent others already
    NOISE_HIGH = "NOISE_HIGH"  # its noise is far above its own history
    NOISE_LOW = "NOISE_LOW"  # its noise is far below its own history
    OFFSET = "OFFSET"  # its level has drifted far
    SPIKY = "SPIKY"  # lone samples far off, again and again
    CLIPPING = "CLIPPING"  # at full scale again and again without an earthquake
    FALSE_TRIGGERS = "FALSE_TRIGGERS"  # it picks again and again what becomes no event
    IDENTICAL_DATA = "IDENTICAL_DATA"  # the very samples of another station: no two places move alike
    TELECOM_GROUP = "TELECOM_GROUP"  # many stations behind one link fail at once
    MAINTENANCE = "MAINTENANCE"  # announced in the configuration
    # station metadata
    NOT_XML = "NOT_XML"
    NO_GAIN = "NO_GAIN"  # the response has no sensitivity, or it is zero
    NO_COORDINATES = "NO_COORDINATES"
    UNKNOWN_UNIT = "UNKNOWN_UNIT"  # input unit is neither acceleration nor velocity
    WRONG_EPOCH = "WRONG_EPOCH"  # no epoch covers the time asked for
    NO_VERTICAL = "NO_VERTICAL"
    NOT_SEISMIC = "NOT_SEISMIC"  # a channel that records no ground motion
    DUPLICATE_CHANNEL = "DUPLICATE_CHANNEL"  # described twice: the first is kept
    # picks
    LOW_SNR = "LOW_SNR"
    WARMING_UP = "WARMING_UP"  # too little noise seen to judge a trigger
    TOO_WEAK = "TOO_WEAK"  # below the smallest motion that can matter
    NOT_CONFIRMED = "NOT_CONFIRMED"  # the trigger did not last
    # sources
    TOO_FEW_STATIONS = "TOO_FEW_STATIONS"
    OUTSIDE_NETWORK = "OUTSIDE_NETWORK"
    POOR_FIT = "POOR_FIT"  # arrivals do not agree with any source
    SPLIT_EVENT = "SPLIT_EVENT"  # explained by an event already known
    TELESEISM = "TELESEISM"
    LATE_PHASE = "LATE_PHASE"  # S or coda of a known event
    QUIET_STATIONS = "QUIET_STATIONS"  # too many stations that should have triggered did not
    REGIONAL = "REGIONAL"  # an earthquake too far outside the network to be located here
    BLAST = "BLAST"  # looks like an explosion: shallow, by day, weak S
    TELEMETRY_BURST = "TELEMETRY_BURST"  # many stations with an onset at one instant: no wave travels so
    CALIBRATION_PULSE = "CALIBRATION_PULSE"  # a pulse with the shape of a calibration, no wave train
    LONE_STATION = "LONE_STATION"  # one station triggers, its neighbours are silent
    NOISY_STATION = "NOISY_STATION"  # triggers far more often than earthquakes happen
    AMPLITUDES_DISAGREE = "AMPLITUDES_DISAGREE"  # no one earthquake makes these peaks at these places
    MERGED_EVENT = "MERGED_EVENT"  # turned out to be a part of another event
    NEW_STATIONS = "NEW_STATIONS"  # more arrivals came
    LONGER_WINDOWS = "LONGER_WINDOWS"  # the same stations have seen more
    LINE_SOURCE = "LINE_SOURCE"  # a rupture of length is believed over a point
    SUSPECT_CLOCK = "SUSPECT_CLOCK"  # a station's arrivals are off by more than its neighbours explain
    SUSPECT_GAIN = "SUSPECT_GAIN"  # a station's amplitudes are off by more than its neighbours explain
    NO_MAGNITUDE = "NO_MAGNITUDE"
    SATURATED = "SATURATED"  # beyond the range in which the relation grows with magnitude
    # alerts
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    ABOVE_THRESHOLD = "ABOVE_THRESHOLD"
    BELOW_MAGNITUDE = "BELOW_MAGNITUDE"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    OUTSIDE_REGION = "OUTSIDE_REGION"
    LATE = "LATE"  # the event is older than a warning may be
    NO_CHANGE = "NO_CHANGE"  # nothing a receiver acts on has changed
    CHANGED = "CHANGED"  # something a receiver acts on has changed
    EVENT_ENDED = "EVENT_ENDED"
    EVENT_CANCELLED = "EVENT_CANCELLED"
    COVERED = "COVERED"  # a warning already given says as much everywhere
    NO_LONGER_MET = "NO_LONGER_MET"  # a warned event fell below the thresholds that raised it
    DRILL = "DRILL"
    UPDATE_LIMIT = "UPDATE_LIMIT"
    EARLY_SOLUTION = "EARLY_SOLUTION"  # an audience waits for a later solution of the event
    REPEATED = "REPEATED"  # warned of and cancelled too often already
    EXPIRED = "EXPIRED"  # nothing more was said until the warning ran out
    ALL_CLEAR = "ALL_CLEAR"  # the shaking is over at all places warned
    SUPERSEDED = "SUPERSEDED"  # goes on as a warning of another event
    # runtime
    DISK_FULL = "DISK_FULL"
    ARCHIVE_FAILED = "ARCHIVE_FAILED"  # records could not be written to the raw archive
    CLOCK_STEP = "CLOCK_STEP"  # the clock of this computer was set
    TORN_RECORD = "TORN_RECORD"  # the last journal record was cut off by a crash
    OTHER_AUDIENCE = "OTHER_AUDIENCE"  # an alert for somebody whom this way out does not lead to
    SINK_FAILED = "SINK_FAILED"
    SEQUENCE_GAP = "SEQUENCE_GAP"


class Flag(IntFlag):
    """What is to be known about the data behind a row of motions or qualities; bits may combine."""

    CLIPPED = 1  # a sample at full scale within the hold time
    GAP = 2
    SPIKE = 4
    STEP = 8
    FLAT = 16  # a component does not move: it is left out
    MIXED_RATES = 32
    CLOCK_DRIFT = 64
    SETTLING = 128  # filters have not yet forgotten their start
