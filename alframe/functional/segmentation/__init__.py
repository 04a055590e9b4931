"""What a segmenter says of pixels, made into objects and into a score for each image."""

from alframe.functional.segmentation.found import segmented
from alframe.functional.segmentation.overlap import pixel_confusion, pixel_dice, pixel_iou

__all__ = ["pixel_confusion", "pixel_dice", "pixel_iou", "segmented"]
