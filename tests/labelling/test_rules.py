"""Each rule is kept where it is kept, and is told where it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from labelled import project_of

from alframe.labelling import Answer, broken
from alframe.types import Object, Objects

Box = tuple[float, float, float, float]


def drawn(*boxes: Box, label: int = 0) -> Objects:
    return Objects(tuple(Object(box, label) for box in boxes))


@pytest.mark.parametrize(
    ("rules", "label", "told"),
    [
        ({}, 0, []),
        ({"allowed_classes": ["dog"]}, 1, []),
        ({"allowed_classes": ["dog"]}, 0, ["class 'cat' is not among those that may be given"]),
        ({"allowed_classes": []}, drawn(), []),
        ({"needs_rationale": ["owl"]}, 2, ["class 'owl' needs a rationale, and there is none"]),
        ({"needs_rationale": ["owl"]}, 1, []),
        ({}, drawn((0, 0, 8, 6)), []),
        ({}, drawn((0, 0, 8.25, 6)), ["object 0: its box is outside the image of 8 x 6 pixels"]),
        ({"min_side": 2}, drawn((0, 0, 2, 2)), []),
        (
            {"min_side": 2},
            drawn((0, 0, 4, 4), (0, 0, 4, 1.5)),
            ["object 1: its shortest side is 1.5 pixels, and 2 is the least"],
        ),
        ({"max_objects": 1}, drawn((0, 0, 2, 2)), []),
        ({"max_objects": 1}, drawn((0, 0, 2, 2), (1, 1, 3, 3)), ["there are 2 objects, and 1 may be there"]),
        ({"aspect_ratio": (0.5, 2)}, drawn((0, 0, 4, 2), (0, 0, 2, 4)), []),
        ({"aspect_ratio": (0.5, 2)}, drawn((0, 0, 5, 2)), ["object 0: its width over its height is beyond 0.5 to 2"]),
        ({"exclusive": [("cat", "dog")]}, drawn((0, 0, 2, 2), (1, 1, 3, 3)), []),
        (
            {"exclusive": [("cat", "dog")]},
            Objects((*drawn((0, 0, 2, 2)), *drawn((0, 0, 2, 2), label=1))),
            ["classes 'cat' and 'dog' are never in one image"],
        ),
    ],
)
def test_a_rule_is_told_where_it_is_broken(rules: dict[str, Any], label: Any, told: list[str]) -> None:
    project = project_of("classification" if isinstance(label, int) else "detection", rules=rules)
    assert broken(Answer(label), project, 8, 6) == told


def test_a_rationale_is_more_than_blanks() -> None:
    project = project_of(rules={"needs_rationale": ["owl"]})
    assert broken(Answer(2, rationale="its ears"), project, 8, 6) == []
    assert len(broken(Answer(2, rationale="  "), project, 8, 6)) == 1


def test_cannot_tell_breaks_no_rule() -> None:
    assert broken(Answer(None, reason="dark"), project_of(rules={"allowed_classes": []}), 8, 6) == []
