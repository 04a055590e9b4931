"""Sanity rules: what a label must be like, and in which words it is said that it is not."""

from __future__ import annotations

from collections.abc import Iterator

from alframe.labelling.projects import Project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.settings import Rules
from alframe.types import Object, Objects


def broken(answer: Answer, project: Project, width: int, height: int) -> list[str]:
    """A sentence for each rule of the project that an answer breaks; none for "cannot tell".

    Args:
        answer: what somebody says, or would be settled.
        project: its settings hold the rules.
        width: of the image, in pixels.
        height: of the image, in pixels.
    """
    rules, label = project.settings.rules, answer.label
    if label is None:
        return []
    given = [label] if isinstance(label, int) else sorted({each.label for each in label if each.label >= 0})
    found = list(_broken_by_classes([project.classes[each] for each in given], answer.rationale, rules))
    if isinstance(label, Objects):
        found += _broken_by_objects(label, rules, width, height)
    return found


def _broken_by_classes(given: list[str], rationale: str, rules: Rules) -> Iterator[str]:
    for name in given:
        if rules.allowed_classes is not None and name not in rules.allowed_classes:
            yield f"class {name!r} is not among those that may be given"
        if name in rules.needs_rationale and not rationale.strip():
            yield f"class {name!r} needs a rationale, and there is none"
    for pair in rules.exclusive:
        if set(pair) <= set(given):
            yield f"classes {pair[0]!r} and {pair[1]!r} are never in one image"


def _broken_by_objects(label: Objects, rules: Rules, width: int, height: int) -> Iterator[str]:
    if rules.max_objects is not None and len(label) > rules.max_objects:
        yield f"there are {len(label)} objects, and {rules.max_objects} may be there"
    for number, each in enumerate(label):
        for what in _broken_by_box(each, rules, width, height):
            yield f"object {number}: {what}"


def _broken_by_box(found: Object, rules: Rules, width: int, height: int) -> Iterator[str]:
    left, top, right, bottom = found.box
    across, down = right - left, bottom - top
    if min(left, top) < 0 or right > width or bottom > height:
        yield f"its box is outside the image of {width} x {height} pixels"
    if min(across, down) < rules.min_side:
        yield f"its shortest side is {min(across, down):g} pixels, and {rules.min_side:g} is the least"
    if rules.aspect_ratio is not None and not rules.aspect_ratio[0] * down <= across <= rules.aspect_ratio[1] * down:
        yield "its width over its height is beyond {:g} to {:g}".format(*rules.aspect_ratio)
