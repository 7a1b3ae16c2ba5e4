"""Numbers for people."""


def pretty(value, unit=None):
    """Three digits where it is small, thousands apart where it is large."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{value:.2f}"
    size = abs(value)
    if size >= 1000:
        # No run repeats itself to the last digit.
        digits = max(0, len(str(int(size))) - 4)
        return f"{round(value / 10**digits) * 10**digits:,}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def with_unit(value, unit):
    if value is None:
        return "–"
    if unit == "ratio":
        return pretty(value, unit)
    return f"{pretty(value, unit)}{'/s' if unit == '1/s' else f' {unit}'}"


def target_text(target, unit):
    """A target as ">= 0.88" in print."""
    sign, bound = target.split()
    shown = bound if unit == "ratio" else f"{bound} {unit}"
    return f"{ {'>=': '≥', '<=': '≤'}[sign]} {shown}"
