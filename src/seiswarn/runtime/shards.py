"""The waveform stage over several processes, split by station.

A `Shards` is an engine of the waveform stage (`waveform.engine`): it hands each packet of a round to
the process that holds its station, lets all of them work at the same time, and puts their rows
together again. Everything else (names, rates, counting what is declined, order and wording of
messages) is done once, in the stage, so that messages do not depend on the split.

A shard that dies or hangs is a broken invariant: InvariantError, after which the core goes down and
comes back from snapshot and journal, with new shards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import zmq

from seiswarn.bus import Bound, Link
from seiswarn.errors import InvariantError
from seiswarn.jit import kernel
from seiswarn.runtime import clock
from seiswarn.runtime.child import ending
from seiswarn.runtime.shard_link import chunks, join, pack_part, rows_of
from seiswarn.runtime.supervisor import socket_folder
from seiswarn.stations import StationTable
from seiswarn.waveform.engine import Part, regroup
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage
from seiswarn.waveform.state import F64, I64, fastest_hz
from seiswarn.waveform.tables import PickRows, Rows, SecondRows, Slots

START_WITHIN_S = 170.0  # a cold start compiles every kernel; the supervisor waits 180 s
ANSWER_WITHIN_S = 8.0  # the supervisor takes a core for stuck after 10 s
STATE_WITHIN_S = 120.0  # a snapshot of a nation is hundreds of megabytes
LEAVE_WITHIN_S = 2.0
LOOK_MS = 200  # whether a shard still lives, while waiting for its answer


def share(table: StationTable, n_shards: int) -> I64:
    """(n_st,) the shard of each station.

    Stations are dealt out like cards, those with the most samples a second first: neighbours, which
    shake together, fall to different shards, and all shards have about the same to do.
    """
    rate = np.where(table.ch_rate_hz > 0, table.ch_rate_hz, 100.0)
    load = np.bincount(table.ch_station, weights=rate, minlength=table.n_stations)
    shard = np.empty(table.n_stations, dtype=np.int64)
    shard[np.argsort(-load, kind="stable")] = np.arange(table.n_stations) % n_shards
    return shard


@kernel
def _collect(samples: F64, begin: I64, end: I64, out: F64) -> None:
    """Copy the samples of some packets end to end."""
    at = 0
    for p in range(begin.size):
        for s in range(begin[p], end[p]):
            out[at] = samples[s]
            at += 1


class _Shard:
    """One process, its socket and the channels and stations it holds."""

    def __init__(self, endpoint: str, channels: I64, stations: I64) -> None:
        self.channels, self.stations = channels, stations
        self._bound = Bound(zmq.PAIR, endpoint, link=Link(send_hwm=64, receive_hwm=64, linger_ms=0))
        self.socket = self._bound.socket
        command = [sys.executable, "-m", "seiswarn.runtime.shard", endpoint, str(os.getpid())]
        # A group of its own: a Ctrl-C at the terminal is the parent's to act upon. stderr is the parent's.
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0
        )

    def close(self) -> None:
        self._bound.close()
        try:
            self.process.wait(LEAVE_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Shards:
    """The engine of a waveform stage over `params.shards` processes.

    Returns when all of them have loaded their kernels; the first alone, so that a cold start compiles
    once.

    Raises
    ------
    InvariantError
        When a process does not come up.
    """

    def __init__(self, params: Params, table: StationTable) -> None:
        n = max(1, min(params.shards, table.n_stations))
        self.max_rate_hz = fastest_hz(table.ch_rate_hz, params.max_rate_hz)
        of_station = share(table, n)
        self._shard_of: I64 = of_station[table.ch_station]
        self._folder = socket_folder("shard-64")
        self._shards: list[_Shard] = []
        try:
            for k in range(n):
                channels = np.flatnonzero(self._shard_of == k).astype(np.int64)
                stations = np.flatnonzero(of_station == k).astype(np.int64)
                endpoint = f"ipc://{self._folder / f'shard-{k + 1}'}"
                self._shards.append(_Shard(endpoint, channels, stations))
            until_s = clock.monotonic_s() + START_WITHIN_S
            for k, shard in enumerate(self._shards):
                self._receive(k, until_s, b"here")
                self._send(k, [b"setup", pack_part(params, table, shard.channels, shard.stations)])
            for group in ([0], list(range(1, n))):
                for k in group:
                    self._send(k, [b"warm"])
                for k in group:
                    self._receive(k, until_s, b"ready")
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        return [shard.process.pid for shard in self._shards]

    # --- one round ---------------------------------------------------------------------------

    def process(self, slots: Slots, verticals: I64, stations: I64, rates: F64, coef: F64) -> Rows:
        """The rows of one round of packets. Raises InvariantError when a shard does not answer.

        Each shard finds out for itself which `verticals` and `stations` concern it.
        """
        of_packet = self._shard_of[slots.channel]
        asked: list[tuple[int, I64]] = []
        for k, shard in enumerate(self._shards):
            packets = np.flatnonzero(of_packet == k)
            if not len(packets):
                continue
            begin, end = slots.begin[packets], slots.end[packets]
            samples = np.empty(int((end - begin).sum()))
            _collect(slots.samples, begin, end, samples)
            local = np.searchsorted(shard.channels, slots.channel[packets])
            columns = (end - begin, local, slots.t0_ns[packets], slots.rate_class[packets])
            self._send(k, [b"process", *(c.data for c in columns), samples.data, rates.data, coef.data])
            asked.append((k, packets))
        until_s = clock.monotonic_s() + ANSWER_WITHIN_S
        answers = [rows_of(self._receive(k, until_s, b"rows")) for k, _ in asked]
        return _merge(answers, [packets for _, packets in asked], len(slots.channel))

    # --- state -------------------------------------------------------------------------------

    def warm_picker(self) -> None:
        """Nothing: every shard was warm before it was opened."""

    def warm_rest(self) -> None:
        """Nothing, as above."""

    def snapshot(self) -> list[Part]:
        for k in range(len(self._shards)):
            self._send(k, [b"snapshot"])
        until_s = clock.monotonic_s() + STATE_WITHIN_S
        states = [join(self._receive(k, until_s, b"state")) for k in range(len(self._shards))]
        return [
            Part(shard.channels.tobytes(), shard.stations.tobytes(), state)
            for shard, state in zip(self._shards, states, strict=True)
        ]

    def restore(self, parts: Sequence[Part]) -> None:
        """Go on from a snapshot, of however many shards."""
        for k, shard in enumerate(self._shards):
            arrays = regroup(parts, shard.channels, shard.stations)
            self._send(k, [b"restore", *chunks(arrays)])
        until_s = clock.monotonic_s() + STATE_WITHIN_S
        for k in range(len(self._shards)):
            self._receive(k, until_s, b"restored")

    # --- the link ------------------------------------------------------------------------------

    def _send(self, k: int, frames: Sequence[bytes | memoryview]) -> None:
        try:
            self._shards[k].socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            raise InvariantError(f"{self._name(k)} takes nothing any more") from None

    def _receive(self, k: int, until_s: float, kind: bytes) -> list[bytes]:
        """The answer of a shard, without its kind."""
        shard = self._shards[k]
        while not shard.socket.poll(LOOK_MS):
            if shard.process.poll() is not None:
                raise InvariantError(f"{self._name(k)} {ending(shard.process.returncode)}")
            if clock.monotonic_s() > until_s:
                raise InvariantError(f"{self._name(k)} does not answer")
        got, *frames = shard.socket.recv_multipart()
        if got != kind:
            raise InvariantError(f"{self._name(k)} answered {got!r} instead of {kind!r}")
        return frames

    def _name(self, k: int) -> str:
        return f"waveform shard {k + 1} of {len(self._shards)} (pid {self._shards[k].process.pid})"

    def close(self) -> None:
        """End the processes."""
        for k in range(len(self._shards)):
            try:
                self._send(k, [b"end"])
            except InvariantError:
                self._shards[k].process.kill()
        for shard in self._shards:
            shard.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _merge(answers: Sequence[Rows], packets: Sequence[I64], n_packets: int) -> Rows:
    """Rows of all shards after one another; `rows.messages` puts them in order."""
    n = np.sum([a.n for a in answers], axis=0)
    picks = [np.concatenate(tables) for tables in zip(*(a.picks[1:] for a in answers), strict=True)]
    seconds = [np.concatenate(tables) for tables in zip(*(a.seconds[1:] for a in answers), strict=True)]
    codes, flags = np.zeros(n_packets, dtype=np.int64), np.zeros(n_packets, dtype=np.int64)
    for answer, rows in zip(answers, packets, strict=True):
        codes[rows], flags[rows] = answer.codes, answer.flags
    declined = np.sum([a.declined for a in answers], axis=0)
    return Rows(n, PickRows(n, *picks), SecondRows(n, *seconds), declined, codes, flags)


class OpenedStage:
    """The waveform stage as configured, and the processes behind it, ended by `close`.

    Attributes
    ----------
    stage
        for `Pipeline`; None with one shard: then the pipeline has a stage of its own.
    """

    def __init__(self, params: Params, table: StationTable) -> None:
        self._shards = Shards(params, table) if params.shards > 1 else None
        self.stage = WaveformStage(params, table, self._shards) if self._shards else None

    @property
    def pids(self) -> list[int]:
        return self._shards.pids if self._shards else []

    def close(self) -> None:
        if self._shards is not None:
            self._shards.close()
