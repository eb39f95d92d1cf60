"""How good are the colors? A model against photos that were in color all along, by the published measures."""

from colorful.evaluation.report import Example, Report
from colorful.evaluation.run import EvaluationError, Protocol, compare, evaluate
from colorful.evaluation.scores import MEASURES, Estimate

__all__ = [
    "MEASURES",
    "Estimate",
    "EvaluationError",
    "Example",
    "Protocol",
    "Report",
    "compare",
    "evaluate",
]
