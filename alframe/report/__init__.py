"""Curves, tables and pages that people look at: one run's report, and several runs compared."""

from alframe.report.comparison import Comparison, compare
from alframe.report.comparison_page import write_comparison
from alframe.report.comparison_tables import comparison_tables
from alframe.report.headline import headline
from alframe.report.run_folder import RunFolder, find_runs
from alframe.report.run_page import write_run_report

__all__ = [
    "Comparison",
    "RunFolder",
    "compare",
    "comparison_tables",
    "find_runs",
    "headline",
    "write_comparison",
    "write_run_report",
]
