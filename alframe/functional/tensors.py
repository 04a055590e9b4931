"""torch tensors at the door of ``functional/``: they are computed where they lie."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from alframe.errors import InvalidInput
from alframe.functional.checks import SUM_TOLERANCE

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypeIs


def is_tensor(values: Any) -> TypeIs[torch.Tensor]:
    """Whether ``values`` is a torch tensor; who has none need not wait for torch to load.

    >>> is_tensor([1.0])
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def check_tensor(values: torch.Tensor, name: str, width: int | None = None) -> torch.Tensor:
    """Return ``values``, (N, D), if they are finite, in single precision where they are in half.

    >>> import torch
    >>> check_tensor(torch.ones(2, 3, dtype=torch.float16), "points").dtype
    torch.float32

    Raises:
        InvalidInput: another shape or width, integers, a NaN or an infinity.
    """
    if values.ndim != 2 or (width is not None and values.shape[1] != width):
        wanted = "D" if width is None else width
        raise InvalidInput(f"{name} must be (N, {wanted}), got shape {tuple(values.shape)}")
    if not values.is_floating_point():
        raise InvalidInput(f"{name} must be floating point, got {values.dtype}")
    if values.numel() and not all(bound.isfinite() for bound in values.aminmax()):
        raise InvalidInput(f"{name} has NaN or infinite values")
    return values.float() if values.dtype.itemsize < 4 else values


def check_probs_tensor(probs: torch.Tensor) -> torch.Tensor:
    """Return ``probs``, (N, C), if every row is a finite probability distribution, in single precision at least.

    >>> import torch
    >>> check_probs_tensor(torch.tensor([[0.5, 0.5]])).shape
    torch.Size([1, 2])

    Raises:
        InvalidInput: another shape, a NaN, a negative value, a row that does not sum to one.
    """
    probs = check_tensor(probs, "probs")
    sums = probs.sum(dim=1)
    if probs.numel() and (probs.min() < 0 or (sums - 1).abs().max() > SUM_TOLERANCE):
        raise InvalidInput(
            f"probs must hold probabilities: rows sum to between {sums.min():.4g} and {sums.max():.4g}, "
            f"smallest value {probs.min():.4g}; apply a softmax first"
        )
    return probs


def like(tensor: torch.Tensor, values: Any) -> torch.Tensor:
    """``values`` as a tensor on the device and in the precision of ``tensor``.

    >>> import torch
    >>> like(torch.zeros(1), [1.0, 2.0])
    tensor([1., 2.])
    """
    import torch

    return torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device)
