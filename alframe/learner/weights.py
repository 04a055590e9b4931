"""A learner's weights as a safetensors file: numbers only, nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from alframe.errors import RunConflict
from alframe.learner.base import Learner
from alframe.learner.classes import with_silent_classes


def save_weights(learner: nn.Module, path: Path) -> None:
    """Write every parameter and buffer."""
    save_file({name: tensor.contiguous() for name, tensor in learner.state_dict().items()}, path)


def load_weights(learner: nn.Module, path: Path) -> None:
    """Read what ``save_weights`` wrote, in its precision, into a learner of the same architecture.

    Where the learner has more classes, those that the weights know must be its first. What it says of them is what the
    weights say, and the others, as many as it then has ``unlearnt``, get next to no probability.

    Raises:
        RunConflict: no safetensors file, or one of another architecture or of more classes.
    """
    try:
        state = load_file(path)
        if isinstance(learner, Learner):
            state, learner.unlearnt = with_silent_classes(learner, state)
        learner.load_state_dict(state, assign=True)
    except (SafetensorError, RuntimeError, OSError, RunConflict) as error:
        raise RunConflict(f"{path} does not hold weights of this learner: {error}") from error
