"""What may be asked of a learner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import cast, get_args

from alframe.data import Source
from alframe.errors import ConfigurationError, DataError
from alframe.functional import REDUCTIONS
from alframe.learner import Learner
from alframe.types import Need, Task

DRAWN: Mapping[Task, frozenset[str]] = {
    "classification": frozenset({"samples", *REDUCTIONS}),
    "detection": frozenset({"box_samples", "box_draws", "missed"}),
    "segmentation": frozenset({"pixel_bald"}),
}
"""What posterior draws are needed for."""

POSTERIORS: Mapping[Task, str] = {
    "classification": "learner/posterior",
    "detection": "learner/detector/posterior",
    "segmentation": "learner/segmenter/posterior",
}
"""Where draws come from on the command line."""

HINTS: Mapping[Task, str] = {
    "classification": "strategies for boxes (box_...) and pixels (pixel_...) want another learner",
    "detection": "strategies for boxes begin with box_, and those that read embeddings serve too",
    "segmentation": "strategies for pixels begin with pixel_, and those that read embeddings serve too",
}
"""Which strategies go with a learner."""

PREDICTED: tuple[Need, ...] = tuple(need for need in get_args(Need) if need != "history")
"""What one learner can predict; ``history`` is of all those that a run had."""


def named_needs(names: Iterable[str]) -> frozenset[Need]:
    """The needs of these names, all of which one learner can predict.

    Raises:
        ConfigurationError: none, or a name that is none, with the nearest that is.

    Examples:
        >>> sorted(named_needs(["probs", "embeddings"]))
        ['embeddings', 'probs']
        >>> named_needs(["hed"])
        Traceback (most recent call last):
        alframe.errors.ConfigurationError: nothing called 'hed' can be predicted; did you mean head?
    """
    names = list(names)
    if not names:
        raise ConfigurationError(f"needs is empty: name what to predict, of {', '.join(PREDICTED)}")
    for name in names:
        if name == "history":
            raise ConfigurationError("history is what the learners of earlier rounds said: only a run has it")
        if name not in PREDICTED:
            nearest = get_close_matches(name, PREDICTED)
            hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"there are {', '.join(PREDICTED)}"
            raise ConfigurationError(f"nothing called {name!r} can be predicted; {hint}")
    return cast("frozenset[Need]", frozenset(names))


def check_gives(learner: Learner, needs: Collection[Need], asker: str) -> None:
    """Refuse needs that the learner cannot meet.

    Args:
        learner: built, trained or not.
        needs: what is asked of it.
        asker: who needs them, for the message.

    Raises:
        ConfigurationError: it does not give one of them; the message says what would.
    """
    missing = set(needs) - learner.gives
    if not missing:
        return
    what = ", ".join(sorted(missing))
    if missing == {"missed"}:
        remedy = "choose learner/detector/posterior=ensemble or flips, whose draws have detections of their own"
    elif missing <= DRAWN[learner.task]:
        what, remedy = "posterior draws", f"choose {POSTERIORS[learner.task]}=mc_dropout or ensemble"
    elif missing == {"predicted_loss"}:
        remedy = "only one trained with strategy=learning_loss has a head for it"
    else:
        remedy = f"it gives {', '.join(sorted(learner.gives))}; {HINTS[learner.task]}"
    raise ConfigurationError(f"{asker} needs {what} and this {type(learner).__name__} gives none: {remedy}")


def check_labels(kind: type[Learner], source: Source, group: str = "learner") -> None:
    """Refuse a source whose labels are not what the learner learns from.

    Args:
        kind: of learner.
        source: has the labels.
        group: where the learner is chosen on the command line, for the message.

    Raises:
        ConfigurationError: classes where objects are needed, objects where classes are, boxes where masks are.
        DataError: a classifier has fewer than two classes to tell apart.
    """
    has_objects = source.table.has_objects
    if has_objects == (kind.task == "classification"):
        there, remedy = "classes", f"{group}=classifier, or data with objects, as data=surface_defects"
        if has_objects:
            there, remedy = "objects", f"{group}=detector or {group}=segmenter"
        raise ConfigurationError(
            f"{kind.__name__} does not learn from {there}, and the labels of {source.name} are: choose {remedy}"
        )
    if kind.task == "segmentation" and not source.has_masks:
        raise ConfigurationError(
            f"{kind.__name__} learns from masks, and {source.name} has {source.lacking_masks()}: choose "
            f"{group}=detector"
        )
    if kind.task == "classification" and len(source.classes) < 2:
        raise DataError(f"a classifier needs at least two classes, {source.name} has {list(source.classes)}")


def grown_for(needs: Collection[Need]) -> dict[str, bool]:
    """What a learner is built with beyond its configuration, for strategies with these needs."""
    return {"predicts_loss": True} if "predicted_loss" in needs else {}
