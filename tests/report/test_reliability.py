"""The reliability diagram: what is drawn, and what is said below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.collections import PathCollection

from alframe.data.source import Source
from alframe.report import write_run_report
from alframe.report.reliability import describe, reliability_diagram
from alframe.storage import save_record
from alframe.types import Classification, CurvePoint, Reliability

BEFORE = Classification(
    10, 0, 0.6, 0.9, 0.2, (0.6, None), Reliability((None, 0.4, None, 0.9), (None, 0.5, None, 0.7), (0, 4, 0, 6))
)
AFTER = replace(
    BEFORE,
    nll=0.7,
    calibration_error=0.05,
    reliability=Reliability((None, 0.4, 0.6, None), (None, 0.25, 0.75, None), (0, 2, 8, 0)),
    uncalibrated=BEFORE,
)


def test_points_and_bars_are_the_bins_with_samples() -> None:
    """Accuracy over confidence; larger points for more samples; bars within their bins, as high as the shares."""
    figure = reliability_diagram(BEFORE)
    above, below = figure.axes
    (points,) = (child for child in above.collections if isinstance(child, PathCollection))
    np.testing.assert_allclose(np.asarray(points.get_offsets()), [[0.4, 0.5], [0.9, 0.7]])
    small, large = points.get_sizes()
    assert small < large
    bars = [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in below.patches]  # type: ignore[attr-defined]  # rectangles
    assert [height for _, _, height in bars] == [0.4, 0.6]
    assert [(int(left * 4), int(right * 4)) for left, right, _ in bars] == [(1, 1), (3, 3)]
    assert above.get_legend() is None


def test_before_and_after_are_told_apart() -> None:
    """Two curves with names, in two colours and dashes; no bar lies on another."""
    above, below = reliability_diagram(AFTER).axes
    legend = above.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["before calibration", "after"]
    diagonal, before, after = above.lines
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert before.get_color() != after.get_color()
    assert before.get_linestyle() != after.get_linestyle()
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in below.patches)  # type: ignore[attr-defined]
    assert len(edges) == 4
    assert all(right <= left + 1e-9 for (_, right), (left, _) in pairwise(edges))


def test_the_caption_has_the_figures() -> None:
    """Of the learner as it is, and as it was before its calibration where it has one."""
    assert describe(BEFORE, labels=20) == (
        "The learner with 20 labels has a calibration error of 20.0 % and a negative log-likelihood of 0.900."
    )
    assert describe(AFTER, labels=20) == (
        "The learner with 20 labels has a calibration error of 5.0 % and a negative log-likelihood of 0.700; "
        "before its calibration they were 20.0 % and 0.900."
    )


def test_the_page_shows_the_last_learner(make_run: Callable[..., Path], six_images: Source) -> None:
    """Its diagram with its sentence; a page without an evaluation has none."""
    folder = make_run()
    save_record(folder / "round-002" / "evaluation.json", CurvePoint(2, 6, AFTER))
    page = write_run_report(folder, six_images).read_text()
    assert page.count(describe(AFTER, labels=6)) == 2  # the caption, and what is read out
    assert "before calibration" in page
    empty = write_run_report(make_run(folder="nothing", accuracies=()), six_images).read_text()
    assert "<h2>Calibration</h2>" not in empty
