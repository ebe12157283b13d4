"""From the rows that kernels write to messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seiswarn.errors import InvariantError
from seiswarn.messages import ChannelQuality, Message, Motions, Phase, Pick, PWindow, Status
from seiswarn.reasons import Flag
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.waveform import pwindow as pw
from seiswarn.waveform import seconds as sec
from seiswarn.waveform.state import F64, I64
from seiswarn.waveform.tables import N_MOTIONS, N_PICKS, N_QUALITY, N_WINDOWS, PickRows, Rows, SecondRows

# Weight classes of HYPO71 (Lee and Lahr, 1975) by onset uncertainty in s, each with the signal-to-noise
# ratio below which a small uncertainty says little.
_CLASSES = (("A", 0.05, 10.0), ("B", 0.1, 5.0), ("C", 0.2, 3.0))


def room_for(n_packets: int, n_samples: int, n_stations: int, n_windows: int, seconds_held: int) -> Rows:
    """Arrays that no slice of this size can outgrow.

    A pick needs samples to trigger on, a window a pick; a station has no more seconds to give than
    the rings of its channels hold. Should that be wrong, the last row is written again and again and
    `check_room` raises.
    """
    picks = 12 * n_stations + n_samples // 8
    windows = (n_stations + picks) * n_windows
    seconds = n_stations * seconds_held
    n = np.zeros(6, dtype=np.int64)
    return Rows(
        n,
        PickRows(
            n,
            picks_i=np.empty((picks, 4), dtype=np.int64),
            picks_f=np.empty((picks, 3)),
            wins_i=np.empty((windows, 4), dtype=np.int64),
            wins_f=np.empty((windows, 7)),
        ),
        SecondRows(
            n,
            motions_i=np.empty((seconds, 4), dtype=np.int64),
            motions_f=np.empty((seconds, sec.N_MOTION_F)),
            quality_i=np.empty((3 * seconds, 5), dtype=np.int64),
            quality_f=np.empty((3 * seconds, 4)),
        ),
        declined=np.zeros(3, dtype=np.int64),
        codes=np.zeros(n_packets, dtype=np.int64),
        flags=np.zeros(n_packets, dtype=np.int64),
    )


def check_room(rows: Rows) -> list[int]:
    """Numbers of rows of each kind. Raises InvariantError when a kernel has written past them."""
    counts: list[int] = rows.n.tolist()
    picks, seconds = rows.picks, rows.seconds
    room = (len(picks.picks_i), len(picks.wins_i), len(seconds.motions_i), len(seconds.quality_i))
    if any(n > size for n, size in zip(counts, room, strict=False)):
        raise InvariantError("a waveform kernel wrote past its output rows")
    return counts


def messages(
    rows: Rows, counts: Sequence[int], table: StationTable, t_seen_ns: int, status: Status
) -> list[Message]:
    """Rows as messages: picks, windows, motions, qualities, each in the order of station then time."""
    out: list[Message] = []
    if n := counts[N_PICKS]:
        out.extend(_picks(rows.picks.picks_i[:n], rows.picks.picks_f[:n], table, t_seen_ns, status))
    if n := counts[N_WINDOWS]:
        out.extend(_windows(rows.picks.wins_i[:n], rows.picks.wins_f[:n], table, t_seen_ns, status))
    if n := counts[N_MOTIONS]:
        out.append(_motions(rows.seconds.motions_i[:n], rows.seconds.motions_f[:n], table, t_seen_ns, status))
    if n := counts[N_QUALITY]:
        out.append(_quality(rows.seconds.quality_i[:n], rows.seconds.quality_f[:n], table, t_seen_ns, status))
    return out


def _order(first: I64, second: I64) -> I64 | slice:
    """How to sort by `first`, then `second`; kernels work kind by kind, so nearly always it is sorted."""
    if np.all(first[1:] > first[:-1]):
        return slice(None)
    order: I64 = np.lexsort((second, first))
    return order


def quality_class(uncertainty_s: float, snr: float) -> str:
    """Class A (best) to D of an onset."""
    for name, most_s, least_snr in _CLASSES:
        if uncertainty_s <= most_s and snr >= least_snr:
            return name
    return "D"


def _picks(rows_i: I64, rows_f: F64, table: StationTable, t_seen_ns: int, status: Status) -> list[Pick]:
    order = _order(table.ch_station[rows_i[:, pw.P_CH]].astype(np.int64), rows_i[:, pw.P_T0])
    out = []
    for row_i, row_f in zip(rows_i[order].tolist(), rows_f[order].tolist(), strict=True):
        ch, t_ns, of = row_i[pw.P_CH], row_i[pw.P_T0], row_i[pw.P_OF]
        station = table.stations[table.ch_station[ch]]
        phase: Phase = "S" if of else "P"
        sigma, snr = row_f[pw.P_SIGMA_S], row_f[pw.P_SNR]
        out.append(
            Pick(
                pick_id=pick_id(station, t_ns, phase),
                station=station,
                channel=table.channels[ch],
                t_ns=t_ns,
                uncertainty_s=sigma,
                snr=snr,
                polarity=row_i[pw.P_POLARITY],
                noise_d_m=row_f[pw.P_NOISE_D],
                phase=phase,
                quality=quality_class(sigma, snr),  # type: ignore[arg-type]
                p_pick_id=pick_id(station, of) if of else "",
                t_seen_ns=t_seen_ns,
                status=status,
            )
        )
    return out


def _windows(rows_i: I64, rows_f: F64, table: StationTable, t_seen_ns: int, status: Status) -> list[PWindow]:
    order = np.lexsort((rows_f[:, pw.W_S], rows_i[:, pw.W_T0], table.ch_station[rows_i[:, pw.W_CH]]))
    out = []
    for row_i, row_f in zip(rows_i[order].tolist(), rows_f[order].tolist(), strict=True):
        station = table.stations[table.ch_station[row_i[pw.W_CH]]]
        out.append(
            PWindow(
                pick_id=pick_id(station, row_i[pw.W_T0]),
                station=station,
                t_ns=row_i[pw.W_T0],
                window_s=row_f[pw.W_S],
                pa_mps2=row_f[pw.W_PA],
                pv_mps=row_f[pw.W_PV],
                pd_m=row_f[pw.W_PD],
                tau_c_s=row_f[pw.W_TAU_C],
                tau_p_max_s=row_f[pw.W_TAU_P],
                iv2_m2ps=row_f[pw.W_IV2],
                zero_crossings=row_i[pw.W_CROSSINGS],
                clipped=bool(row_i[pw.W_CLIPPED]),
                t_seen_ns=t_seen_ns,
                status=status,
            )
        )
    return out


def _motions(rows_i: I64, rows_f: F64, table: StationTable, t_seen_ns: int, status: Status) -> Motions:
    order = _order(rows_i[:, sec.O_STATION], rows_i[:, sec.O_T])
    columns_i, columns_f = rows_i[order].T.tolist(), rows_f[order].T.tolist()
    stations, flags = table.stations, columns_i[sec.O_FLAGS]
    return Motions(
        t_seen_ns=t_seen_ns,
        stations=tuple([stations[s] for s in columns_i[sec.O_STATION]]),
        t_ns=tuple([t * NS for t in columns_i[sec.O_T]]),
        n_components=tuple(columns_i[sec.O_NCOMP]),
        pga_mps2=tuple(columns_f[sec.O_PGA]),
        pgv_mps=tuple(columns_f[sec.O_PGV]),
        pgd_m=tuple(columns_f[sec.O_PGD]),
        intensity_gbt=tuple(columns_f[sec.O_GBT]),
        intensity_jma=tuple(columns_f[sec.O_JMA]),
        clipped=tuple([bool(f & Flag.CLIPPED.value) for f in flags]),
        intensity_mmi=tuple(columns_f[sec.O_MMI]),
        pga_gbt_mps2=tuple(columns_f[sec.O_GA]),
        pgv_gbt_mps=tuple(columns_f[sec.O_GV]),
        arias_mps=tuple(columns_f[sec.O_ARIAS]),
        cav_mps=tuple(columns_f[sec.O_CAV]),
        wood_anderson_m=tuple(columns_f[sec.O_WA]),
        mechanical_pgd_m=tuple(columns_f[sec.O_PM]),
        flags=tuple(flags),
        status=status,
    )


def _quality(rows_i: I64, rows_f: F64, table: StationTable, t_seen_ns: int, status: Status) -> ChannelQuality:
    order = _order(rows_i[:, sec.L_CHANNEL], rows_i[:, sec.L_T])
    columns_i, columns_f = rows_i[order].T.tolist(), rows_f[order].T.tolist()
    return ChannelQuality(
        t_seen_ns=t_seen_ns,
        channels=tuple([table.channels[c] for c in columns_i[sec.L_CHANNEL]]),
        t_ns=tuple([t * NS for t in columns_i[sec.L_T]]),
        offset_counts=tuple(columns_f[sec.L_OFFSET]),
        rms_mps2=tuple(columns_f[sec.L_RMS]),
        noise_mps2=tuple(columns_f[sec.L_NOISE]),
        spikes=tuple(columns_i[sec.L_SPIKES]),
        clipped=tuple(columns_i[sec.L_CLIPPED]),
        flat_s=tuple(columns_f[sec.L_FLAT_S]),
        flags=tuple(columns_i[sec.L_FLAGS]),
        status=status,
    )


def pick_id(station: str, t_ns: int, phase: Phase = "P") -> str:
    """Content makes the name: the same data give the same identifier in every run."""
    return f"{station}/{t_ns}" if phase == "P" else f"{station}/{t_ns}/{phase}"
