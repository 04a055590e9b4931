"""Where images and labels come from, and how they reach a learner."""

from __future__ import annotations

from alframe.data.annotated import AnnotatedImages, CocoSource, CvatSource, MaskSource, VocSource, YoloSource
from alframe.data.csv_table import CsvTable
from alframe.data.dataset import Batch
from alframe.data.digits import Digits
from alframe.data.image_folder import ImageFolder
from alframe.data.long_tailed import LongTailed
from alframe.data.module import ImageData
from alframe.data.parquet_table import ParquetTable
from alframe.data.source import Image, Source
from alframe.data.surface_defects import SurfaceDefects
from alframe.data.task_stream import TaskStream
from alframe.data.torchvision_set import TorchvisionSet
from alframe.data.transforms import Target, Transforms
from alframe.data.unlabelled_folder import UnlabelledFolder

__all__ = [
    "AnnotatedImages",
    "Batch",
    "CocoSource",
    "CsvTable",
    "CvatSource",
    "Digits",
    "Image",
    "ImageData",
    "ImageFolder",
    "LongTailed",
    "MaskSource",
    "ParquetTable",
    "Source",
    "SurfaceDefects",
    "Target",
    "TaskStream",
    "TorchvisionSet",
    "Transforms",
    "UnlabelledFolder",
    "VocSource",
    "YoloSource",
]
