"""Files that say which objects are in which image, read and written: COCO, CVAT, Pascal VOC, YOLO, mask images."""

from alframe.data.formats.annotations import AnnotatedImage, Annotations, Problem
from alframe.data.formats.coco import read_coco, write_coco
from alframe.data.formats.cvat import read_cvat
from alframe.data.formats.cvat_writer import write_cvat
from alframe.data.formats.mask_images import PixelValues, read_masks, write_masks
from alframe.data.formats.voc import read_voc, write_voc
from alframe.data.formats.yolo import read_yolo, write_yolo

__all__ = [
    "AnnotatedImage",
    "Annotations",
    "PixelValues",
    "Problem",
    "read_coco",
    "read_cvat",
    "read_masks",
    "read_voc",
    "read_yolo",
    "write_coco",
    "write_cvat",
    "write_masks",
    "write_voc",
    "write_yolo",
]
