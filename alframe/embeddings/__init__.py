"""Embeddings that stay as they are from round to round: computed once for each image, and kept in files."""

from __future__ import annotations

from alframe.embeddings.array_file import ArrayFile
from alframe.embeddings.base import Embedded, FrozenEmbeddings
from alframe.embeddings.pixel_components import PixelComponents
from alframe.embeddings.pretrained import PretrainedBackbone
from alframe.embeddings.self_supervised import SelfSupervised

__all__ = ["ArrayFile", "Embedded", "FrozenEmbeddings", "PixelComponents", "PretrainedBackbone", "SelfSupervised"]
