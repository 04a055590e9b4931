"""Drawn pictures of metal with defects in it: a data set for detection and segmentation that needs no download."""

from alframe.data.surface_defects.source import SurfaceDefects

__all__ = ["SurfaceDefects"]
