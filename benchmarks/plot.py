"""The plot beside the table: how far each claim is from its target, as a bar."""

from html import escape

from benchmarks.common import Result

WIDTH, ROW, LEFT, UNIT = 900, 28, 470, 200
"""Pixels: of the picture, a bar's row, the names' column, and the way from nothing to the target."""


def svg(results: list[Result]) -> str:
    """Bars of measured values, each in units of its own target, which the line stands for. Green holds."""
    height = ROW * (len(results) + 1)
    bars = "".join(_bar(result, ROW * number) for number, result in enumerate(results))
    target = LEFT + UNIT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#24292f"><rect width="{WIDTH}" height="{height}" fill="#fff"/>{bars}'
        f'<path d="M{target} 0V{height - ROW}" stroke="#24292f" stroke-dasharray="4 3"/>'
        f'<text x="{target}" y="{height - 9}" text-anchor="middle">target</text></svg>\n'
    )


def _bar(result: Result, top: int) -> str:
    length = min(result.value / result.target, (WIDTH - LEFT - 90) / UNIT) * UNIT
    colour = "#2da44e" if result.holds else "#cf222e"
    bound = "at least" if result.at_least else "at most"
    said = f"{result.value:,.2f} {result.unit} ({bound} {result.target:g})"
    return (
        f'<text x="{LEFT - 8}" y="{top + 18}" text-anchor="end">{escape(result.claim.replace("`", ""))}</text>'
        f'<rect x="{LEFT}" y="{top + 5}" width="{length:.0f}" height="{ROW - 10}" fill="{colour}"/>'
        f'<text x="{LEFT + max(length, UNIT) + 6:.0f}" y="{top + 18}">{escape(said)}</text>'
    )
