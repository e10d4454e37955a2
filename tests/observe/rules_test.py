#!/usr/bin/env python3
# The alert rules are valid and tested: there is a test that fails when an alert can't fire any more, one that fails when it fires
# without reason, and one that fails when its threshold moves. Needs promtool.
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deployed  # noqa: E402


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


def run_rule_tests(rules):
    """promtool's answer for `rules`, a text, by the tests as they are."""
    with tempfile.TemporaryDirectory(prefix="sekisho-rules-") as folder:
        os.mkdir(os.path.join(folder, "tests"))
        with open(os.path.join(folder, "sekisho.rules.yml"), "w", encoding="utf-8") as file:
            file.write(rules)
        shutil.copy(deployed.RULE_TESTS, os.path.join(folder, "tests"))
        return promtool("test", "rules", os.path.join(folder, "tests", os.path.basename(deployed.RULE_TESTS)))


class Rules(unittest.TestCase):
    def setUp(self):
        with open(deployed.RULES, encoding="utf-8") as file:
            self.text = file.read()

    def test_files_are_valid(self):
        for command, path in (("rules", deployed.RULES), ("config", deployed.PROMETHEUS)):
            done = promtool("check", command, path)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn("FAILED", done.stdout)

    def test_unit_tests_pass(self):
        done = promtool("test", "rules", deployed.RULE_TESTS)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_every_alert_says_what_to_do(self):
        alerts = re.split(r"^ +- alert: ", self.text, flags=re.MULTILINE)[1:]
        self.assertEqual(len(alerts), len(deployed.rules()))
        for alert in alerts:
            for part in ("severity: ", "summary: ", "description: ", "runbook: "):
                self.assertIn(part, alert)
            self.assertRegex(alert, r"severity: (page|ticket)\b")

    def run_changed(self, change):
        """What promtool expected and what it got where tests failed, with each expression put through `change`."""
        text = self.text
        for alert, expression in deployed.rules():
            line = f"- alert: {alert}\n        expr: "
            self.assertEqual(text.count(line + expression + "\n"), 1, alert)
            text = text.replace(line + expression + "\n", line + change(expression) + "\n")
        done = run_rule_tests(text)
        self.assertNotEqual(done.returncode, 0)
        parts = re.split(r"\b(exp|got):", done.stdout)
        return tuple(" ".join(after for name, after in zip(parts[1::2], parts[2::2]) if name == wanted) for wanted in ("exp", "got"))

    # Goal: the tests would notice. Method: alerts that can't fire any more are missed, each of them.
    def test_rules_that_never_fire_fail(self):
        expected, _ = self.run_changed(lambda expression: "vector(0) > 1")
        for alert, _ in deployed.rules():
            self.assertIn(f'alertname="{alert}"', expected)

    def test_rules_that_always_fire_fail(self):
        _, got = self.run_changed(lambda expression: "vector(1)")
        for alert, _ in deployed.rules():
            self.assertIn(f'alertname="{alert}"', got)

    # Numbers as well: thresholds a hundred times as high.
    def test_shifted_thresholds_fail(self):
        expected, _ = self.run_changed(lambda expression: re.sub(r" > ([0-9.]*[1-9])", r" > 100 * \1", expression))
        for alert, expression in deployed.rules():
            if re.search(r" > [0-9.]*[1-9]", expression):
                self.assertIn(f'alertname="{alert}"', expected, expression)


if __name__ == "__main__":
    unittest.main(verbosity=2)
