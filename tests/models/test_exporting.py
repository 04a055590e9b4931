from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import squares
import tiny
import torch

from alframe.calibration import TemperatureScaling
from alframe.cycle import Plan
from alframe.errors import ConfigurationError, ExportFailed, RunConflict
from alframe.functional.randomness import derive_seed
from alframe.learner import (
    AugmentedViews,
    Ensemble,
    Evidential,
    LastLayerLaplace,
    Learner,
    MCDropout,
    PointEstimate,
    Posterior,
    Segmenter,
    load_weights,
    schedules,
)
from alframe.learner.segmentation import MCDropout as PixelDropout
from alframe.learner.segmentation import UNet
from alframe.models import opened_models
from alframe.models.exporting import WRITERS, Predictive, export
from alframe.run import run
from alframe.strategy import Entropy, PixelEntropy, Random
from alframe.types import Need

SEGMENTER = partial(
    Segmenter,
    architecture=partial(UNet, widths=(4, 8)),
    posterior=PixelDropout(3),
    optimizer=partial(torch.optim.Adam, lr=3e-3),
    schedule=schedules.constant,
)


def start(folder: Path, size: int = 8, **changes: Any) -> Path:
    """A run of one round."""
    prepared = {"image_size": size, "channels": 1, "mean": [0.3], "std": [0.3], "evaluation": []}
    options = {"cycle": Plan(initial=6, batch=4, rounds=0), "cold_start": Random(), **changes}
    run(tiny.parts(**options), folder, tiny.CONFIG | {"transforms": prepared})
    return folder


def exported(folder: Path, learner: Learner, into: Any, output: Path) -> tuple[Path, float]:
    with opened_models(folder) as models:
        return export(models, models.version("champion"), learner, into, output)


def read(path: Path) -> Any:
    """What the file computes, for images (B, channels, S, S)."""
    if path.suffix == ".pt2":
        return torch.export.load(path).module()
    with pytest.warns(FutureWarning):
        return torch.jit.load(str(path))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "posterior", [PointEstimate(), Ensemble(2), MCDropout(4, from_stage="head"), Evidential(4), LastLayerLaplace(4)]
)
def test_what_is_exported_is_what_was_evaluated(posterior: Posterior, tmp_path: Path) -> None:
    """The probabilities of the evaluation, by its own draws, in batches of sizes that were not tried before."""
    make = tiny.learner(posterior=posterior)
    folder = start(tmp_path / "run", learner=make, strategy=Entropy())
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    evaluated = make((1, 8, 8), 3).eval()
    load_weights(evaluated, folder / "round-000/weights.safetensors")
    draws = evaluated.draws(torch.Generator().manual_seed(derive_seed(0, 0, "evaluate")))
    needs: set[Need] = {"probs"}
    with torch.no_grad():
        expected = evaluated.outputs(images, draws, needs)["probs"]
    for into, name in (("torch_export", "a.pt2"), ("torchscript", "a.pt")):
        path, difference = exported(folder, make((1, 8, 8), 3), into, tmp_path / name)
        assert difference < 1e-5
        np.testing.assert_allclose(read(path)(images).numpy(), expected.numpy(), atol=1e-5)


def test_calibration_is_exported_with_the_model(tmp_path: Path) -> None:
    """With another temperature the probabilities would be others."""
    plan = Plan(initial=6, batch=4, rounds=0, validation=9)
    folder = start(tmp_path / "run", cycle=plan, calibration=TemperatureScaling())
    learner = tiny.learner()((1, 8, 8), 3)
    path, _ = exported(folder, learner, "torch_export", tmp_path / "a.pt2")
    images = torch.randn(4, 1, 8, 8)
    calibrated = read(path)(images).numpy()
    assert not learner.scaling.changes_nothing
    with learner.scaling.left_out(), torch.no_grad():
        bare = Predictive(learner, derive_seed(0, 0, "evaluate"))(images).numpy()
    assert np.abs(calibrated - bare).max() > 1e-4


def test_a_segmenter_gives_the_classes_of_pixels(tmp_path: Path) -> None:
    """Probabilities of background and each class, (B, C + 1, S, S)."""
    onnxruntime = pytest.importorskip("onnxruntime")
    parts: dict[str, Any] = {"data": squares.Squares(40), "transforms": squares.transforms()}
    folder = start(tmp_path / "run", 32, learner=SEGMENTER, strategy=PixelEntropy(), **parts)
    with opened_models(folder) as models:
        channels = models.config["transforms"]["channels"]
    assert channels == 1
    learner = SEGMENTER((1, 32, 32), len(squares.Squares(40).classes))
    path, difference = exported(folder, learner, "onnx", tmp_path / "a.onnx")
    assert difference < 1e-4
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probs,) = session.run(None, {"images": np.zeros((3, 1, 32, 32), dtype=np.float32)})
    assert probs.shape == (3, len(squares.Squares(40).classes) + 1, 32, 32)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return start(tmp_path_factory.mktemp("trained"))


@pytest.mark.parametrize("posterior", [AugmentedViews(3), MCDropout(3, from_stage="conv2")])
def test_what_depends_on_the_size_of_a_batch_is_refused(posterior: Posterior, tmp_path: Path) -> None:
    """Draws that are folded into the batch as many at once as memory allows: said so, and no file is left."""
    make = tiny.learner(posterior=posterior)
    folder = start(tmp_path / "run", learner=make)
    with pytest.raises(ExportFailed, match="cannot be written as torch_export"):
        exported(folder, make((1, 8, 8), 3), "torch_export", tmp_path / "a.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_outputs_that_differ_leave_no_file(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A former file of that name stays as it was."""
    (tmp_path / "a.pt2").write_bytes(b"former")
    real = WRITERS["torch_export"]

    def wrong(*arguments: Any) -> Any:
        computed = real(*arguments)
        return lambda images: computed(images) + 2e-4

    monkeypatch.setitem(WRITERS, "torch_export", wrong)
    with pytest.raises(ExportFailed, match=r"differ from the learner's by up to 0\.0002, and 0\.0001 is allowed"):
        exported(trained, tiny.learner()((1, 8, 8), 3), "torch_export", tmp_path / "a.pt2")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.pt2", b"former")]


def test_a_learner_of_another_kind_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RunConflict, match="does not hold weights of this learner"):
        exported(trained, tiny.learner(posterior=Ensemble(2))((1, 8, 8), 3), "torch_export", tmp_path / "a.pt2")


def test_a_detector_is_refused(trained: Path, tmp_path: Path) -> None:
    class Finder(PointEstimate):
        task = "detection"

    with pytest.raises(ConfigurationError, match="classifiers and segmenters can"):
        exported(trained, Finder(), "onnx", tmp_path / "a.onnx")  # type: ignore[arg-type]


def test_onnx_needs_its_extra(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.models.exporting.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[onnx\]'"):
        exported(trained, tiny.learner()((1, 8, 8), 3), "onnx", tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
