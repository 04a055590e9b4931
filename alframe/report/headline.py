"""A comparison in a sentence or two."""

from __future__ import annotations

import numpy as np

from alframe.report.comparison import Comparison
from alframe.report.page import count, percent
from alframe.report.results import Result


def headline(comparison: Comparison) -> str:
    """What a reader should take home: the saving at the highest target that random choice reaches too.

    It names the strategy that reaches the target soonest, chosen after the fact; the tables beside it say how
    sure that is. Where no run of random reaches a higher target, a second sentence says who does.
    """
    for at in reversed(range(len(comparison.results[0].reaches))):
        found = [(result, random) for result, random in _with_random(comparison) if _both_reach(result, random, at)]
        if found:
            best, random = min(found, key=lambda pair: pair[0].reaches[at].mean_labels or np.inf)
            return _saving_sentence(comparison, best, random, at) + _beyond_random(comparison, at + 1)
    best = comparison.results[0]
    return (
        f"{best.label} has the highest {comparison.metric.mean} between {comparison.labels[0]} and "
        f"{comparison.labels[-1]} labels: {percent(float(best.area.mean()))}."
    )


def saving_text(saving: float) -> str:
    """A saving in words.

    >>> saving_text(0.46), saving_text(-0.1)
    ('46 % fewer', '10 % more')
    """
    return f"{percent(abs(saving), 0)} {'fewer' if saving >= 0 else 'more'}"


def _with_random(comparison: Comparison) -> list[tuple[Result, Result]]:
    """Each strategy with its counterpart by random choice, where there is one."""
    by_label = {result.label: result for result in comparison.results}
    return [
        (result, by_label[result.group.baseline])
        for result in comparison.results
        if result.group.baseline is not None and result.group.baseline in by_label
    ]


def _both_reach(result: Result, random: Result, at: int) -> bool:
    ours, theirs = result.reaches[at], random.reaches[at]
    return ours.saving is not None and ours.mean_labels is not None and theirs.mean_labels is not None


def _saving_sentence(comparison: Comparison, result: Result, random: Result, at: int) -> str:
    ours, theirs = result.reaches[at], random.reaches[at]
    seeds = len(result.seeds)
    average = f", on average over {count(seeds, 'seed')}" if seeds > 1 else ""
    return (
        f"{result.label} reaches {ours.target * 100:g} % {comparison.metric.name} with "
        f"{ours.mean_labels:.0f} labels, "
        f"{random.label} with {theirs.mean_labels:.0f}: {saving_text(ours.saving or 0)}{average}."
    )


def _beyond_random(comparison: Comparison, start: int) -> str:
    for at in reversed(range(start, len(comparison.results[0].reaches))):
        found = [
            (result.reaches[at].mean_labels or np.inf, result, random)
            for result, random in _with_random(comparison)
            if result.reaches[at].mean_labels is not None and random.reaches[at].reached == 0
        ]
        if found:
            labels, result, random = min(found, key=lambda entry: entry[0])
            target = result.reaches[at].target * 100
            return (
                f" It takes {result.label} {labels:.0f} labels to {target:g} %, "
                f"which {random.label} does not reach with {random.labels[-1]}."
            )
    return ""
