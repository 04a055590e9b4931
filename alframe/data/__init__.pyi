from .annotated import AnnotatedImages, CocoSource, CvatSource, MaskSource, VocSource, YoloSource
from .csv_table import CsvTable
from .dataset import Batch
from .digits import Digits
from .image_folder import ImageFolder
from .long_tailed import LongTailed
from .module import ImageData
from .parquet_table import ParquetTable
from .source import Image, Source
from .surface_defects import SurfaceDefects
from .task_stream import TaskStream
from .torchvision_set import TorchvisionSet
from .transforms import Target, Transforms
from .unlabelled_folder import UnlabelledFolder

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
