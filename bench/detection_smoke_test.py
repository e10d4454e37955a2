#!/usr/bin/env python3
# bench/detection and bench/fit still run, keep their promises, and print their figures; what the figures are is no matter here.
# Usage: detection_smoke_test.py BUILD_FOLDER
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

BUILD = os.path.abspath(sys.argv.pop(1))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import detection_lib as lib  # noqa: E402

SMALL = ["--accounts", "200", "--days", "3", "--history", "1"]


def run(name, *arguments):
    return subprocess.run([sys.executable, os.path.join(HERE, name), "--build", BUILD, *arguments], capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL)


class Statistics(unittest.TestCase):
    # Method: published values of Wilson's interval; ranks counted by hand.
    def test_wilson(self):
        low, high = lib.wilson(0, 10)
        self.assertAlmostEqual(low, 0)
        self.assertAlmostEqual(high, 0.2775, places=4)
        low, high = lib.wilson(81, 263)
        self.assertAlmostEqual(low, 0.2553, places=4)
        self.assertAlmostEqual(high, 0.3662, places=4)

    def test_quantile_is_of_the_nearest_rank(self):
        self.assertEqual(lib.quantile([5, 1, 3], 0.5), 3)
        self.assertEqual(lib.quantile(list(range(1, 101)), 0.95), 95)

    def test_scores_add_up(self):
        one = {"rule": "r", "at_least": 1,
               "attacks": {"burst": {"stolen": 2, "suspended": 1, "by_second_day": 1, "escaped": [5, 9], "seconds": [3]}},
               "owners": {"home": {"accounts": 10, "days": 500_000, "suspended": 1, "suspensions": 2, "throttled": 0, "notified": 3}}}
        total = lib.add_up([{"scores": [one]}, {"scores": [one]}])["r", 1]
        self.assertEqual(total.recall(), 0.5)
        self.assertEqual(total.all_attacks()["escaped"], [5, 9, 5, 9])
        self.assertEqual(total.per_million(), 2.0)
        self.assertEqual(total.per_million("notified"), 6.0)


class Seeds(unittest.TestCase):
    # Goal: nobody tunes on measuring seeds by mistake.
    def test_fit_refuses_measuring_seeds(self):
        done = run("fit", "--seeds", "1000-1003", "--out", os.devnull)
        self.assertEqual(done.returncode, 1)
        self.assertIn("development seeds", done.stderr)

    def test_detection_refuses_a_mixture_and_a_look_at_mistakes(self):
        for arguments in (["--seeds", "99-1000"], ["--seeds", "1000", "--details", "/nowhere"], ["--seeds", "100"]):
            done = run("detection", *arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("measuring", done.stderr)


class Smoke(unittest.TestCase):
    # Method: a tiny population, then the same again: the second time nothing is run, and the tables are the same.
    def test_detection(self):
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["--seeds", "1,2", "--tables", "main,faults", "--few", "2", "--out", folder, "--details", folder + "/d", *SMALL]
            first = run("detection", *arguments)
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertRegex(first.stdout, r"seeds: +main: 2 of 2, 1 to 2 \(development\)")
            self.assertRegex(first.stdout, r"\nsekisho +[\d.]+%")
            self.assertRegex(first.stdout, r"\nmessages 24h >= \d+ +[\d.]+%")
            self.assertRegex(first.stdout, r"\nwith faults +[\d.]+%")
            self.assertIn("3/3 after", first.stderr)
            self.assertTrue(os.path.exists(folder + "/d/main-1.txt"))
            picture = xml.etree.ElementTree.parse(folder + "/detection.svg")
            self.assertGreater(len(picture.findall("{*}polyline")), 5)
            again = run("detection", "--report-only", *arguments)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(again.stdout.split("\n")[1:], first.stdout.split("\n")[1:])

    # Goal: the same seeds and start give the same policy, which is a valid one.
    def test_fit(self):
        with tempfile.TemporaryDirectory() as folder:
            written = []
            for name in ("a.yaml", "b.yaml"):
                done = run("fit", "--seeds", "1", "--rounds", "1", "--cache", folder, "--out", os.path.join(folder, name), *SMALL)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stdout, r"\nbefore +[\d.]+%")
                self.assertRegex(done.stdout, r"\nafter +[\d.]+%")
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    written.append(f.read())
            self.assertEqual(written[0], written[1])
            self.assertRegex(written[0], r'version: "fitted-[0-9a-f]{8}"')


if __name__ == "__main__":
    unittest.main(verbosity=2)
