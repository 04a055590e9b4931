"""Nearest neighbours among many points, searched exactly or approximately, kept in files and grown in place."""

from __future__ import annotations

from alframe.index.base import Index
from alframe.index.exact import Exact
from alframe.index.hnsw import Hnsw
from alframe.index.inverted_file import InvertedFile

__all__ = ["Exact", "Hnsw", "Index", "InvertedFile"]
