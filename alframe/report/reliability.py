"""The reliability diagram of one learner: how often it is right, against how sure it is."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from alframe.report.figures import INK, PALETTE, PERCENT, RULE, Dash, dress
from alframe.report.page import count, percent
from alframe.types import Classification, Reliability

AFTER, BEFORE = PALETTE[:2]


def reliability_diagram(evaluation: Classification) -> Figure:
    """Accuracy against confidence, bin by bin, over the share of samples in each bin; before its calibration too."""
    figure = Figure(figsize=(4.3, 4), layout="constrained", facecolor="none")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=RULE, linewidth=1.2, zorder=1)
    before = evaluation.uncalibrated
    if before is None:
        _draw(above, below, evaluation.reliability, "", AFTER)
    else:
        _draw(above, below, before.reliability, "before calibration", BEFORE, dash=(0, (5, 2)), part=(0, 2))
        _draw(above, below, evaluation.reliability, "after", AFTER, part=(1, 2))
        above.legend(loc="upper left", frameon=False, fontsize=9.5, labelcolor=INK, handlelength=1.8)
    dress(above, "Accuracy against confidence", across="")
    dress(below, "", across="confidence: the highest probability")
    above.set(ylim=(-0.03, 1.03), xlim=(0, 1.015))
    for axes in (above, below):
        axes.yaxis.set_major_formatter(PERCENT)
    below.xaxis.set_major_formatter(PERCENT)
    below.set_ylabel("samples", fontsize=9.5, color=INK)
    below.yaxis.set_major_locator(MaxNLocator(2, prune="lower"))
    return figure


def describe(after: Classification, labels: int) -> str:
    """One sentence with the figures of the diagram of a learner with so many labels."""
    before = after.uncalibrated
    said = (
        f"The learner with {count(labels, 'label')} has a calibration error of "
        f"{percent(after.calibration_error)} and a negative log-likelihood of {after.nll:.3f}"
    )
    if before is None:
        return f"{said}."
    return f"{said}; before its calibration they were {percent(before.calibration_error)} and {before.nll:.3f}."


def _draw(
    above: Axes,
    below: Axes,
    bins: Reliability,
    name: str,
    colour: str,
    *,
    dash: Dash = "-",
    part: tuple[int, int] = (0, 1),
) -> None:
    """A curve with points as large as their bins above, and bars below; of several, bars are the ``part``-th."""
    filled = [i for i, samples in enumerate(bins.count) if samples]
    shares = [bins.count[i] / sum(bins.count) for i in filled]
    confidence, accuracy = [bins.confidence[i] for i in filled], [bins.accuracy[i] for i in filled]
    above.plot(confidence, accuracy, color=colour, linestyle=dash, linewidth=1.3, label=name)  # type: ignore[arg-type]  # filled bins have both
    above.scatter(confidence, accuracy, [10 + 160 * share for share in shares], color=colour, linewidth=0, zorder=3)  # type: ignore[arg-type]
    which, of = part
    width = 0.84 / len(bins.count) / of
    left = [(i + 0.08) / len(bins.count) + which * width for i in filled]
    below.bar(left, shares, width, align="edge", color=colour, linewidth=0)
