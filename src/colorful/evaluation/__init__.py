"""Evaluate models on photos that are in color, by the published measures."""

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
