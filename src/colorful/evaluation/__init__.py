"""How good are the colors? A model against photos that were in color all along, by the published measures."""

from colorful.evaluation.prepare import Protocol
from colorful.evaluation.report import Example, Report
from colorful.evaluation.run import HINT_COUNTS, EvaluationError, compare, evaluate
from colorful.evaluation.scores import MEASURES, Estimate

__all__ = [
    "HINT_COUNTS",
    "MEASURES",
    "Estimate",
    "EvaluationError",
    "Example",
    "Protocol",
    "Report",
    "compare",
    "evaluate",
]
