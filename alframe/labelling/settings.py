"""How a labelling project works: what its manager may choose, with defaults that work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Kind = Literal["classification", "detection", "segmentation"]
"""What an annotator gives: a class, boxes, or boxes with masks."""


class Section(BaseModel):
    """Values that are refused where they are unknown or make no sense."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rules(Section):
    """What a label must be like; one that breaks a rule goes to review and trains nothing until somebody agreed.

    Attributes:
        allowed_classes: names of the classes that may be given; all if ``None``.
        min_side: shortest side of a box, in pixels.
        max_objects: objects in one image.
        aspect_ratio: least and greatest width / height of a box.
        exclusive: pairs of classes that are never in one image.
        needs_rationale: classes that are given with a reason only.
    """

    allowed_classes: list[str] | None = None
    min_side: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    max_objects: int | None = Field(default=None, ge=0)
    aspect_ratio: tuple[float, float] | None = None
    exclusive: list[tuple[str, str]] = []
    needs_rationale: list[str] = []


class AutoAccept(Section):
    """Predictions that are taken without people, while samples of them keep being checked.

    Attributes:
        confidence: the least probability of the predicted class at which it is taken; never where ``None``.
        audit_share: of those taken, the share that people label too.
        least_accuracy: where the audited ones are surely below it, nothing is taken any more.
        least_audited: how many audited answers decide that at the earliest.
    """

    confidence: Share | None = None
    audit_share: Share = 0.1
    least_accuracy: Share = 0.95
    least_audited: int = Field(default=20, ge=1)


class Privacy(Section):
    """What leaves the server.

    Attributes:
        longest_side: larger images are made smaller, to so many pixels.
        blur_masks: whether masked regions are blurred beyond recognition; blacked out otherwise.
    """

    longest_side: int | None = Field(default=None, ge=16)
    blur_masks: bool = False


class ProjectSettings(Section):
    """How a project works.

    Attributes:
        overlap: people who label each item.
        max_overlap: people who label it at most, where they disagree.
        agreement: the least share of those who were asked, by weight, with which a consensus stands; below it more
            people are asked, and a reviewer where ``max_overlap`` has been reached.
        consensus: how answers become one: ``majority``, ``one_coin`` and ``dawid_skene`` (weighted by the skill that
            people show), ``crowdlab`` (with the model's predictions). Boxes and masks are matched and voted on.
        min_iou: overlap from which two people mean the same object.
        review_share: of settled items, the share that a reviewer sees too.
        safety_critical: classes that always go to a reviewer.
        gold_share: of items given out, the share whose label is known.
        rules: what a label must be like.
        prefill: whether the model's prediction is ``never`` shown, on ``request``, or ``always``, to be corrected.
        lease_seconds: how long an item is somebody's without a sign of life.
        longest_seconds: after which no sign of life makes it theirs any longer.
        leases: items that one person may hold at once: the one before their eyes, and the next.
        answers_per_minute: of one person; nothing is given out beyond.
        backlog: open tasks from which on the cycle asks for fewer.
        escalate_after_hours: older tasks come before all others.
        relabel: labels that the model doubts and that a round asks about again, as a share of what it asks for, at
            most; they wait in one order with the new ones, by what a label of each is worth. Of classes only.
        signals: which source of a label overrules which, the strongest first.
        auto_accept: predictions that are taken without people.
        privacy: what leaves the server.
        examples: of each class, items that show annotators what it is like.
        cost: of one answer, in the team's money.
    """

    overlap: int = Field(default=1, ge=1, le=50)
    max_overlap: int = Field(default=3, ge=1, le=50)
    agreement: Share = 0.6
    consensus: Literal["majority", "one_coin", "dawid_skene", "crowdlab"] = "majority"
    min_iou: float = Field(default=0.5, gt=0, le=1, allow_inf_nan=False)
    review_share: Share = 0.0
    safety_critical: list[str] = []
    gold_share: Share = 0.0
    rules: Rules = Rules()
    prefill: Literal["never", "request", "always"] = "request"
    lease_seconds: float = Field(default=300.0, gt=0, le=86_400, allow_inf_nan=False)
    longest_seconds: float = Field(default=3600.0, gt=0, le=86_400, allow_inf_nan=False)
    leases: int = Field(default=2, ge=1, le=100)
    answers_per_minute: int | None = Field(default=None, ge=1)
    backlog: int | None = Field(default=None, ge=1)
    escalate_after_hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    relabel: Share = 0.0
    signals: list[Literal["review", "consensus", "import", "feedback", "rule", "auto"]] = [
        "review",
        "consensus",
        "import",
        "feedback",
        "rule",
        "auto",
    ]
    auto_accept: AutoAccept = AutoAccept()
    privacy: Privacy = Privacy()
    examples: dict[str, list[Annotated[int, Field(ge=1, lt=2**63)]]] = {}
    cost: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> ProjectSettings:
        if self.max_overlap < self.overlap:
            raise ValueError(f"max_overlap ({self.max_overlap}) must be at least overlap ({self.overlap})")
        return self
