from __future__ import annotations

import numpy as np
import pytest
import squares
import tiny

from alframe.errors import ConfigurationError
from alframe.oracle import Noisy, Simulated
from alframe.oracle.noisy import confusion_matrix
from alframe.types import UNLABELLED, Objects, Query


def query(source: tiny.Bars, round: int = 1) -> Query:
    return Query(round, tuple(source.table.ids.tolist()), None, "Random", "v1")


def test_simulated_answers_the_truth() -> None:
    """Every sample gets its own label, the same on every call, in the name of the round and the model that asked."""
    source = tiny.Bars()
    oracle = Simulated(source)
    oracle.ask(query(source))
    answers = oracle.collect(query(source))
    assert [answer.label for answer in answers] == source.table.labels.tolist()
    assert {(answer.round, answer.model, answer.annotator) for answer in answers} == {(1, "v1", "simulated")}
    assert oracle.collect(query(source)) == answers


@pytest.mark.parametrize("noisy", [False, True])
def test_a_sample_without_a_known_label_is_declined(noisy: bool) -> None:
    """The oracle says that it does not know instead of inventing a class."""
    source = tiny.Bars()
    source.table.labels[4] = UNLABELLED
    oracle = Noisy(source, {"ann": 0.5}, seed=0) if noisy else Simulated(source)
    declined = oracle.collect(query(source))[4]
    assert declined.label is None
    assert declined.reason == "the data source does not know its label"


def test_symmetric_noise_has_its_rate_and_spares_no_class() -> None:
    """Over 6,000 samples the share of errors is the rate (6 standard errors), spread evenly over the wrong classes."""
    source = tiny.Bars(count=6000)
    answers = np.array([answer.label for answer in Noisy(source, {"ann": 0.3}, seed=1).collect(query(source))])
    shift = (answers - source.table.labels) % 3
    for offset, share in ((0, 0.7), (1, 0.15), (2, 0.15)):
        assert abs((shift == offset).mean() - share) < 6 * (share * (1 - share) / 6000) ** 0.5


def test_a_confusion_matrix_is_followed_row_by_row() -> None:
    """Class 0 is always taken for 1, class 1 is always right, class 2 is split in half."""
    source = tiny.Bars(count=3000)
    oracle = Noisy(source, {"ann": [[0, 1, 0], [0, 1, 0], [0, 0.5, 0.5]]}, seed=0)
    answers = np.array([answer.label for answer in oracle.collect(query(source))])
    truth = source.table.labels
    assert (answers[truth < 2] == 1).all()
    assert abs((answers[truth == 2] == 1).mean() - 0.5) < 0.1


def test_annotators_err_at_their_own_rates() -> None:
    """The careful one is always right, the careless one never; samples are shared between them."""
    source = tiny.Bars(count=1000)
    answers = Noisy(source, {"careful": 0.0, "careless": 1.0}, seed=0).collect(query(source))
    right = {name: [] for name in ("careful", "careless")}  # type: dict[str, list[bool]]
    for answer, truth in zip(answers, source.table.labels, strict=True):
        right[answer.annotator].append(answer.label == truth)
    assert all(right["careful"])
    assert not any(right["careless"])
    assert abs(len(right["careful"]) - 500) < 100


def test_an_answer_does_not_depend_on_the_company() -> None:
    """A sample gets the same answer alone, again, or in another round; another seed makes other mistakes."""
    source = tiny.Bars(count=200)
    oracle = Noisy(source, {"a": 0.5, "b": 0.2}, seed=0)
    together = {answer.sample_id: answer.label for answer in oracle.collect(query(source))}
    alone = {i: oracle.collect(Query(7, (i,), None, "Random", ""))[0].label for i in together}
    assert alone == together
    other = Noisy(source, {"a": 0.5, "b": 0.2}, seed=1).collect(query(source))
    assert [answer.label for answer in other] != list(together.values())


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (1.5, r"must lie in \[0, 1\]"),
        ([[1, 0], [0, 1]], "must be 3 x 3"),
        ([[0.5, 0, 0]] * 3, "must sum to one"),
    ],
)
def test_impossible_noise_is_refused(noise: object, message: str) -> None:
    """The message names the annotator."""
    with pytest.raises(ConfigurationError, match=f"'ann'.*{message}"):
        confusion_matrix("ann", noise, 3)  # type: ignore[arg-type]  # the wrong value is the point
    with pytest.raises(ConfigurationError, match="at least one annotator"):
        Noisy(tiny.Bars(), {}, seed=0)


def test_simulated_draws_the_objects_that_the_source_knows() -> None:
    """An image without objects gets an answer, one of which nothing is known is set aside."""
    source = squares.Squares()
    source.table.labels[2] = None
    ids = tuple(source.table.ids[[1, 0, 2]].tolist())
    answers = Simulated(source).collect(Query(1, ids, None, "Random", ""))
    assert [answer.label for answer in answers] == [source.table.labels[1], Objects(), None]
    assert [answer.reason is None for answer in answers] == [True, True, False]


def test_noisy_annotators_do_not_draw() -> None:
    """Their mistakes are in classes; the message says which oracle draws."""
    with pytest.raises(ConfigurationError, match="oracle=simulated"):
        Noisy(squares.Squares(), {"ann": 0.1}, seed=0)
