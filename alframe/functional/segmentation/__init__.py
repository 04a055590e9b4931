"""What a segmenter says of pixels, made into objects and into a score for each image."""

from alframe.functional.segmentation.found import segmented, stretched
from alframe.functional.segmentation.overlap import pixel_confusion, pixel_dice, pixel_iou
from alframe.functional.segmentation.scores import map_boundary, map_mean, map_region, map_top

__all__ = [
    "map_boundary",
    "map_mean",
    "map_region",
    "map_top",
    "pixel_confusion",
    "pixel_dice",
    "pixel_iou",
    "segmented",
    "stretched",
]
