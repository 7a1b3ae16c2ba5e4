"""Medians, spreads, ratios and targets."""

import operator
import statistics

COMPARE = {">=": operator.ge, "<=": operator.le}


def median(samples):
    return statistics.median(samples)


def spread(samples):
    """The least and the most."""
    return [min(samples), max(samples)]


def ratios(above, below):
    """Round by round: each pair was measured one right after the other."""
    if len(above) != len(below):
        raise ValueError("as many rounds of the one as of the other")
    return [a / b for a, b in zip(above, below)]


def percentile(samples, share):
    """The smallest sample that at least this share of all do not exceed."""
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def meets(value, target):
    """Whether the value meets a target as ">= 0.88"; None where there is no value or no target."""
    if value is None or target is None:
        return None
    sign, bound = target.split()
    return COMPARE[sign](value, float(bound))
