"""What rounds train on: a memory that continues that of the champion, over learners that say what they are told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tiny
from told import Numbered, Told, ToldDetector, ToldSegmenter, data

from alframe.errors import ConfigurationError, DataError
from alframe.functional.regions import encode_region
from alframe.learner import Learner, PointEstimate, quiet_trainer
from alframe.learners import Learners
from alframe.memory import Memory
from alframe.pool import Ledger, Pool
from alframe.replay import HardestByLoss, KCenter, KeepAll, NewOnly, Replay, Reservoir
from alframe.run import run
from alframe.storage import Journal, artefact, load_record, save_record
from alframe.training import FromScratch
from alframe.types import (
    Annotation,
    Beginning,
    Label,
    Labels,
    Need,
    Object,
    Objects,
    ReplayRecord,
    Task,
    TrainingSet,
    label_array,
)

COUNT = 16
CLASSES = ("a", "b", "c")


class ToldClassifier(Told):
    task: ClassVar[Task] = "classification"


class Taught(Learners):
    """Learners that a test gives."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(lambda: pytest.fail("no learner is to be built"), journal)
        self.given: dict[int, Learner] = {}

    def of(self, round: int) -> Learner:
        return self.given[round]


def certain(round: int, classes: int = 3) -> dict[Need, Any]:
    """What the learner of a round says of every image: a distribution of its own."""
    probs = np.full((COUNT, classes), (0.9 - 0.1 * round) / (classes - 1))
    probs[:, 0] = 0.1 + 0.1 * round
    return {"probs": probs, "embeddings": np.arange(COUNT, dtype=np.float64)[:, np.newaxis]}


class Project:
    """A run's memory without a run: ``label`` what people say, then ``train`` a round.

    Args:
        folder: of the journal.
        replay: the buffer; keeps all if left out.
        recalls: whether the training does.
        labels: what the source knows; if left out, another class than people say.
    """

    def __init__(
        self, folder: Path, replay: Replay | None = None, *, recalls: bool = False, labels: Labels | None = None
    ) -> None:
        self.broken: set[int] = set()
        truth = np.full(COUNT, 2) if labels is None else labels
        self.source = Numbered(truth, CLASSES, broken=self.broken)
        self.source.table = replace(self.source.table, held_out=np.zeros(COUNT, dtype=np.bool_))
        self.ids: list[str] = self.source.table.ids.tolist()
        engine = tiny.memory_engine()
        self.journal, self.ledger = Journal(engine, folder), Ledger(engine)
        self.learners = Taught(self.journal)
        self.training = FromScratch()
        self.training.recalls = recalls
        self.replay = replay or KeepAll()

    @property
    def memory(self) -> Memory:
        """A new one, as after a restart."""
        return Memory(
            data=data(self.source),
            pool=Pool(self.source.table, self.ledger, validation=0, rng=np.random.default_rng(0)),
            learners=self.learners,
            replay=self.replay,
            training=self.training,
            make_trainer=partial(quiet_trainer, accelerator="cpu"),
            journal=self.journal,
            seed=0,
        )

    def label(self, *rows: int, label: Label | None = 0, reason: str | None = None) -> None:
        """People say that these samples have this label, or none for a reason."""
        entries = len(self.ledger.entries())
        self.ledger.append(Annotation(f"{entries}/{row}", self.ids[row], label, "ann", 0, "", reason) for row in rows)

    def begin(self, round: int, base: int | None) -> None:
        with self.journal.step(round, "begin", artefact(round, "beginning.json")) as path:
            save_record(path, Beginning(round, base, "a test", COUNT, self.source.classes))

    def train(self, round: int, base: int | None, learner: Learner | None = None) -> TrainingSet:
        """What the round trains on; its learner is ``learner``, or one that says what is certain of it."""
        self.begin(round, base)
        samples = self.memory.training_set(round)
        self.learners.given[round] = learner or ToldClassifier(certain(round))
        return samples

    def record(self, round: int) -> ReplayRecord:
        return load_record(self.journal.path(round, "replay"), ReplayRecord)

    def rows(self, names: Any) -> list[int]:
        return sorted(self.ids.index(name) for name in names)


def test_the_first_round_trains_on_all_labels(tmp_path: Path) -> None:
    """All are new, in the table's order, with the ledger's labels, none drawn more often than another."""
    project = Project(tmp_path, recalls=True)
    project.label(9, 3, 5, label=1)
    samples = project.train(0, None)
    assert samples.positions.tolist() == [3, 5, 9]
    assert samples.labels.tolist() == [1, 1, 1]
    assert samples.new is not None
    assert samples.new.all()
    assert samples.weights is None
    assert samples.recalled is None
    new = tuple(project.ids[row] for row in (3, 5, 9))
    assert project.record(0) == ReplayRecord(round=0, base=None, ledger=3, new=new, kept={}, new_weight=None)


def test_by_default_a_round_trains_on_what_has_a_label(tmp_path: Path) -> None:
    """Whatever came when: the pool's labelled samples as the table has them, without weights."""
    project = Project(tmp_path)
    for round, rows in enumerate([(12, 1, 7), (3, 15), (0,)]):
        project.label(*rows)
        samples = project.train(round, round - 1 if round else None)
        positions, labels = project.memory.pool.labelled()
        assert samples.positions.tolist() == positions.tolist() == sorted(positions.tolist())
        assert samples.labels.tolist() == labels.tolist()
        assert samples.weights is None
        assert samples.recalled is None


def test_a_record_says_what_is_new_and_why_the_old_is_kept(tmp_path: Path) -> None:
    """By id, with the ledger's version, the champion's round and the share of new samples."""
    project = Project(tmp_path, Reservoir(capacity=2, new_weight=0.75))
    project.label(0, 1, 2)
    project.train(0, None)
    project.label(5, 6)
    samples = project.train(1, 0)
    record = project.record(1)
    assert (record.round, record.base, record.ledger, record.new_weight) == (1, 0, 5, 0.75)
    assert record.new == (project.ids[5], project.ids[6])
    assert set(record.kept) < set(project.ids[:3])
    assert set(record.kept.values()) == {"drawn at random from all samples so far"}
    assert samples.positions.tolist() == project.rows([*record.new, *record.kept])
    assert samples.new is not None
    assert samples.new.tolist() == [False, False, True, True]
    assert samples.weights is not None
    assert samples.weights.tolist() == pytest.approx([0.125, 0.125, 0.375, 0.375])


def test_what_a_refused_challenger_learnt_is_new_again(tmp_path: Path) -> None:
    """Each round continues the memory of its champion, also where an earlier one came back."""
    project = Project(tmp_path)
    project.label(0, 1)
    project.train(0, None)
    project.label(2, 3)
    project.train(1, 0)
    project.label(4)
    project.train(2, 0)  # round 1 was refused
    assert project.rows(project.record(2).new) == [2, 3, 4]
    assert project.rows(project.record(2).kept) == [0, 1]
    project.label(5)
    project.train(3, 2)
    assert project.rows(project.record(3).new) == [5]
    assert project.rows(project.record(3).kept) == [0, 1, 2, 3, 4]
    project.train(4, 1)  # rounds 2 and 3 were rolled back
    assert project.rows(project.record(4).new) == [4, 5]
    assert project.rows(project.record(4).kept) == [0, 1, 2, 3]


def test_what_a_refused_challenger_let_go_is_not_gone(tmp_path: Path) -> None:
    """Its memory ends with it."""
    project = Project(tmp_path, NewOnly())
    project.label(0, 1)
    project.train(0, None)
    project.label(2)
    project.train(1, 0)
    assert project.rows(project.record(1).kept) == []
    project.replay = KeepAll()
    project.train(2, 0)
    assert project.rows(project.record(2).kept) == [0, 1]


def test_a_corrected_label_is_new(tmp_path: Path) -> None:
    """It is trained on as it is now, and the next round remembers it like any other."""
    project = Project(tmp_path, recalls=True)
    project.label(0, 1)
    project.train(0, None)
    project.label(1, label=2)
    samples = project.train(1, 0)
    assert project.record(1).new == (project.ids[1],)
    assert samples.labels.tolist() == [0, 2]
    project.label(2)
    project.train(2, 1)
    assert project.rows(project.record(2).kept) == [0, 1]


def test_samples_that_are_set_aside_vanish(tmp_path: Path) -> None:
    """From the memory, and from a training that was about to begin with them; labelled again they are new."""
    project = Project(tmp_path)
    project.label(0, 1, 2)
    project.train(0, None)
    project.label(1, label=None, reason="blurred")
    project.label(3)
    samples = project.train(1, 0)
    assert project.rows(project.record(1).kept) == [0, 2]
    assert samples.positions.tolist() == [0, 2, 3]
    project.label(2, label=None, reason="blurred too")
    assert project.memory.training_set(1).positions.tolist() == [0, 3]
    project.label(1)
    project.train(2, 1)
    assert project.rows(project.record(2).new) == [1]
    assert project.rows(project.record(2).kept) == [0, 3]


def test_labels_that_come_late_wait_for_the_next_round(tmp_path: Path) -> None:
    """A training that was interrupted goes on with what it had begun with."""
    project = Project(tmp_path)
    project.label(0, 1)
    project.train(0, None)
    project.label(2)
    assert project.memory.training_set(0).positions.tolist() == [0, 1]
    project.train(1, 0)
    assert project.rows(project.record(1).new) == [2]


def test_a_capped_buffer_lets_go_for_good(tmp_path: Path) -> None:
    """What is kept was kept or learnt by the champion; what was let go never returns."""
    project = Project(tmp_path, Reservoir(capacity=3, seed=1))
    gone: set[str] = set()
    for round in range(5):
        project.label(3 * round, 3 * round + 1, 3 * round + 2)
        project.train(round, round - 1 if round else None)
        record = project.record(round)
        if round:
            former = project.record(round - 1)
            assert set(record.kept) <= {*former.kept, *former.new}
            gone |= {*former.kept, *former.new} - set(record.kept)
            assert len(record.kept) == 3
        assert not gone & {*record.kept, *record.new}
    assert len(gone) == 9


def test_recalled_probabilities_are_of_the_learner_that_first_learnt_a_sample(tmp_path: Path) -> None:
    """Whoever is champion since; new samples have none."""
    project = Project(tmp_path, recalls=True)
    project.label(14, label=1)
    project.label(15, label=2)
    for round in range(4):
        project.label(2 * round, 2 * round + 1)
        samples = project.train(round, round - 1 if round else None)
    assert samples.recalled is not None
    assert samples.recalled.shape == (10, 3)
    expected = [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, np.nan, np.nan, 0.1, 0.1]
    assert samples.recalled[:, 0].tolist() == pytest.approx(expected, nan_ok=True)
    assert np.isnan(samples.recalled[6:8]).all()
    np.testing.assert_allclose(samples.recalled[:6].sum(axis=1), 1)


def test_a_corrected_sample_is_recalled_as_it_was_learnt_anew(tmp_path: Path) -> None:
    """Nothing while it is new, and then what the learner says that learnt the correction."""
    project = Project(tmp_path, recalls=True)
    project.label(0, 1)
    project.train(0, None)
    project.train(1, 0)
    project.label(1, label=2)
    second = project.train(2, 1)
    third = project.train(3, 2)
    assert second.recalled is not None
    assert third.recalled is not None
    assert second.recalled[:, 0].tolist() == pytest.approx([0.1, np.nan], nan_ok=True)
    assert third.recalled[:, 0].tolist() == pytest.approx([0.1, 0.3])


def test_what_a_refused_challenger_said_is_not_recalled(tmp_path: Path) -> None:
    """Its samples are new again, and then recalled of the one that was promoted."""
    project = Project(tmp_path, recalls=True)
    project.label(0)
    project.train(0, None)
    project.label(1)
    project.train(1, 0)
    second = project.train(2, 0)  # round 1 was refused
    third = project.train(3, 2)
    assert second.recalled is not None
    assert third.recalled is not None
    assert second.recalled[:, 0].tolist() == pytest.approx([0.1, np.nan], nan_ok=True)
    assert third.recalled[:, 0].tolist() == pytest.approx([0.1, 0.3])


def test_a_memory_without_anything_to_recall(tmp_path: Path) -> None:
    """Nothing is kept; nothing is kept that is not recalled already; nothing that is kept can be read."""
    project = Project(tmp_path, NewOnly(), recalls=True)
    project.label(0)
    project.train(0, None)
    project.label(1)
    samples = project.train(1, 0)
    assert samples.recalled is not None
    assert np.isnan(samples.recalled).all()
    project.replay = KeepAll()
    project.label(2)
    project.train(2, 1)
    project.label(1, label=None, reason="blurred")
    project.label(2, label=None, reason="blurred")
    project.label(3)
    project.train(3, 2)
    project.broken.add(3)
    project.label(4)
    samples = project.train(4, 3)
    assert samples.recalled is not None
    assert samples.positions.tolist() == [3, 4]
    assert np.isnan(samples.recalled).all()


def test_classes_that_came_later_had_no_probability(tmp_path: Path) -> None:
    """Recalled rows are as wide as there are classes now; a class without a label was none yet."""
    project = Project(tmp_path, recalls=True)
    project.label(0)
    project.label(3, label=1)
    project.train(0, None)
    project.label(1)
    project.train(1, 0, ToldClassifier(certain(1, classes=4)))
    project.source.classes = (*CLASSES, "d")
    project.label(2, label=3)
    samples = project.train(2, 1)
    assert samples.recalled is not None
    expected = [[0.1, 0.45, 0, 0], [0.2, 0.8 / 3, 0, 0]]
    np.testing.assert_allclose(samples.recalled[:2], expected, atol=1e-6)
    assert np.isnan(samples.recalled[2]).all()


def test_a_buffer_sees_the_champion_and_the_labels_that_people_gave(tmp_path: Path) -> None:
    """The hardest of the old samples are those whose label in the ledger the champion does not expect."""
    project = Project(tmp_path, HardestByLoss(capacity=2))
    project.label(0, 1, 2, 3)
    project.label(1, 3, label=1)
    probs = np.tile([0.8, 0.1, 0.1], (COUNT, 1))
    probs[3] = [0.1, 0.8, 0.1]
    probs[2] = [0.6, 0.3, 0.1]
    project.train(0, None, ToldClassifier({"probs": probs}))
    project.train(1, 0)
    assert project.record(1).kept == {
        project.ids[1]: "loss 2.3",
        project.ids[2]: "loss 0.511",
    }


def test_a_buffer_that_has_room_asks_nothing_of_the_champion(tmp_path: Path) -> None:
    """No pass is spent on samples that all stay, or all go."""
    for capacity in (0, 3, None):
        project = Project(tmp_path / str(capacity), KCenter(capacity=capacity))
        project.label(0, 1, 2)
        project.train(0, None, ToldClassifier({}))
        project.label(3)
        project.train(1, 0)
        assert len(project.record(1).kept) == (0 if capacity == 0 else 3)


def test_images_that_are_lost_are_not_kept(tmp_path: Path) -> None:
    """A buffer that looks through the champion passes over what cannot be read."""
    project = Project(tmp_path, KCenter(capacity=3))
    project.label(0, 1, 2, 3, 4)
    project.train(0, None)
    project.broken.update({0, 4})
    project.label(5)
    samples = project.train(1, 0)
    assert project.rows(project.record(1).kept) == [1, 2, 3]
    assert samples.positions.tolist() == [1, 2, 3, 5]


BOX = (6.0, 4.0, 18.0, 12.0)


def test_a_buffer_sees_a_detector_and_the_objects_that_people_drew(tmp_path: Path) -> None:
    """Boxes are in pixels of the images, which are larger than the tensors: what is found costs little."""
    project = Project(tmp_path, HardestByLoss(capacity=2), labels=label_array([Objects()] * COUNT))
    project.label(0, 1, 2, label=Objects((Object(BOX, 0),)))
    project.label(3, label=Objects())
    boxes = np.full((COUNT, 1, 4), np.nan, dtype=np.float32)
    box_probs = np.full((COUNT, 1, 4), np.nan, dtype=np.float32)
    boxes[:3], box_probs[:3] = [2, 2, 6, 6], [0.9, 0.05, 0.0, 0.05]
    boxes[1, 0] = [0, 0, 1, 1]
    box_probs[2, 0] = [0.4, 0.2, 0.2, 0.2]
    project.train(0, None, ToldDetector({"boxes": boxes, "box_probs": box_probs}))
    samples = project.train(1, 0)
    assert list(project.record(1).kept) == [project.ids[1], project.ids[2]]
    assert samples.labels.tolist() == [Objects((Object(BOX, 0),))] * 2


def test_a_buffer_sees_a_segmenter_and_the_masks_that_people_drew(tmp_path: Path) -> None:
    """What it says of cells is held against the masks of the whole image."""
    project = Project(tmp_path, HardestByLoss(capacity=1), labels=label_array([Objects()] * COUNT))
    pixels = np.zeros(Numbered.size, dtype=np.bool_)
    pixels[:, :12] = True
    project.label(0, 1, label=Objects((Object((0, 0, 12, 16), 0, encode_region(pixels)),)))
    seen = np.zeros((COUNT, 4, 4), dtype=np.uint8)
    seen[0, :, :2], seen[1, :, 2:] = 1, 1
    project.train(0, None, ToldSegmenter({"pixel_classes": seen}))
    project.train(1, 0)
    assert project.record(1).kept == {project.ids[1]: "loss 1"}


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    """Without a label. Without a new one, where nothing old would be kept, all that was known is trained on again."""
    project = Project(tmp_path, NewOnly())
    with pytest.raises(DataError, match="round 0 has nothing to train on: of 0 labelled samples"):
        project.train(0, None)
    project = Project(tmp_path / "other", NewOnly())
    project.label(0)
    project.train(0, None)
    project.train(1, 0)
    assert dict(project.record(1).kept) == {project.ids[0]: "nothing new came"}


class Watched(FromScratch):
    """Training that remembers what it trained on."""

    def __init__(self) -> None:
        super().__init__(epochs=1, epoch_size=16)
        self.seen: list[TrainingSet] = []

    def fit(self, make_learner: Any, data: Any, samples: TrainingSet, make_trainer: Any, **rest: Any) -> Any:
        self.seen.append(samples)
        return super().fit(make_learner, data, samples, make_trainer, **rest)


def test_a_run_with_a_capped_reservoir(tmp_path: Path) -> None:
    """Rounds of 6, 4 and 4 new labels train on 6, 8 and 8 samples, of which new ones are drawn half of the time."""
    training = Watched()
    training.recalls = True
    buffer = Reservoir(capacity=4, new_weight=0.5)
    run(tiny.parts(replay=buffer, training=training), tmp_path, tiny.CONFIG)
    first, second, third = training.seen
    assert [len(samples) for samples in training.seen] == [6, 8, 8]
    assert (first.weights, first.recalled) == (None, None)
    for samples in (second, third):
        assert samples.new is not None
        assert samples.weights is not None
        assert samples.recalled is not None
        assert samples.new.sum() == 4
        assert samples.weights[samples.new].sum() == pytest.approx(0.5)
        assert (np.isnan(samples.recalled).all(axis=1) == samples.new).all()
    records = [load_record(tmp_path / f"round-{round:03d}/replay.json", ReplayRecord) for round in range(3)]
    table = tiny.Bars().table
    for samples, record in zip(training.seen, records, strict=True):
        assert set(table.ids[samples.positions].tolist()) == {*record.new, *record.kept}
    assert set(records[2].kept) < {*records[1].kept, *records[1].new}


def test_what_replay_and_recall_need_is_asked_for_before_a_run(tmp_path: Path) -> None:
    """A learner without draws does not serve a buffer that reads them."""

    class Disagreed(KCenter):
        def needs(self, task: Task) -> frozenset[Need]:
            return frozenset({"bald"} if task == "classification" else {})

    parts = tiny.parts(replay=Disagreed(capacity=3), learner=tiny.learner(posterior=PointEstimate()))
    with pytest.raises(ConfigurationError, match="replay buffer Disagreed needs posterior draws"):
        run(parts, tmp_path / "run", tiny.CONFIG)
    assert not (tmp_path / "run").exists()


def test_classes_are_learnt_that_had_a_label_when_the_champion_was_trained(tmp_path: Path) -> None:
    """Whatever was labelled since, corrected or set aside; of a refused challenger nothing is learnt."""
    project = Project(tmp_path)
    project.label(0, label=1)
    first = project.train(0, None)
    project.label(1, label=2)
    second = project.train(1, 0)
    project.label(0, label=0)
    third = project.train(2, 0)  # round 1 was refused
    fourth = project.train(3, 2)
    learnt = [samples.learnt.tolist() for samples in (first, second, third, fourth) if samples.learnt is not None]
    assert learnt == [[False] * 3, [False, True, False], [False, True, False], [True] * 3]
