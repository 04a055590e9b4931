"""A learner's weights as a safetensors file: numbers only, nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from alframe.errors import RunConflict


def save_weights(learner: nn.Module, path: Path) -> None:
    """Write every parameter and buffer."""
    save_file({name: tensor.contiguous() for name, tensor in learner.state_dict().items()}, path)


def load_weights(learner: nn.Module, path: Path) -> None:
    """Read what ``save_weights`` wrote, in its precision, into a learner of the same architecture.

    Raises:
        RunConflict: no safetensors file, or one of another architecture.
    """
    try:
        learner.load_state_dict(load_file(path), assign=True)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise RunConflict(f"{path} does not hold weights of this learner: {error}") from error
