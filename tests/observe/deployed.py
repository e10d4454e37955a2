# What lies in deploy/ for Prometheus and Grafana, as tests read it: the dashboard's queries, the rules' expressions, and the
# metrics that deploy/README.md lists.
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(ROOT, "deploy/prometheus/sekisho.rules.yml")
RULE_TESTS = os.path.join(ROOT, "deploy/prometheus/tests/sekisho.test.yml")
PROMETHEUS = os.path.join(ROOT, "deploy/prometheus/prometheus.yml")
DASHBOARD = os.path.join(ROOT, "deploy/grafana/sekisho.json")
README = os.path.join(ROOT, "deploy/README.md")

# Empty, or without a number, where nothing is wrong. Each says why.
MAY_BE_SILENT = {
    'ALERTS{alertstate="firing",alertname=~"Sekisho.*"}': "an annotation: no alert fires",
}


def dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)


def panels():
    """All panels, those inside collapsed rows included."""
    found = []

    def walk(some):
        for panel in some:
            found.append(panel)
            walk(panel.get("panels", []))

    walk(dashboard()["panels"])
    return found


def panel_queries():
    """(where, expression) of each query of the dashboard, with its variables in it."""
    queries = [(f"panel {panel['id']} \"{panel['title']}\" {target['refId']}", target["expr"])
               for panel in panels() for target in panel.get("targets", [])]
    return queries + [(f"annotation \"{note['name']}\"", note["expr"]) for note in dashboard()["annotations"]["list"] if "expr" in note]


def variable_queries():
    """(name, selector, label) of each variable that is filled by a query."""
    found = []
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] != "query":
            continue
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        assert match, variable
        found.append((variable["name"], match[1], match[2]))
    return found


def substitute(expression, interval, **variables):
    """As Grafana does before it asks."""
    for name, value in {"__rate_interval": interval, "__interval": interval, "__range": interval, **variables}.items():
        expression = expression.replace("${" + name + "}", value).replace("$" + name, value)
    assert "$" not in expression, f"an unknown variable: {expression}"
    return expression


def rules():
    """(alert, expression) of each rule. Each expression is one line of the file."""
    with open(RULES, encoding="utf-8") as file:
        found = re.findall(r"^ +- alert: (\w+)\n +expr: (.*)$", file.read(), re.MULTILINE)
    assert found
    return found


def without_conditions(expression):
    """The numbers that an alert compares: it gives them also where nothing is wrong."""
    expression = re.sub(r"\babsent\(", "count(", expression)
    parts = re.split(r"\band\b", expression)
    return [re.sub(r"\s(==|!=|>=|<=|>|<)\s*[0-9.]+(\s*\*\s*[0-9.]+)*", "", part).strip() for part in parts]


def metrics_in(expression):
    """Names of the metrics that an expression reads; a histogram's by its own name."""
    names = re.findall(r"\b(?:sekisho|process)_\w+|\bup\b", re.sub(r'"[^"]*"', '""', expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def documented_metrics():
    """{name: labels} of the table in deploy/README.md."""
    with open(README, encoding="utf-8") as file:
        rows = re.findall(r"^\| `((?:sekisho|process)_\w+)(?:\{([\w,]+)\})?` \|", file.read(), re.MULTILINE)
    found = {name: set(labels.split(",")) - {""} for name, labels in rows}
    assert len(found) == len(rows), "a metric stands in the table twice"
    return found
