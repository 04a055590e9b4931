"""Comparison of strategies, on curves small enough to work out by hand."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from scipy import stats

from alframe.errors import ConfigurationError, DataError
from alframe.report import Comparison, compare, comparison_tables, find_runs, headline, write_comparison
from alframe.report.comparison_tables import pair_table, penalty_table, summary_table

MakeRun = Callable[..., Path]
References = Callable[[str], list[str]]

CURVES = {
    ("random", 0): (0.5, 0.6, 0.8, 0.9),
    ("random", 1): (0.4, 0.6, 0.7, 0.9),
    ("random", 2): (0.5, 0.7, 0.8, 0.9),
    ("entropy", 0): (0.5, 0.9, 0.9, 0.95),
    ("entropy", 1): (0.4, 0.8, 0.9, 0.95),
    ("entropy", 2): (0.5, 0.9, 0.95, 0.95),
}
"""Accuracies at 2, 4, 6 and 8 labels."""


@pytest.fixture(scope="module")
def comparison(make_run_in: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Entropy and random choice over three seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    for (strategy, seed), accuracies in CURVES.items():
        make_run_in(folder, strategy, seed, accuracies)
    return compare(find_runs([folder]), targets=(0.8, 0.9, 0.95))


def test_areas_labels_and_savings_by_hand(comparison: Comparison) -> None:
    """Entropy needs 4, 6, 4 labels for 90 %, random always 8: it saves 1/2, 1/4, 1/2, on average 5/12."""
    entropy, random = comparison.results
    assert (entropy.label, random.label) == ("entropy", "random")
    assert entropy.area == pytest.approx([(0.25 + 0.9 + 0.9 + 0.475) / 3, (0.2 + 0.8 + 0.9 + 0.475) / 3, 2.575 / 3])
    reach = entropy.reaches[1]
    assert (reach.target, reach.labels) == (0.9, (4, 6, 4))
    assert reach.mean_labels == pytest.approx(14 / 3)
    assert reach.saving == pytest.approx(5 / 12)
    assert random.reaches[1].labels == (8, 8, 8)
    assert random.reaches[1].saving is None
    assert entropy.final.tolist() == [0.95] * 3


def test_pair_is_scipys_paired_test(comparison: Comparison) -> None:
    """Of one pair the adjusted p-value is the p-value, and that is the one of scipy.stats.ttest_rel."""
    (pair,) = comparison.pairs
    entropy, random = comparison.results
    assert (pair.first, pair.second, pair.seeds) == ("entropy", "random", 3)
    assert pair.difference == pytest.approx(float((entropy.area - random.area).mean()))
    assert pair.p_value == pair.adjusted == pytest.approx(stats.ttest_rel(entropy.area, random.area).pvalue)


def test_penalties_follow_the_order_of_results(comparison: Comparison) -> None:
    """At 2 labels all is equal; at 4 and 6 t is 7 and 5, past 4.303; at 8 each difference is 0.05."""
    assert comparison.penalties is not None
    assert comparison.penalties.tolist() == [[0, 0.75], [0, 0]]


def test_headline(comparison: Comparison) -> None:
    """The highest target that both reach, in words, and the one that random never reaches."""
    assert headline(comparison) == (
        "entropy reaches 90 % accuracy with 5 labels, random with 8: 42 % fewer, on average over 3 seeds. "
        "It takes entropy 7 labels to 95 %, which random does not reach with 8."
    )


def test_few_seeds_are_pointed_out(comparison: Comparison, make_run: MakeRun) -> None:
    """Three seeds have tests that are called weak; a single one has none, and the notes say so."""
    assert any("only 3 seeds" in note for note in comparison.notes)
    alone = compare(find_runs([make_run("random", 7), make_run("margin", 7)]))
    assert alone.penalties is None
    assert [(pair.p_value, pair.adjusted) for pair in alone.pairs] == [(None, None)]
    assert any("lucky seed" in note for note in alone.notes)
    assert any("no penalty matrix" in note for note in alone.notes)


def test_unfinished_runs_shorten_the_comparison(make_run: MakeRun, tmp_path: Path) -> None:
    """Areas are taken where every run was measured; notes name the short runs and those left out."""
    make_run("random", 0, (0.5, 0.6, 0.7))
    make_run("entropy", 0, (0.5, 0.8, 0.9), unfinished=True)
    make_run("margin", 0, (0.5,), unfinished=True)
    comparison = compare(find_runs([tmp_path]))
    assert comparison.labels == (2, 4)
    assert [result.area.tolist() for result in comparison.results] == [
        [pytest.approx(0.65)],
        [pytest.approx(0.55)],
    ]
    assert comparison.results[1].labels == (2, 4, 6)
    assert any("entropy-0" in note for note in comparison.notes)
    assert any("margin-0 is left out" in note for note in comparison.notes)


def test_target_that_only_some_seeds_reach_has_no_mean(make_run: MakeRun, tmp_path: Path) -> None:
    """A mean over the lucky seeds, and a saving from it, would flatter."""
    for seed, last in ((0, 0.9), (1, 0.8)):
        make_run("entropy", seed, (0.5, last))
        make_run("random", seed, (0.5, 0.9))
    (entropy,) = [result for result in compare(find_runs([tmp_path]), (0.9,)).results if result.label == "entropy"]
    (reach,) = entropy.reaches
    assert (reach.labels, reach.reached, reach.mean_labels, reach.saving) == ((4, None), 1, None, None)


def test_refusals(make_run: MakeRun) -> None:
    """Nothing evaluated, no common numbers of labels, and targets that are no accuracies."""
    fine = make_run("entropy", 1)
    with pytest.raises(DataError, match="none of 1 runs"):
        compare(find_runs([make_run("entropy", 0, (0.5,), unfinished=True)]))
    with pytest.raises(ConfigurationError, match="two numbers of labels"):
        compare(find_runs([fine, make_run("random", 0, step=5)]))
    with pytest.raises(ConfigurationError, match="targets must lie"):
        compare(find_runs([fine]), targets=(95,))


def test_csv_files(comparison: Comparison, tmp_path: Path) -> None:
    """compare.csv has each measured point, summary.csv the hand-worked means; unknown values are empty."""
    write_comparison(comparison, tmp_path / "out")
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        points = list(csv.DictReader(file))
    assert {(p["strategy"], int(p["seed"]), int(p["labels"])): float(p["accuracy"]) for p in points} == {
        (strategy, seed, 2 * round + 2): accuracy
        for (strategy, seed), accuracies in CURVES.items()
        for round, accuracy in enumerate(accuracies)
    }
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        entropy, random = csv.DictReader(file)
    assert (entropy["strategy"], entropy["seeds"], entropy["final_labels"]) == ("entropy", "3", "8")
    assert float(entropy["saving_at_0.9"]) == pytest.approx(5 / 12)
    assert float(entropy["labels_to_0.95"]) == pytest.approx(22 / 3)
    assert (random["seeds_reaching_0.95"], random["labels_to_0.95"], random["saving_at_0.9"]) == ("0", "", "")


def test_page(comparison: Comparison, tmp_path: Path, references: References) -> None:
    """The page is self-contained, says the headline, draws each strategy, and names classes where it can."""
    page = write_comparison(comparison, tmp_path / "out").read_text()
    assert references(page) == []
    assert headline(comparison) in page
    assert page.count(">entropy</text>") == page.count(">random</text>") == 1
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "class 1" in page


def test_same_comparison_same_files(comparison: Comparison, tmp_path: Path) -> None:
    """Writing it twice gives the same bytes."""
    for name in ("a", "b"):
        write_comparison(comparison, tmp_path / name)
    for file in ("compare.csv", "summary.csv", "compare.png", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_terminal_tables(comparison: Comparison) -> None:
    """Summary, pairs and penalties, as plain text on a terminal of 120 columns."""
    console = Console(file=io.StringIO(), width=120)
    for table in comparison_tables(comparison):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "5 (-42 %)" in text
    assert "entropy against random" in text
    assert "is beaten (mean)" in text


def test_no_number_is_cut_on_a_narrow_terminal(make_run: MakeRun, tmp_path: Path) -> None:
    """Long names are folded on 80 columns, and every word of the other cells is there whole."""
    for rank, name in enumerate(("bald_with_posterior_mc_dropout_from_stage_none", "entropy_of_an_ensemble", "random")):
        for seed in range(3):
            make_run(name * 2 if rank < 2 else name, seed, (0.5, 0.8 - 0.02 * rank - 0.001 * seed, 0.95))
    comparison = compare(find_runs([tmp_path]))
    console = Console(file=io.StringIO(), width=80)
    for shown in comparison_tables(comparison):
        console.print(shown)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    penalties = penalty_table(comparison)
    assert penalties is not None
    cells = [
        *(cell for table in (summary_table, pair_table) for _, *row in table(comparison).rows for cell in row),
        *(cell.text for _, row in penalties.rows for cell in row),
    ]
    assert Counter(" ".join(cells).split()) <= Counter(" ".join(lines).split())


def test_one_strategy_alone(make_run: MakeRun, tmp_path: Path) -> None:
    """There is nothing to compare with, but curve, area and labels needed still make a page."""
    alone = compare(find_runs([make_run()]))
    assert "entropy has the highest mean accuracy" in headline(alone)
    assert write_comparison(alone, tmp_path / "out").is_file()


def test_a_crowd_is_told_apart_by_its_best_and_by_random(make_run: MakeRun, tmp_path: Path) -> None:
    """Of twelve strategies the six best and random have a name in the picture; pairs are shown with random.

    pairs.csv has all 66 pairs, and every strategy has its row in the summary.
    """
    names = [*(f"s{rank:02}" for rank in range(11)), "random"]
    for rank, name in enumerate(names):
        for seed in range(2):
            make_run(name, seed, (0.9 - 0.02 * rank, 0.95 - 0.02 * rank - 0.001 * seed))
    crowd = compare(find_runs([tmp_path]))
    assert [result.label for result in crowd.outstanding] == [*names[:6], "random"]
    page = write_comparison(crowd, tmp_path / "out").read_text(encoding="utf-8")
    assert "those without a name are the other 5 strategies" in page
    summary, pairs = comparison_tables(crowd)
    assert summary.row_count == 12
    assert pairs.row_count == 11
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").read_text().splitlines()))
    assert len({(row["first"], row["second"]) for row in rows}) == 66
