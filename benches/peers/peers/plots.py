"""Bar charts as SVG, by hand: legible on white and on black, with the spread over the rounds as a whisker."""

from html import escape

from .numbers import pretty

WIDTH = 760
LABELS = 300
VALUES = 110
BAR = 22
STEP = 34
TOP = 48

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 12px; fill: #57606a }
  .bar { fill: #8c959f }
  .ours { fill: #0a7f5a }
  .spread { stroke: #24292f; stroke-width: 1.5 }
  .axis { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .bar { fill: #6e7681 }
    .ours { fill: #2ea77b }
    .spread { stroke: #e6edf3 }
    .axis { stroke: #6e7681 }
  }
"""


def bars(title, unit, data):
    """`data` is a list of (label, median, least, most, ours)."""
    top = max(most for _, _, _, most, _ in data) or 1
    scale = (WIDTH - LABELS - VALUES) / top
    height = TOP + STEP * len(data) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(_spoken(title, unit, data))}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="0" y="20">{escape(title)}</text>',
        f'<text class="small" x="{LABELS}" y="{TOP - 8}">{escape(unit)}</text>',
    ]
    for number, (label, median, least, most, ours) in enumerate(data):
        parts += _bar(TOP + STEP * number, label, median, least, most, ours, scale)
    parts.append(f'<line class="axis" x1="{LABELS}" y1="{TOP - 2}" x2="{LABELS}" y2="{height - 10}"/>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _bar(y, label, median, least, most, ours, scale):
    middle = y + BAR / 2 + 1
    kind = "bar ours" if ours else "bar"
    yield f'<text x="{LABELS - 8}" y="{middle + 4:.0f}" text-anchor="end">{escape(label)}</text>'
    yield f'<rect class="{kind}" x="{LABELS}" y="{y + 1}" width="{max(1, median * scale):.1f}" height="{BAR}" rx="2"/>'
    if most > least:
        left, right = LABELS + least * scale, LABELS + most * scale
        yield f'<path class="spread" fill="none" d="M{left:.1f} {middle - 5:.1f}v10m0-5H{right:.1f}m0-5v10"/>'
    yield f'<text x="{LABELS + max(median, most) * scale + 8:.1f}" y="{middle + 4:.0f}">{pretty(median)}</text>'


def _spoken(title, unit, data):
    """The chart for those who cannot see it."""
    return f"{title}, {unit}: " + "; ".join(f"{label} {pretty(median)}" for label, median, *_ in data)
