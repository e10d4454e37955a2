# A picture of recall against wrong suspensions: us and the plain rules, each a curve over its thresholds.
import html
import math

WIDTH, HEIGHT = 960, 620
LEFT, RIGHT, TOP, BOTTOM = 80, 300, 50, 70
# What is smaller than this stands at the left edge: on a logarithmic axis there is no zero.
LEAST, MOST = 0.1, 100_000
COLOURS = ["#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#2e4057", "#c17c74", "#7fb069", "#9a8c98", "#4f6d7a"]


def _x(per_million):
    share = math.log(max(LEAST, min(MOST, per_million)) / LEAST) / math.log(MOST / LEAST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(recall):
    return HEIGHT - BOTTOM - recall * (HEIGHT - TOP - BOTTOM)


def _axes(title):
    parts = [f'<text x="{LEFT}" y="28" font-size="17">{html.escape(title)}</text>']
    for i in range(0, 11, 2):
        y = _y(i / 10)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10 * i}%</text>')
    value = LEAST
    while value <= MOST * 1.01:
        x = _x(value)
        label = f"{value:,.0f}" if value >= 1 else f"≤ {value:g}"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
        value *= 10
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 22}" text-anchor="middle">owners wrongly suspended per million account-days</text>')
    parts.append(f'<text transform="translate(22,{(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">stolen accounts suspended</text>')
    return parts


def picture(scores, subtitle):
    """`scores` as of detection_lib.add_up; ours first."""
    curves = {}
    for (rule, at_least), score in scores.items():
        curves.setdefault(rule, []).append((at_least, score.per_million(), score.recall()))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    parts += _axes(f"Found against wronged, {subtitle}")
    ours = curves.pop("sekisho", [])
    legend = TOP + 10
    for i, (rule, points) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = [(a, _x(w), _y(r)) for a, w, r in sorted(points) if w == w and r == r]
        path = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
        dashes = ' stroke-dasharray="4 3"' if rule.endswith("any use") else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        for at_least, x, y in points:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{html.escape(rule)} &gt;= {at_least}</title></circle>')
        name = f"{rule} ({', '.join(str(a) for a, _, _ in points)})"
        parts.append(f'<line x1="{WIDTH - RIGHT + 20}" y1="{legend - 4}" x2="{WIDTH - RIGHT + 44}" y2="{legend - 4}" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 50}" y="{legend}" font-size="10">{html.escape(name)}</text>')
        legend += 20
    for _, wrong, recall in ours:
        if wrong == wrong and recall == recall:
            parts.append(f'<circle cx="{_x(wrong):.1f}" cy="{_y(recall):.1f}" r="7" fill="{COLOURS[0]}" stroke="black"><title>sekisho</title></circle>')
    parts.append(f'<circle cx="{WIDTH - RIGHT + 32}" cy="{legend - 4}" r="6" fill="{COLOURS[0]}" stroke="black"/>')
    parts.append(f'<text x="{WIDTH - RIGHT + 50}" y="{legend}" font-size="10">sekisho, the policy as it is</text>')
    return "\n".join(parts) + "\n</svg>\n"
