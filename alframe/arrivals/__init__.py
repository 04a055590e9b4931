"""What comes to the pool after a run began: images with the evidence that brought them, each kept once."""

from alframe.arrivals.admission import Admission, Report
from alframe.arrivals.arrivals import Arrivals, Arrived
from alframe.arrivals.evidence import WEIGHTS, Evidence, Kind
from alframe.arrivals.listing import Item, Listing
from alframe.arrivals.reports import Reported
from alframe.arrivals.similarity import NEAR
from alframe.arrivals.source import WithArrivals, with_arrivals

__all__ = [
    "NEAR",
    "WEIGHTS",
    "Admission",
    "Arrivals",
    "Arrived",
    "Evidence",
    "Item",
    "Kind",
    "Listing",
    "Report",
    "Reported",
    "WithArrivals",
    "with_arrivals",
]
