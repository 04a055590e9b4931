"""A trained model as a file that other programs run: ONNX, TorchScript or torch.export; checked before it is there."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from alframe import __version__
from alframe.errors import ConfigurationError, ExportFailed
from alframe.functional.randomness import derive_seed
from alframe.learner import Learner, Segmenter, load_weights
from alframe.learner.segmentation.pixels import mean_of
from alframe.models.versions import Models, Version
from alframe.storage import whole_file

Format = Literal["onnx", "torchscript", "torch_export"]
FORMATS: Mapping[Format, str] = {"onnx": ".onnx", "torchscript": ".pt", "torch_export": ".pt2"}
"""What can be written, and how its files end."""

TOLERANCE = 1e-4
"""How far a probability of the exported model may be from the learner's own."""

INPUT, OUTPUT, METADATA = "images", "probabilities", "alframe.json"
EXAMPLE, CHECKED = 2, (1, 2, 7)
"""Images in the batch that is followed through the learner, and in those whose outputs are compared."""

Predict = Callable[[Tensor], Tensor]


class Predictive(nn.Module):
    """The probabilities that a learner's evaluation read, calibrated: the mean over the same draws.

    Args:
        learner: trained; a classifier or a segmenter.
        seed: of the posterior's draws.
    """

    def __init__(self, learner: Learner, seed: int) -> None:
        super().__init__()
        self.learner = learner.eval().requires_grad_(False)
        self._draws = learner.draws(torch.Generator().manual_seed(seed))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C) for images (B, channels, S, S); of a segmenter (B, C + 1, S, S), background first."""
        if isinstance(self.learner, Segmenter):
            probs, _ = mean_of(self._draws.logits(images, self._draws.trunks(images)), with_entropy=False)
            return probs
        return self.learner.outputs(images, self._draws, {"probs"})["probs"]


def export(
    models: Models, version: Version, learner: Learner, into: Format, output: Path | None = None
) -> tuple[Path, float]:
    """Write a version for other programs; return the file, and by how much its outputs differ from the learner's.

    Its input is ``images``, (B, channels, S, S) float32, any B, normalised; its output ``probabilities``. The names of
    the classes and how images are prepared are in its metadata: ONNX's own, and else the extra file ``alframe.json``.

    Args:
        models: of the run.
        version: which.
        learner: of the run's kind, for its classes; gets the version's weights.
        into: its format.
        output: the file; ``exports/RUN-roundROUND.SUFFIX`` if ``None``.

    Raises:
        ConfigurationError: a learner that has no such output, a missing package, a wrong suffix.
        ExportFailed: the learner cannot be written so, or the outputs differ; there is no file then.
        RunConflict: the weights are gone or were changed.
    """
    if learner.task == "detection":
        raise ConfigurationError(
            "a detector has no output of one shape, and cannot be exported: classifiers and segmenters can"
        )
    suffix = FORMATS[into]
    target = output or Path("exports") / f"{models.folder.resolve().name}-round{version.round}{suffix}"
    if target.suffix != suffix:
        raise ConfigurationError(f"a file of format {into} ends in {suffix}: {target} does not")
    load_weights(learner, models.journal.path(version.round, "train"))
    predictive = Predictive(learner, derive_seed(models.config["seed"], version.round, "evaluate")).eval()
    size = models.config["transforms"]
    shape = (size["channels"], size["image_size"], size["image_size"])
    with whole_file(target) as unfinished, torch.no_grad():
        example = torch.zeros(EXAMPLE, *shape)
        try:
            exported = WRITERS[into](predictive, example, metadata(models, version, learner), unfinished)
            difference = _difference(predictive, exported, shape)
        except ConfigurationError:
            raise
        except Exception as error:  # each exporter and each runtime has its own ways to refuse
            other = " or ".join(name for name in get_args(Format) if name != into)
            raise ExportFailed(
                f"this {type(learner).__name__} cannot be written as {into} (another posterior may, or {other}): "
                f"{str(error).strip() or type(error).__name__}"
            ) from error
        if not difference <= TOLERANCE:
            raise ExportFailed(
                f"the probabilities of the exported model differ from the learner's by up to {difference:.2g}, and "
                f"{TOLERANCE:g} is allowed: nothing was written to {target}"
            )
    return target, difference


def metadata(models: Models, version: Version, learner: Learner) -> dict[str, Any]:
    """What whoever runs the file has to know."""
    prepared = ("image_size", "channels", "mean", "std", "evaluation")
    background = ["background"] if learner.task == "segmentation" else []
    return {
        "task": learner.task,
        "classes": [*background, *version.beginning.classes],
        "preprocessing": {key: models.config["transforms"].get(key) for key in prepared},
        "run": models.config["name"],
        "round": version.round,
        "weights_sha256": version.sha256,
        "alframe": __version__,
    }


def _difference(predictive: nn.Module, exported: Predict, shape: tuple[int, ...]) -> float:
    """The largest over random images, in batches of several sizes."""
    generator, found = torch.Generator().manual_seed(0), []
    for count in CHECKED:
        images = torch.randn(count, *shape, generator=generator)
        expected, got = predictive(images), exported(images)
        if got.shape != expected.shape:
            raise ValueError(f"its output has shape {tuple(got.shape)} instead of {tuple(expected.shape)}")
        found.append(float((got - expected).abs().max()))
    return max(found)


def _program(predictive: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    return torch.export.export(predictive, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))


def _write_torch_export(predictive: nn.Module, example: Tensor, told: Mapping[str, Any], path: Path) -> Predict:
    torch.export.save(_program(predictive, example), path, extra_files={METADATA: json.dumps(told)})
    loaded: Predict = torch.export.load(path).module()
    return loaded


def _write_torchscript(predictive: nn.Module, example: Tensor, told: Mapping[str, Any], path: Path) -> Predict:
    jit: Any = torch.jit  # it has no types
    with warnings.catch_warnings():
        # PyTorch would rather have torch.export, which is another choice here.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated")
        # A trace may have missed something, it says; whether it did is what the comparison finds out.
        warnings.filterwarnings("ignore", category=jit.TracerWarning)
        # As a function: scripting would ask a Lightning module for its trainer.
        traced = jit.trace(lambda images: predictive(images), example, check_trace=False)
        jit.save(traced, str(path), _extra_files={METADATA: json.dumps(told)})
        loaded: Predict = jit.load(str(path))
    return loaded


def _write_onnx(predictive: nn.Module, example: Tensor, told: Mapping[str, Any], path: Path) -> Predict:
    if any(find_spec(package) is None for package in ("onnx", "onnxruntime", "onnxscript")):
        raise ConfigurationError("--format onnx builds on ONNX and its runtime: pip install 'alframe[onnx]'")
    import onnx
    import onnxruntime

    program = torch.onnx.export(
        _program(predictive, example), dynamo=True, input_names=[INPUT], output_names=[OUTPUT], verbose=False
    )
    assert program is not None  # noqa: S101 (with dynamo there is one)
    model = program.model_proto
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return run


WRITERS: Mapping[Format, Callable[[nn.Module, Tensor, Mapping[str, Any], Path], Predict]] = {
    "onnx": _write_onnx,
    "torchscript": _write_torchscript,
    "torch_export": _write_torch_export,
}
"""Each writes a file and gives what it computes when it is read again."""
