from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.candidates import (
    Arrived,
    Candidates,
    NearestLabelled,
    NextGroup,
    ProxyShortlist,
    RandomSubset,
    Situation,
    WholePool,
)
from alframe.cycle import Plan
from alframe.data import Image, ImageData, TaskStream
from alframe.embeddings import Embedded, FrozenEmbeddings, PixelComponents
from alframe.errors import ConfigurationError, UnreadableImage
from alframe.index import Exact
from alframe.learner import PointEstimate, SmallCNN, SnapshotEnsemble, quiet_trainer
from alframe.run import run
from alframe.strategy import Bald, CoreSet, Forgetting, Margin
from alframe.training import FromScratch
from alframe.types import Positions, Predictions, Selection

LABELLED = np.arange(0, 12)


def situation(folder: Path, source: tiny.Bars | None = None, **changes: Any) -> Situation:
    data = ImageData(source or tiny.Bars(), tiny.transforms(), batch_size=16, evaluation_batch_size=16)
    known: dict[str, Any] = {
        "round": 1,
        "known": 60,
        "data": data,
        "unlabelled": np.arange(12, 60),
        "labelled": LABELLED,
        "labels": data.source.table.labels[LABELLED],
        "budget": 5,
        "make_trainer": partial(quiet_trainer, accelerator="cpu"),
        "folder": folder,
        "seed": 0,
    }
    return Situation(**(known | changes))


def proxy(**changes: Any) -> ProxyShortlist:
    options = {
        "learner": tiny.learner(),
        "training": FromScratch(epochs=2, epoch_size=32),
        "strategy": Margin(),
        "size": 9,
    }
    return ProxyShortlist(**(options | changes))


class Fixed(Candidates):
    def __init__(self, found: list[int]) -> None:
        self._found = np.array(found)

    def _find(self, situation: Situation) -> Positions:  # noqa: ARG002 (the room's signature)
        return self._found


@pytest.mark.parametrize(
    ("choice", "count"), [(WholePool(), 48), (RandomSubset(9), 9), (RandomSubset(100), 48), (proxy(), 9)]
)
def test_candidates_are_distinct_unlabelled_positions(tmp_path: Path, choice: Candidates, count: int) -> None:
    """Ascending, as many as were asked for or as there are, the same for the same seed."""
    found = choice.choose(situation(tmp_path))
    assert len(found) == count
    assert (np.diff(found) > 0).all()
    assert set(found) <= set(range(12, 60))
    np.testing.assert_array_equal(found, choice.choose(situation(tmp_path)))


@pytest.mark.parametrize("choice", [RandomSubset(9), proxy()])
def test_another_seed_finds_others(tmp_path: Path, choice: Candidates) -> None:
    """Chance, or the proxy's initial weights, is the seed's."""
    found = {tuple(choice.choose(situation(tmp_path, seed=seed))) for seed in range(4)}
    assert len(found) >= 3


def test_too_few_are_filled_up_at_random(tmp_path: Path) -> None:
    """What was found is among them; labelled samples are passed over."""
    found = Fixed([3, 20, 20, 30]).choose(situation(tmp_path))
    assert len(found) == 5
    assert {20, 30} < set(found) <= set(range(12, 60))
    assert Fixed([]).choose(situation(tmp_path, unlabelled=np.array([14, 15]))).tolist() == [14, 15]


def test_a_proxys_shortlist_is_what_its_strategy_chooses(tmp_path: Path) -> None:
    """All of them at a size beyond the pool; an image that cannot be read does not shift the others."""

    class Broken(tiny.Bars):
        in_memory = False

        def read(self, position: int, side: int | None = None) -> Image:
            if position == 13:
                raise UnreadableImage("truncated")
            return super().read(position, side)

    everything = proxy(size=100).choose(situation(tmp_path, Broken()))
    assert everything.tolist() == [12, *range(14, 60)]


def test_an_image_that_can_be_read_again_shifts_nobody(tmp_path: Path) -> None:
    """Noted as unreadable by an earlier pass, it is on the shortlist like any other."""
    known = situation(tmp_path)
    known.data.note_unreadable(13, "the network was away")
    assert proxy(size=100).choose(known).tolist() == list(range(12, 60))


def test_a_proxys_predictions_stay_in_files_and_go(tmp_path: Path) -> None:
    """Its strategy reads memory maps; what a killed proxy left is not read, and nothing is left after all."""
    seen: list[Predictions] = []

    class Watched(Margin):
        def select(self, unlabelled: Predictions, budget: int, **options: Any) -> Selection:
            seen.append(unlabelled)
            return super().select(unlabelled, budget, **options)

    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "request.json").write_text("another's")
    found = proxy(strategy=Watched()).choose(situation(tmp_path))
    assert isinstance(seen[0].probs, np.memmap)
    assert not (tmp_path / "proxy").exists()
    np.testing.assert_array_equal(found, proxy().choose(situation(tmp_path)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learner": tiny.learner(backbone=lambda _shape: SmallCNN((1, 96, 96)))}, "up to 64 pixels"),
        ({"learner": tiny.learner(posterior=PointEstimate()), "strategy": Bald()}, "proxy's strategy Bald needs"),
        (
            {"learner": tiny.learner(posterior=SnapshotEnsemble(2)), "training": FromScratch(patience=1)},
            r"training\.patience=1",
        ),
    ],
)
def test_an_impossible_proxy_is_refused_before_there_is_a_folder(tmp_path: Path, changes: Any, message: str) -> None:
    """Its images are too large, its strategy wants draws, its training would end before its posterior is done."""
    with pytest.raises(ConfigurationError, match=message):
        run(tiny.parts(candidates=proxy(**changes)), tmp_path / "run", tiny.CONFIG)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("strategy", [CoreSet(), Forgetting()])
def test_what_a_proxy_cannot_serve_is_refused(strategy: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot make the proxy's shortlist"):
        proxy(strategy=strategy)


@pytest.mark.parametrize("make", [RandomSubset, lambda size: proxy(size=size)])
def test_a_size_of_nothing_is_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"candidates\.size must be at least 1, got 0"):
        make(size=0)


class Lines(FrozenEmbeddings):
    """Puts sample p at p on a line."""

    def embed(
        self,
        data: ImageData,  # noqa: ARG002
        positions: Positions,
        folder: Path,  # noqa: ARG002
        make_trainer: Any = None,  # noqa: ARG002
    ) -> Embedded:
        return Embedded(positions, positions[:, None].astype(np.float32))


class Counted(Exact):
    """Counts how often it is built."""

    built = 0

    def build(self, points: Any) -> None:
        Counted.built += 1
        super().build(points)


def test_neighbours_of_the_labelled_are_found(tmp_path: Path) -> None:
    """On a line: two to either side of each labelled sample, the labelled themselves and what is no pool left out."""
    choice = NearestLabelled(embeddings=Lines(), index=Exact(), neighbors=4)
    pool = np.setdiff1d(np.arange(60), [20, 40])
    found = choice.choose(situation(tmp_path, unlabelled=pool, labelled=np.array([20, 40]), labels=np.array([0, 1])))
    assert found.tolist() == [18, 19, 21, 22, 38, 39, 41, 42]


def test_an_index_is_built_once_and_again_when_the_pool_has_changed(tmp_path: Path) -> None:
    """Another object finds the file; a damaged one is replaced; samples set aside are left out, new ones found."""
    Counted.built = 0

    def choose(unlabelled: Positions) -> list[int]:
        choice = NearestLabelled(embeddings=Lines(), index=Counted(), neighbors=2)
        known = situation(tmp_path, unlabelled=unlabelled, labelled=np.array([20]), labels=np.array([0]), budget=1)
        found: list[int] = choice.choose(known).tolist()
        return found

    every = np.setdiff1d(np.arange(12, 60), 20)
    assert choose(every) == choose(every) == [19, 21]
    assert Counted.built == 1
    (tmp_path / "index.faiss").write_bytes(b"half of it")
    assert choose(every) == [19, 21]
    assert Counted.built == 2
    assert choose(np.setdiff1d(every, 21)) == [19]
    assert Counted.built == 2
    assert choose(np.append(every, 60)) == [19, 21]
    assert Counted.built == 3


def test_images_are_hashed_in_the_first_round_alone(tmp_path: Path) -> None:
    """The pool of later rounds is what was not set aside; another object finds what the first one embedded."""

    class Hashed(tiny.Bars):
        hashed: list[int]

        def content_hash(self, position: int) -> str:
            self.hashed.append(position)
            if position == 13:
                raise UnreadableImage("truncated")
            return super().content_hash(position)

    def choose(unlabelled: Positions, labelled: Positions) -> list[int]:
        choice = NearestLabelled(embeddings=PixelComponents(width=4), index=Exact(), neighbors=3)
        labels = source.table.labels[labelled]
        found = choice.choose(situation(tmp_path, source, unlabelled=unlabelled, labelled=labelled, labels=labels))
        return list(found)

    source = Hashed()
    source.hashed = []
    found = choose(np.arange(12, 60), LABELLED)
    assert sorted(source.hashed) == list(range(60))
    assert choose(np.arange(12, 60), LABELLED) == found
    assert set(choose(np.arange(22, 60), np.arange(20))) <= set(range(22, 60))
    assert len(source.hashed) == 60


def test_a_run_scores_its_candidates_alone(tmp_path: Path) -> None:
    """Queries are among the candidates that the journal keeps; test and training images apart, no other is read."""

    class Watched(tiny.Bars):
        in_memory = False
        seen: set[int]

        def read(self, position: int, side: int | None = None) -> Image:
            self.seen.add(position)
            return super().read(position, side)

    source = Watched(count=200)
    source.seen = set()
    plan = Plan(initial=6, batch=5, rounds=2)
    run(tiny.parts(data=source, candidates=RandomSubset(20), cycle=plan), tmp_path, tiny.CONFIG)
    candidates = {int(position) for path in tmp_path.glob("round-*/candidates.npy") for position in np.load(path)}
    held_out = set(np.flatnonzero(source.table.held_out).tolist())
    assert 20 <= len(candidates) <= 40
    assert len(source.seen - held_out - candidates) <= plan.initial


def arrived(folder: Path, round: int, unlabelled: Positions, source: TaskStream) -> list[str]:
    """The groups among what round ``round`` looks at."""
    data = ImageData(source, tiny.transforms(), batch_size=16, evaluation_batch_size=16)
    found = NextGroup().choose(situation(folder, data=data, unlabelled=unlabelled, round=round, budget=100))
    assert set(found) <= set(unlabelled)
    groups: list[str] = source.table.groups[found].tolist()
    return groups


def test_groups_arrive_one_after_the_other(tmp_path: Path) -> None:
    """All of the first, then all of the second, then everything; never more, though more may be asked for."""
    source = TaskStream(tiny.Bars(), tasks=2)
    pool = np.flatnonzero(~source.table.held_out)
    groups = source.table.groups[pool].tolist()
    assert arrived(tmp_path, 0, pool, source) == ["task 1"] * groups.count("task 1")
    assert arrived(tmp_path, 1, pool, source) == ["task 2"] * groups.count("task 2")
    assert arrived(tmp_path, 2, pool, source) == groups
    of_second = pool[source.table.groups[pool] == "task 2"]
    assert arrived(tmp_path, 0, of_second, source) == []


def test_a_run_over_a_stream_asks_about_what_has_arrived(tmp_path: Path) -> None:
    """Round 0 too, with the budget of the first set; a group smaller than the budget is asked about and no other."""
    source = TaskStream(tiny.Bars(), tasks=3)
    run(
        tiny.parts(data=source, candidates=NextGroup(), cycle=Plan(initial=5, batch=100, rounds=2)),
        tmp_path,
        tiny.CONFIG,
    )
    group = dict(zip(source.table.ids.tolist(), source.table.groups.tolist(), strict=True))
    queries = [json.loads(path.read_text())["ids"] for path in sorted(tmp_path.glob("round-*/query.json"))]
    assert [{group[name] for name in query} for query in queries] == [{"task 1"}, {"task 2"}, {"task 3"}]
    pool = source.table.groups[~source.table.held_out].tolist()
    assert [len(query) for query in queries] == [5, pool.count("task 2"), pool.count("task 3")]
    points = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("round-*/evaluation.json"))]
    assert [point["groups"] for point in points] == [["task 1"], ["task 1", "task 2"], ["task 1", "task 2", "task 3"]]
    assert all(list(point["evaluation"]["slices"]) == ["task 1", "task 2", "task 3"] for point in points)


def test_without_groups_nothing_arrives(tmp_path: Path) -> None:
    """A source without groups is refused before there is a folder."""
    with pytest.raises(ConfigurationError, match="bars has 0"):
        run(tiny.parts(candidates=NextGroup()), tmp_path / "run", tiny.CONFIG)
    assert not (tmp_path / "run").exists()


def test_what_arrived_comes_before_what_the_champion_knew(tmp_path: Path) -> None:
    """Whatever came since; a batch is filled with others; everything where nothing came."""

    def chosen(known: int) -> list[int]:
        found: list[int] = Arrived().choose(situation(tmp_path, known=known)).tolist()
        return found

    assert chosen(50) == list(range(50, 60))
    assert len(chosen(57)) == 5
    assert chosen(57)[-3:] == [57, 58, 59]
    assert chosen(60) == list(range(12, 60))
