"""What a challenger has to keep to besides being better: floors, drops, calibration, latency."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alframe.data import Source
from alframe.errors import ConfigurationError
from alframe.types import Check, GateMetric, Outcomes

Floors = float | Mapping[str, float] | Mapping[int, float] | None
"""One for all, or by name; a name that is a number, as of digits, is one on the command line."""


@dataclass(frozen=True)
class Limits:
    """Limits on a challenger; ``None`` is no limit.

    They are held against the figures as they are measured, without an interval: few samples of a class then let chance
    forbid a promotion now and then, which keeps the champion, whereas an interval would let pass whatever so few cannot
    prove.

    Attributes:
        class_floor: the least that each class has to reach, or each that is named, as the evaluation measures classes.
        class_drop: how much a class may lose against the champion.
        slice_floor: the least that the metric has to reach in each group of samples, or in each that is named.
        slice_drop: how much a group may lose against the champion.
        calibration: the highest expected calibration error, in [0, 1].
        latency: the most seconds that a sample may take.
        latency_ratio: how many times what the champion takes.
    """

    class_floor: Floors = None
    class_drop: float | None = None
    slice_floor: Floors = None
    slice_drop: float | None = None
    calibration: float | None = None
    latency: float | None = None
    latency_ratio: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        for name in ("class_drop", "slice_drop", "calibration", "latency", "latency_ratio"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit < math.inf:
                raise ConfigurationError(f"the gate's limit on {name} must be null or a number from 0 up, got {limit}")

    def check(self, source: Source) -> None:
        """Refuse floors for what there is not."""
        groups = sorted(set(source.table.groups.tolist()) - {""})
        for name, floors, known in (
            ("class_floor", self.class_floor, list(source.classes)),
            ("slice_floor", self.slice_floor, groups),
        ):
            for key in floors if isinstance(floors, Mapping) else ():
                if str(key) not in known:
                    raise ConfigurationError(f"gate.{name} names {key}; the data has {', '.join(known) or 'none'}")
        if not groups and (self.slice_floor is not None or self.slice_drop is not None):
            raise ConfigurationError("gate.slice_floor and gate.slice_drop need samples in groups; the data has none")

    def checks(self, metric: GateMetric, challenger: Outcomes, champion: Outcomes | None) -> tuple[Check, ...]:
        """Everything that is limited, held against its limit."""
        return tuple(self._checks(metric, challenger, champion))

    def _checks(self, metric: GateMetric, challenger: Outcomes, champion: Outcomes | None) -> Iterator[Check]:
        for kind, ours, theirs, floor, drop in (
            ("class", _of_classes(challenger), _of_classes(champion), self.class_floor, self.class_drop),
            ("slice", _of_groups(metric, challenger), _of_groups(metric, champion), self.slice_floor, self.slice_drop),
        ):
            yield from _floors(kind, ours, theirs, floor)
            yield from _drops(kind, ours, theirs, drop)
        if self.calibration is not None:
            was = None if champion is None else champion.calibration_error()
            yield _at_most("calibration error", challenger.calibration_error(), was, self.calibration)
        took = None if champion is None else champion.seconds
        if self.latency is not None:
            yield _at_most("seconds per sample", challenger.seconds, took, self.latency)
        if self.latency_ratio is not None and took is not None:
            yield _at_most("seconds per sample", challenger.seconds, took, self.latency_ratio * took)


def _of_classes(outcomes: Outcomes | None) -> dict[str, float | None]:
    return {} if outcomes is None else dict(zip(outcomes.classes, outcomes.by_class(), strict=True))


def _of_groups(metric: GateMetric, outcomes: Outcomes | None) -> dict[str, float | None]:
    if outcomes is None:
        return {}
    return {name: None if math.isnan(value) else value for name, value in outcomes.by_group(metric).items()}


def _floors(
    kind: str, ours: Mapping[str, float | None], theirs: Mapping[str, float | None], floor: Floors
) -> Iterator[Check]:
    """A floor for all holds for those that have gate samples; one that is named has to be measured and met."""
    if floor is None:
        return
    measured = [name for name, value in ours.items() if value is not None]
    floors = floor.items() if isinstance(floor, Mapping) else [(name, floor) for name in measured]
    for name, least in ((str(key), least) for key, least in floors):
        value = ours.get(name)
        note = f"no gate sample tells how {kind} {name} fares"
        if value is not None:
            note = f"{kind} {name} reaches {value:.3f}, and its floor is {least:g}"
        yield Check(
            f"{kind} floor: {name}", value is not None and value >= least, theirs.get(name), value, least, None, note
        )


def _drops(
    kind: str, ours: Mapping[str, float | None], theirs: Mapping[str, float | None], drop: float | None
) -> Iterator[Check]:
    for name, value in ours.items():
        was = theirs.get(name)
        if drop is None or value is None or was is None:
            continue
        note = f"{kind} {name} goes from {was:.3f} to {value:.3f}, and may lose {drop:g} at most"
        yield Check(f"{kind} drop: {name}", value >= was - drop, was, value, -drop, None, note)


def _at_most(name: str, value: float | None, was: float | None, limit: float) -> Check:
    note = f"{name}: {'unknown' if value is None else f'{value:.3g}'}, and at most {limit:.3g} is allowed"
    return Check(name, value is not None and value <= limit, was, value, limit, None, note)
