"""How good are the colors? A model against photos that were in color all along, by the published measures."""

from colorful.evaluation.prepare import Conditions, Preparation
from colorful.evaluation.report import Example, Report
from colorful.evaluation.run import HINT_COUNTS, EvaluationError, evaluate
from colorful.evaluation.scores import MEASURES, Estimate

__all__ = [
    "HINT_COUNTS",
    "MEASURES",
    "Conditions",
    "Estimate",
    "EvaluationError",
    "Example",
    "Preparation",
    "Report",
    "evaluate",
]
