#!/usr/bin/env python3
# The dashboard and the rules read metrics that exist, in queries that Prometheus understands. Needs promtool.
import collections
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deployed  # noqa: E402

GRID_WIDTH = 24


class Dashboard(unittest.TestCase):
    def test_ids_and_places(self):
        panels = deployed.panels()
        twice = [i for i, n in collections.Counter(panel["id"] for panel in panels).items() if n > 1]
        self.assertEqual(twice, [])
        titles = collections.Counter((panel["type"], panel["title"]) for panel in panels)
        self.assertEqual([title for title, n in titles.items() if n > 1], [])
        taken = {}
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], GRID_WIDTH, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    other = taken.setdefault((x, y), panel["title"])
                    self.assertEqual(other, panel["title"], "two panels in one place")

    def test_rows(self):
        rows = [panel["title"] for panel in deployed.panels() if panel["type"] == "row"]
        for wanted in ("Traffic", "Detection", "Lag and latency", "State", "Cluster", "Connectors"):
            self.assertIn(wanted, rows)

    # It has to work in any Grafana: no query names a data source of its own.
    def test_data_source_is_a_variable(self):
        variables = {v["name"]: v for v in deployed.dashboard()["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertEqual(variables["datasource"]["query"], "prometheus")
        asking = [panel for panel in deployed.panels() if panel["type"] != "row"]
        asking += [target for panel in deployed.panels() for target in panel.get("targets", [])]
        asking += [variable for variable in variables.values() if variable["type"] == "query"]
        self.assertGreater(len(asking), 80)
        for some in asking:
            self.assertEqual(some["datasource"], {"type": "prometheus", "uid": "${datasource}"}, some)

    def test_panels_ask_something(self):
        for panel in deployed.panels():
            if panel["type"] == "row":
                continue
            self.assertTrue(panel.get("targets"), panel["title"])
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(references)), len(references), panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "table", panel["title"])

    def test_metrics_are_documented(self):
        known = set(deployed.documented_metrics()) | {"up"}
        for where, expression in deployed.panel_queries() + deployed.rules() + [(n, s) for n, s, _ in deployed.variable_queries()]:
            self.assertLessEqual(deployed.metrics_in(expression), known, where)

    # The other way round: what is shown nowhere is either not worth a metric or missing on the dashboard.
    def test_documented_metrics_are_used(self):
        used = set()
        for _, expression in deployed.panel_queries() + deployed.rules():
            used |= deployed.metrics_in(expression)
        spare = {name for name in set(deployed.documented_metrics()) - used if not name.startswith(("sekisho_rocksdb_", "process_"))}
        self.assertLessEqual(spare, {"sekisho_standby_commits_total", "sekisho_transaction_records_total", "sekisho_transaction_bytes_total",
                                     "sekisho_connect_file_rotations_total", "sekisho_connect_file_truncations_total",
                                     "sekisho_connect_gap_bytes_total", "sekisho_connect_heartbeats_total"})

    # Goal: every query parses. Method: each as a recording rule, which promtool reads.
    def test_queries_parse(self):
        queries = [expression for _, expression in deployed.panel_queries()] + [
            part for _, expression in deployed.rules() for part in deployed.without_conditions(expression)]
        lines = ["groups:", "- name: g", "  rules:"]
        for i, expression in enumerate(queries):
            whole = deployed.substitute(expression, "1m", engine=".*", connector=".*")
            lines += [f"  - record: q{i}", "    expr: '" + whole.replace("'", "''") + "'"]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            done = subprocess.run(["promtool", "check", "rules", file.name],
                                  capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(queries)} rules found", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
