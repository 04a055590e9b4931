"""The tables that inspection asks of a detector or a segmenter: what is taken for what, where, and at which size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alframe.report.heat_table import ABSENT, Cell, HeatTable, class_names, shaded, share_table
from alframe.report.page import percent
from alframe.report.run_folder import RunFolder
from alframe.types import Detection, Segmentation

SIZES = {"small": "small (up to 32 x 32)", "medium": "medium (up to 96 x 96)", "large": "large"}


def object_tables(run: RunFolder, classes: Sequence[str]) -> list[tuple[str, HeatTable]]:
    """Titles and tables about the learners of a run, most of them about the last; none of classifiers."""
    if not run.points:
        return []
    last, labels = run.points[-1].evaluation, run.points[-1].labels
    if isinstance(last, Detection):
        return [
            ("What is taken for what", _detected_as(last, classes, labels)),
            ("Found and missed", _counts(last, classes, labels)),
            ("Average precision by size", _precision_by_size(run)),
        ]
    if isinstance(last, Segmentation):
        return [
            ("What is taken for what", _segmented_as(last, classes, labels)),
            ("Overlap by class", _overlaps(last, classes, labels)),
            ("Found by size", _found_by_size(run)),
        ]
    return []


def _detected_as(last: Detection, classes: Sequence[str], labels: int) -> HeatTable:
    names = class_names(classes, len(last.confusion) - 1)
    caption = (
        f"Objects by their class (rows) and what the learner with {labels} labels detects there (columns), at an "
        "overlap of 0.50 and a score of 0.5. Stronger colour is a larger share of the row."
    )
    rows = tuple(
        (name, shaded(_of_row(counts), [f"{count:,}" for count in counts], 0, 1))
        for name, counts in zip([*names, "nothing"], last.confusion, strict=True)
    )
    return HeatTable(caption, "there / detected", (*names, "nothing"), rows)


def _segmented_as(last: Segmentation, classes: Sequence[str], labels: int) -> HeatTable:
    names = ["background", *class_names(classes, len(last.confusion) - 1)]
    caption = (
        f"Pixels by their class (rows) and the one that the learner with {labels} labels gives them (columns), in % of "
        "the row. Stronger colour is more."
    )
    shares = [_of_row(counts) for counts in last.confusion]
    rows = tuple(
        (name, shaded(row, [f"{share * 100:.1f}" for share in row] if any(row) else [ABSENT] * len(row), 0, 1))
        for name, row in zip(names, shares, strict=True)
    )
    return HeatTable(caption, "there / predicted", tuple(names), rows)


def _counts(last: Detection, classes: Sequence[str], labels: int) -> HeatTable:
    counts = last.class_counts
    caption = (
        f"Objects in the test images, and how many of them the learner with {labels} labels detects as what they are, "
        "with a score of 0.5 or more. Stronger colour is a larger share."
    )
    rows = tuple(
        (
            name,
            (
                Cell(f"{there:,}"),
                Cell(f"{found:,}"),
                *shaded([found / max(there, 1)], [percent(found / there, 0) if there else ABSENT], 0, 1),
            ),
        )
        for name, (there, found) in zip(class_names(classes, len(counts)), counts, strict=True)
    )
    return HeatTable(caption, "class", ("objects", "detected", "share"), rows)


def _overlaps(last: Segmentation, classes: Sequence[str], labels: int) -> HeatTable:
    names = ["background", *class_names(classes, len(last.class_iou) - 1)]
    caption = f"Of the learner with {labels} labels, in %. Stronger colour is better."
    return share_table(caption, "class", ["IoU", "Dice"], [last.class_iou, last.class_dice], names)


def _precision_by_size(run: RunFolder) -> HeatTable:
    by_size = [point.evaluation.by_size for point in run.points if isinstance(point.evaluation, Detection)]
    caption = (
        "mAP of objects by the area of their boxes, in %, against the number of labels. Stronger colour is better."
    )
    return _over_curve(run, caption, "pixels / labels", by_size, SIZES)


def _found_by_size(run: RunFolder) -> HeatTable:
    by_size = [point.evaluation.found_by_size for point in run.points if isinstance(point.evaluation, Segmentation)]
    caption = (
        "Share of the pixels of objects that get their class, by the area of their masks, in %, against the number of "
        "labels. Stronger colour is better."
    )
    return _over_curve(run, caption, "pixels / labels", by_size, SIZES)


def _over_curve(
    run: RunFolder, caption: str, corner: str, columns: Sequence[Mapping[str, float | None]], rows: Mapping[str, str]
) -> HeatTable:
    """A column for each number of labels, and the ``rows`` by their keys in each, as they are written."""
    shares = [[column.get(key) for key in rows] for column in columns]
    return share_table(caption, corner, [f"{point.labels}" for point in run.points], shares, list(rows.values()))


def _of_row(counts: Sequence[int]) -> list[float]:
    """Counts as shares of their sum; zeros where there are none."""
    return [count / max(sum(counts), 1) for count in counts]
