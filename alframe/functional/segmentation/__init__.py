"""What a segmenter says of pixels, made into objects and into a score for each image."""

from alframe.functional.segmentation.found import segmented

__all__ = ["segmented"]
