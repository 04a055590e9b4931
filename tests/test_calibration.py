from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from scipy.special import softmax

from alframe.calibration import Calibration, TemperatureScaling, Uncalibrated, VectorScaling
from alframe.cycle import Plan
from alframe.data import Image, ImageData
from alframe.errors import ConfigurationError, DataError, UnreadableImage
from alframe.evaluation import evaluate_classifier
from alframe.functional import fit_temperature, fit_vector_scaling
from alframe.learner import (
    Classifier,
    Ensemble,
    MCDropout,
    PointEstimate,
    Posterior,
    load_weights,
    quiet_trainer,
    save_weights,
)
from alframe.run import run
from alframe.scoring import predict
from alframe.storage import load_record
from alframe.training import FromScratch
from alframe.types import Classification, CurvePoint, TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")
POSTERIORS = [PointEstimate(), MCDropout(4), MCDropout(4, from_stage="head"), Ensemble(2)]


def fitted(calibration: Calibration, posterior: Posterior, count: int = 200) -> tuple[Classifier, ImageData, Any]:
    """A learner of arbitrary weights that is far too sure, calibrated on the first 40 samples; and these."""
    torch.manual_seed(0)
    learner = tiny.learner(posterior=posterior)((1, 8, 8), 3).eval()
    for network in learner.networks:
        network.head.layers[-1].weight.data *= 20
    data = ImageData(tiny.Bars(count), tiny.transforms(), evaluation_batch_size=16)
    positions = np.arange(40)
    calibration.fit(learner, data, positions, trainer, seed=0)
    return learner, data, positions


def predictions(learner: Classifier, data: ImageData, positions: Any) -> Any:
    return predict(learner, data, positions, {"samples", "probs", "embeddings", "head"}, trainer, seed=0)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_draws_are_scaled_as_they_were_fitted(posterior: Posterior) -> None:
    """What the learner then predicts is what the functions fit, draw by draw, to its logits; probs are the mean."""
    plain, data, held_out = fitted(Uncalibrated(), posterior)
    logits = np.log(predictions(plain, data, held_out).samples)
    labels, centred = data.source.table.labels[held_out], logits - logits.mean(axis=2, keepdims=True)
    factor, offset = fit_vector_scaling(logits, labels)
    cases = [
        (TemperatureScaling(), logits / fit_temperature(logits, labels)),
        (VectorScaling(), centred * factor + offset),
    ]
    for calibration, scaled in cases:
        learner, _, _ = fitted(calibration, posterior)
        found = predictions(learner, data, held_out)
        np.testing.assert_allclose(found.samples, softmax(scaled, axis=2), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.probs, softmax(scaled, axis=2).mean(axis=1), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("calibration", [TemperatureScaling(), VectorScaling()])
def test_the_head_follows(calibration: Calibration) -> None:
    """Without dropout the linear head over the embeddings gives the calibrated probabilities."""
    learner, data, held_out = fitted(calibration, PointEstimate())
    found = predictions(learner, data, held_out)
    logits = found.embeddings @ found.head[:, :-1].T + found.head[:, -1]
    np.testing.assert_allclose(softmax(logits, axis=1), found.probs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("calibration", [TemperatureScaling(), VectorScaling()])
def test_it_is_saved_with_the_weights(calibration: Calibration, tmp_path: Path) -> None:
    """A learner that was loaded predicts as the one that was calibrated."""
    learner, data, held_out = fitted(calibration, MCDropout(4))
    assert not learner.scaling.changes_nothing
    save_weights(learner, tmp_path / "weights.safetensors")
    loaded = tiny.learner(posterior=MCDropout(4))((1, 8, 8), 3).eval()
    load_weights(loaded, tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(
        predictions(loaded, data, held_out).probs,
        predictions(learner, data, held_out).probs,
    )


@pytest.mark.parametrize("calibration", [TemperatureScaling(), VectorScaling(), Uncalibrated()])
def test_fitting_again_forgets_what_was(calibration: Calibration) -> None:
    """A learner that carries the scaling of an earlier round is calibrated as one that carries none."""
    learner, data, held_out = fitted(calibration, MCDropout(4))
    first = learner.scaling.factor.clone(), learner.scaling.offset.clone()
    learner.scaling.set([3.0, 0.1, 1.0], [1.0, -1.0, 0.0])
    calibration.fit(learner, data, held_out, trainer, seed=0)
    assert torch.equal(learner.scaling.factor, first[0])
    assert torch.equal(learner.scaling.offset, first[1])


def test_training_neither_reads_nor_changes_the_scaling() -> None:
    """Two learners that differ in their scaling alone are trained alike, and keep it."""
    data = ImageData(tiny.Bars(), tiny.transforms(), batch_size=16)
    weights = []
    for factor in (1.0, 7.0):

        def make(factor: float = factor) -> Classifier:
            learner: Classifier = tiny.learner()((1, 8, 8), 3)
            learner.scaling.set(factor, 0.5)
            return learner

        positions = np.arange(30)
        learner = FromScratch(epochs=2, epoch_size=32).fit(
            make,
            data,
            TrainingSet(positions, data.source.table.labels[positions]),
            trainer,
            validation=np.arange(30, 40),
            seed=0,
        )
        assert learner.scaling.factor.tolist() == [factor] * 3
        assert learner.scaling.offset.tolist() == [0.5] * 3
        weights.append(torch.cat([parameter.flatten() for parameter in learner.parameters()]))
    assert torch.equal(*weights)


def test_a_calibrated_learner_is_evaluated_before_and_after() -> None:
    """The figures before are those of the learner without its scaling, which it has again afterwards."""
    plain, data, _ = fitted(Uncalibrated(), MCDropout(4))
    learner, _, _ = fitted(TemperatureScaling(), MCDropout(4))
    factor = learner.scaling.factor.clone()
    test = np.arange(40, 200)
    after = evaluate_classifier(learner, data, test, trainer, seed=0)
    assert after.uncalibrated == evaluate_classifier(plain, data, test, trainer, seed=0)
    assert after.uncalibrated is not None
    assert after.uncalibrated.uncalibrated is None
    assert after.nll < after.uncalibrated.nll
    assert after.calibration_error < after.uncalibrated.calibration_error
    assert torch.equal(learner.scaling.factor, factor)


def test_unreadable_samples_shift_no_label() -> None:
    """Held-out samples that cannot be read are left out; if that is all of them, it is an error."""

    class Broken(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Image:
            if position in (0, 5):
                raise UnreadableImage("truncated")
            return super().read(position, side)

    learner, whole, _ = fitted(Uncalibrated(), MCDropout(4))
    broken = ImageData(Broken(200), tiny.transforms())
    factors = []
    for data, positions in ((broken, np.arange(40)), (whole, np.setdiff1d(np.arange(40), [0, 5]))):
        VectorScaling().fit(learner, data, positions, trainer, seed=0)
        factors.append(learner.scaling.factor.numpy())
    np.testing.assert_allclose(factors[0], factors[1], rtol=1e-4)
    with pytest.raises(DataError, match="none of the 2 validation samples can be read"):
        TemperatureScaling().fit(learner, broken, np.array([0, 5]), trainer, seed=0)


def test_an_image_that_can_be_read_again_shifts_no_label() -> None:
    """Noted as unreadable by an earlier pass, it is fitted to like any other, with its own label."""
    factors = []
    for failed_before in (False, True):
        learner, data, positions = fitted(Uncalibrated(), MCDropout(4))
        if failed_before:
            data.note_unreadable(3, "the network was away")
        VectorScaling().fit(learner, data, positions, trainer, seed=0)
        factors.append(learner.scaling.factor.numpy())
    np.testing.assert_array_equal(factors[0], factors[1])


def test_a_class_without_samples_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Vector scaling goes on with a temperature for it, and says so."""
    learner, data, _ = fitted(Uncalibrated(), PointEstimate())
    positions = np.flatnonzero(data.source.table.labels != 1)
    with caplog.at_level(logging.WARNING):
        VectorScaling().fit(learner, data, positions, trainer, seed=0)
    assert "no validation sample of the classes [1]" in caplog.text
    assert learner.scaling.offset[1] == 0


@pytest.mark.parametrize("calibration", [TemperatureScaling(), VectorScaling()])
def test_a_run_calibrates_each_round(calibration: Calibration, tmp_path: Path) -> None:
    """Every evaluation has the figures before; weights hold what the log says was fitted."""
    plan = Plan(initial=6, batch=4, rounds=1, validation=15)
    run(tiny.parts(data=tiny.Bars(120), calibration=calibration, cycle=plan), tmp_path, tiny.CONFIG)
    lines = [json.loads(line) for line in (tmp_path / "alframe.log").read_text().splitlines()]
    said = [line for line in lines if line["message"] == "calibrated"]
    assert [line["samples"] for line in said] == [15, 15]
    for round, line in enumerate(said):
        folder = tmp_path / f"round-{round:03d}"
        evaluation = load_record(folder / "evaluation.json", CurvePoint).evaluation
        assert isinstance(evaluation, Classification)
        assert evaluation.uncalibrated is not None
        learner = tiny.learner()((1, 8, 8), 3)
        load_weights(learner, folder / "weights.safetensors")
        np.testing.assert_allclose(learner.scaling.factor, np.broadcast_to(line["factor"], 3), rtol=1e-6)


def test_no_validation_set_is_refused_before_any_work(tmp_path: Path) -> None:
    """The message says which number to set."""
    with pytest.raises(ConfigurationError, match=r"TemperatureScaling is fitted on .* cycle\.validation=200"):
        run(tiny.parts(calibration=TemperatureScaling()), tmp_path, tiny.CONFIG)
    assert list(tmp_path.iterdir()) == []
