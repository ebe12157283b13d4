"""Configuration: a TOML file becomes the frozen parameters each part owns, or all its problems at once.

    [run] [stations] [waveform] [health] [[maintenance]] [source] [shaking] [places] [grid] [[targets]]
    [alerts] [[audience]] [reports] [[ingest]] [[publish]] [series] [archive] [web]
    [runtime]
    [log]

Every key has a default; `configs/default.toml` lists them all. Paths are relative to the file.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.alerts.params import Params as AlertsParams
from seiswarn.config_attributes import check_maintenance, read_attributes
from seiswarn.config_audiences import Audience, check_audiences, with_presets
from seiswarn.config_check import Findings, build, closest
from seiswarn.config_doors import Ingest, check_doors
from seiswarn.config_lines import KeyLines, key_lines
from seiswarn.config_parts import (
    Grid,
    Log,
    Places,
    Publish,
    PublishFile,
    Run,
    Runtime,
    Shaking,
    Stations,
    Web,
)
from seiswarn.config_targets import read_targets
from seiswarn.errors import ConfigError, ConfigProblem
from seiswarn.health.params import Settings as HealthSettings
from seiswarn.health.params import Window
from seiswarn.reports.params import Params as ReportsParams
from seiswarn.source.params import Params as SourceParams
from seiswarn.store.sds_params import Params as ArchiveParams
from seiswarn.store.series_params import Params as SeriesParams
from seiswarn.targets import PLACE, STATION, Target
from seiswarn.timebase import parse_iso
from seiswarn.waveform.params import Params as WaveformParams

__all__ = ["Config", "config_hash", "default_config", "load_config", "resolved"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration. Paths in it are absolute; `targets` includes those of the files."""

    run: Run = Run()
    stations: Stations = Stations()
    waveform: WaveformParams = WaveformParams()
    health: HealthSettings = HealthSettings()
    maintenance: tuple[Window, ...] = ()
    source: SourceParams = SourceParams()
    shaking: Shaking = Shaking()
    places: Places = Places()
    grid: Grid = Grid()
    targets: tuple[Target, ...] = ()
    alerts: AlertsParams = AlertsParams()
    audience: tuple[Audience, ...] = ()
    reports: ReportsParams = ReportsParams()
    ingest: tuple[Ingest, ...] = ()
    publish: tuple[Publish, ...] = ()
    series: SeriesParams = SeriesParams()
    archive: ArchiveParams = ArchiveParams()
    web: Web = Web()
    runtime: Runtime = Runtime()
    log: Log = Log()

    @property
    def audiences(self) -> tuple[AlertsParams, ...]:
        """Everybody to warn: the [[audience]] tables, or [alerts] when there are none."""
        return self.audience or (self.alerts,)


def default_config() -> Config:
    """All defaults: status test, no targets, nothing published but what the command writes itself."""
    return Config()


def load_config(path: str | Path) -> Config:
    """The configuration in a TOML file.

    Raises
    ------
    ConfigError
        With every problem found, each with file, line, key, what is wrong and what to do.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        raw = tomllib.loads(text)
    except OSError as error:
        raise _single(file, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _single(file, 0, "is not in UTF-8", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _single(file, _error_line(str(error), text), f"is no TOML: {error}") from error
    findings = Findings(str(file), key_lines(text))
    # Sections are built one by one: the checks beyond a single value reach every sound section.
    raw = with_presets(raw, findings)
    config = _sound_parts(raw, findings)
    config = _with_paths(config, file.parent)
    config = _with_targets(config, findings)
    _check_together(config, findings)
    _check_audiences(config, raw, findings)
    if findings.problems:
        raise ConfigError(sorted(findings.problems, key=lambda p: (p.file != str(file), p.file, p.line)))
    return config


def resolved(config: Config) -> dict[str, Any]:
    """All of it as plain data for JSON, defaults included and secrets left out."""
    plain: dict[str, Any] = msgspec.to_builtins(config)
    plain["series"]["influx"]["token"] = ""
    return plain


def config_hash(config: Config) -> str:
    """A short fingerprint: equal for equal configurations (paths included)."""
    return hashlib.sha256(msgspec.json.encode(resolved(config), order="sorted")).hexdigest()[:16]


def _single(file: Path, line: int, message: str, suggestion: str = "") -> ConfigError:
    return ConfigError([ConfigProblem(str(file), line, "(file)", message, suggestion)])


def _error_line(message: str, text: str) -> int:
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else text.count("\n") + 1  # else: "at end of document"


def _sound_parts(raw: dict[str, Any], findings: Findings) -> Config:
    """What of `raw` is sound, with defaults for the rest; the problems are noted in `findings`."""
    whole = build(Config, raw, (), findings)
    if whole is not None:
        sound: Config = whole
        return sound
    quiet = Findings(findings.file, KeyLines())
    parts = {}
    for section in msgspec.structs.fields(Config):
        if section.name in raw:
            one = build(Config, {section.name: raw[section.name]}, (), quiet)
            if one is not None:
                parts[section.name] = getattr(one, section.name)
    return Config(**parts)


def _with_paths(config: Config, base: Path) -> Config:
    """The same with all paths made absolute."""

    def absolute(path: str) -> str:
        return str((base / path).resolve())

    def door(entry: Ingest) -> Ingest:
        files = ("path", "password_file", "tls_ca")
        return moved(entry, *(name for name in files if getattr(entry, name, "")))

    def moved(part: Any, *names: str) -> Any:
        changed = {name: absolute(getattr(part, name)) for name in names}
        return msgspec.structs.replace(part, **changed)

    return msgspec.structs.replace(
        config,
        stations=Stations(
            paths=tuple(absolute(p) for p in config.stations.paths),
            attributes=absolute(config.stations.attributes) if config.stations.attributes else "",
        ),
        shaking=_shaking_with_paths(config.shaking, absolute),
        ingest=tuple(door(entry) for entry in config.ingest),
        publish=tuple(moved(p, "path") if isinstance(p, PublishFile) else p for p in config.publish),
        series=_series_with_paths(config.series, absolute),
        archive=moved(config.archive, "path") if config.archive.path else config.archive,
        runtime=moved(config.runtime, "folder"),
        log=moved(config.log, "folder") if config.log.folder else config.log,
    )


def _series_with_paths(series: SeriesParams, absolute: Callable[[str], str]) -> SeriesParams:
    influx = series.influx
    given = {name: getattr(influx, name) for name in ("token_file", "ca_file", "spool_folder")}
    influx = msgspec.structs.replace(influx, **{k: absolute(path) for k, path in given.items() if path})
    return msgspec.structs.replace(series, influx=influx)


def _shaking_with_paths(shaking: Shaking, absolute: Callable[[str], str]) -> Shaking:
    """Target files always as a tuple: how one file was written must not show in the hash."""
    given = shaking.targets
    files = tuple(absolute(file) for file in ((given,) if isinstance(given, str) else given) if file)
    vs30 = absolute(shaking.vs30) if shaking.vs30 else ""
    return msgspec.structs.replace(shaking, targets=files, vs30=vs30)


def _with_targets(config: Config, findings: Findings) -> Config:
    """The same with the targets of the files before those written in the configuration."""
    targets: list[Target] = []
    where: dict[str, str] = {}
    for file in map(Path, config.shaking.targets):
        if not file.is_file():
            findings.add(("shaking", "targets"), f"there is no file {file}")
            continue
        found = read_targets(file, config.shaking.section_km)
        findings.problems += found.problems
        for target, line in zip(found.targets, found.lines, strict=True):
            if where.get(target.name, str(file)) != str(file):
                text = f"{target.name} stands already in {where[target.name]}"
                findings.problems.append(ConfigProblem(str(file), line, "targets", text))
            where.setdefault(target.name, str(file))
        targets += found.targets
    for k, target in enumerate(config.targets):
        if target.name in where:
            findings.add(("targets", k, "name"), f"a second target called {target.name}")
        where.setdefault(target.name, findings.file)
    return msgspec.structs.replace(config, targets=(*targets, *config.targets))


def _check_together(config: Config, findings: Findings) -> None:
    """What no single value can tell."""
    for k, path in enumerate(config.stations.paths):
        if not Path(path).exists():
            findings.add(("stations", "paths", k), f"there is no file or folder {path}")
    if config.stations.attributes:
        findings.problems += read_attributes(Path(config.stations.attributes))[1]
    check_maintenance(config.maintenance, findings)
    check_doors(config.ingest, config.run.status, findings)
    _check_time(config, findings)
    names = [p.name or p.__struct_config__.tag for p in config.publish]
    for k, name in enumerate(names):
        if name in names[:k]:
            findings.add(("publish", k), f"a second way out called {name}", "give it a name of its own")
    if config.shaking.vs30 and not Path(config.shaking.vs30).is_file():
        findings.add(("shaking", "vs30"), f"there is no file {config.shaking.vs30}")
    if config.waveform.trigger_off >= config.waveform.trigger_on:
        findings.add(("waveform", "trigger_off"), "must be below trigger_on")
    if config.waveform.pick_low_hz >= config.waveform.pick_high_hz:
        findings.add(("waveform", "pick_low_hz"), "must be below pick_high_hz")


def _check_time(config: Config, findings: Findings) -> None:
    """What time it is for live sources."""
    if config.run.clock == "data" and config.run.status == "actual":
        text = "an actual run cannot take its time from the data"
        findings.add(("run", "clock"), text, 'set it to "wall", or run.status to "exercise" or "test"')
    if config.run.epoch:
        try:
            parse_iso(config.run.epoch)
        except ValueError as error:
            findings.add(("run", "epoch"), str(error), "e.g. 2026-03-01T02:00:00Z")


def _check_audiences(config: Config, raw: dict[str, Any], findings: Findings) -> None:
    if raw.get("audience") and not config.audience:
        return  # their own mistakes have been told
    if config.audience and "alerts" in raw:
        text = "is not looked at, since there are [[audience]] tables"
        findings.add(("alerts",), text, "make it one of them")
    tables: list[tuple[Any, AlertsParams]] = [(("audience", k), p) for k, p in enumerate(config.audience)]
    kinds = {target.kind for target in config.targets}
    if config.places.min_population:
        kinds.add(PLACE)
    lines = {target.line for target in config.targets if target.line}
    check_audiences(tables or [(("alerts",), config.alerts)], kinds or {STATION}, lines, findings)
    named = [p.name for p in config.audiences]
    for k, entry in enumerate(config.publish):
        for name in entry.audiences:
            if name not in named:
                findings.add(
                    ("publish", k, "audiences"), f"there is no audience {name!r}", closest(name, named)
                )
