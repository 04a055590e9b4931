"""Label Studio as the oracle: over its REST API, or through files that people carry there and back."""

from alframe.oracle.label_studio.files import LabelStudioFiles
from alframe.oracle.label_studio.oracle import LabelStudio

__all__ = ["LabelStudio", "LabelStudioFiles"]
