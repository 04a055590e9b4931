"""Figures: consistent colours, names that do not overlap, SVG that belongs to the page."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Annotation

from alframe.report.figures import INK, PALETTE, RANDOM, Line, chart, styles, svg


def test_random_is_grey_and_others_differ() -> None:
    """The baseline has its own colour; more strategies than colours still look different."""
    look = styles(["random", *(f"strategy{i}" for i in range(3 * len(PALETTE)))])
    assert look["random"][0] == RANDOM
    assert len(set(look.values())) == len(look)


@pytest.mark.parametrize("colour", [*PALETTE, RANDOM])
def test_colours_stand_out_on_light_and_dark(colour: str) -> None:
    """Contrast with both backgrounds, by the formula of WCAG 2, is at least 2.9 (3 is asked for graphics)."""

    def luminance(code: str) -> float:
        parts = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for paper in ("#ffffff", "#14171b"):
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 2.9


def test_names_at_line_ends_do_not_overlap() -> None:
    """Eight curves that end at the same height have eight names at different heights, inside the chart."""
    lines = [Line(f"s{i}", [1, 2], np.array([0.5, 0.9]), PALETTE[i]) for i in range(8)]
    figure = chart(lines, "Accuracy", share=True)
    figure.canvas.draw()
    to_points = 72 / figure.dpi
    names = [name for name in figure.axes[0].texts if isinstance(name, Annotation)]
    heights = [figure.axes[0].transData.transform(name.xyann)[1] * to_points for name in names]
    assert len(heights) == 8
    assert all(above - below > names[0].get_fontsize() for below, above in pairwise(heights))
    assert 0 < heights[0] < heights[-1] < figure.get_figheight() * 72


def test_hollow_points_are_rings_on_the_page() -> None:
    """The others stay dots, and the line goes through all."""
    line = Line("", [2, 4, 6], np.array([0.5, 0.6, 0.7]), hollow=[1])
    through, dots, rings = chart([line], "T").axes[0].lines
    assert np.asarray(through.get_xdata()).tolist() == [2, 4, 6]
    assert np.asarray(dots.get_xdata()).tolist() == [2, 6]
    assert np.asarray(rings.get_xdata()).tolist() == [4]
    assert "fill: var(--paper)" in svg(chart([line], "T"), "fig", "")
    assert "fill: var(--paper)" not in svg(chart([Line("", [2, 4], np.array([0.5, 0.6]))], "T"), "fig", "")


def test_svg_takes_the_pages_colours_and_escapes_names() -> None:
    """Ink becomes the page's colour, names stay text whatever they hold, and no setting is changed."""
    before = dict(mpl.rcParams)
    line = Line("a < b", [1, 2], np.array([0.1, 0.2]))
    text = svg(chart([line], "T"), "fig", 'says "so"')
    assert INK not in text
    assert "currentColor" in text
    assert "a &lt; b" in text
    assert 'aria-label="says &#34;so&#34;"' in text
    assert dict(mpl.rcParams) == before
