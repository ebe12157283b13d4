"""The whole of `seiswarn evaluate`: sets in, one result with all figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

import seiswarn
from seiswarn.config import Config, config_hash
from seiswarn.errors import UsageError
from seiswarn.evaluate.heard import Heard
from seiswarn.evaluate.latency import LatencyModel
from seiswarn.evaluate.matching import Rules
from seiswarn.evaluate.metrics import Result, failed, figures
from seiswarn.evaluate.overall import overall
from seiswarn.evaluate.replaying import Task, as_point, heard_of
from seiswarn.evaluate.score import LONG_MAGNITUDE, far_and_strong, score
from seiswarn.evaluate.sets import find_sets
from seiswarn.evaluate.shaking import station_rows
from seiswarn.evaluate.workers import Failure, share_out
from seiswarn.runtime.setup import stage_params
from seiswarn.shaking.relations import Relations

OnDone = Callable[[Result, int, int], None]  # the result of a set, how many are done, and of how many


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How sets are replayed and judged."""

    packet_s: float | None = 0.5
    latency: LatencyModel = LatencyModel()
    n_jobs: int = 1
    keep_in: Path | None = None
    rules: Rules = Rules()


class _Work(msgspec.Struct, frozen=True):
    task: Task
    rules: Rules


def evaluate(
    paths: Sequence[Path],
    config: Config,
    options: Options,
    on_done: OnDone | None = None,
    work: Callable[[Any], Result] | None = None,
) -> dict[str, Any]:
    """Replay every set in `paths` and compare with its catalogue.

    Parameters
    ----------
    on_done
        called with each result as it comes.
    work
        what is done with a set; another function than the real one is for tests.

    Returns
    -------
    `overall`, `sets` (in the order found), `skipped`, and `options` they were made with. A set that
    could not be run has `error`.

    Raises
    ------
    UsageError
        When there is no set to replay, or results cannot be kept where asked.
    """
    from seiswarn.runtime.warm import is_compiled

    found = find_sets(paths, own_stations=not config.stations.paths)
    if options.keep_in is not None:
        _insist_on_place(options.keep_in, [s.folder for s in found])
    runs = [s for s in found if not s.skipped]
    tasks = [
        _Work(
            Task(
                set_id=s.set_id,
                folder=s.folder,
                config=config,
                packet_s=options.packet_s,
                latency=options.latency,
                keep_in=options.keep_in,
            ),
            options.rules,
        )
        for s in runs
    ]
    results: dict[int, Result] = {}
    for k, answer in share_out(work or judged, tasks, options.n_jobs, first_alone=not is_compiled()):
        result = failed(runs[k].set_id, answer.sentence) if isinstance(answer, Failure) else answer
        results[k] = result
        if on_done is not None:
            on_done(result, len(results), len(runs))
    ordered = [results[k] for k in range(len(runs))]
    skipped = [{"id": s.set_id, "reason": s.skipped} for s in found if s.skipped]
    return {
        "overall": overall(ordered, len(skipped)),
        "sets": ordered,
        "skipped": skipped,
        "options": _told(config, options),
    }


def judged(work: _Work) -> Result:
    """The figures of one set; what runs in the processes."""
    heard = heard_of(work.task)
    result = figures(work.task.set_id, heard, work.rules)
    return result | {"shaking": _shaking(work, heard)}


def _shaking(work: _Work, heard: Heard) -> Result:
    """The score of the forecasts; beside long ruptures that of a second replay without the line source."""
    params = stage_params(work.task.config).shaking
    rows = station_rows(heard, params, work.rules)
    found = score(rows) | {"scale": Relations(params).scale, "stations": rows, "far_and_strong": None}
    size = heard.catalogue[0].magnitude if heard.catalogue else None
    if size is None or size < LONG_MAGNITUDE:
        return found
    point = None
    if far_and_strong(rows)["n"]:
        alone = heard_of(as_point(work.task))
        point = station_rows(alone, params, work.rules)
    return found | {"far_and_strong": far_and_strong(rows, point)}


def write_json(path: Path, evaluation: dict[str, Any]) -> None:
    """Leave an evaluation in a file, numbers that are none as null."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(evaluation), indent=1) + b"\n")


def _told(config: Config, options: Options) -> dict[str, Any]:
    return {
        "seiswarn": seiswarn.__version__,
        "config_hash": config_hash(config),
        "packet_s": options.packet_s,
        "latency": options.latency.text(),
        **{f"{name}": value for name, value in msgspec.to_builtins(options.rules).items()},
    }


def _insist_on_place(folder: Path, sets: Sequence[Path]) -> None:
    """Results are not left among the records."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; give another one with --keep")
    place = folder.resolve()
    for each in sets:
        if place.is_relative_to(each):
            raise UsageError(f"{folder}: lies in the recorded set {each}; give another folder with --keep")
