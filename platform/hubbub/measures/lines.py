"""The line through points."""

from collections.abc import Sequence


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The least-squares slope of y on x; None where no two points differ in x."""
    if not points:
        return None
    middle = sum(x for x, _ in points) / len(points)
    mean = sum(y for _, y in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    if not spread:
        return None
    return sum((x - middle) * (y - mean) for x, y in points) / spread
