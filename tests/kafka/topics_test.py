#!/usr/bin/env python3
# `sekisho topics` against a real cluster: makes what deploy/topics.yaml wants, and says what differs.
# Usage: topics_test.py SEKISHO
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import ROOT, Cluster, Sasl  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
SMALL = ["--replication", "1", "--partitions", "accounts=4", "--config", os.path.join(ROOT, "deploy/topics.yaml")]


def topics(command, brokers, *arguments, timeout=20):
    return subprocess.run([PROGRAM, "topics", command, "--brokers", brokers, "--timeout", str(timeout), *arguments], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)


class Topics(unittest.TestCase):
    # Goal: what differs is said, what is missing is made, and nothing that is there is touched.
    # Method: one topic made by hand with the wrong number of partitions, too short a retention and a bound by size.
    def test_what_differs(self):
        with Cluster() as kafka:
            kafka.create_topic("events", partitions=3, config={"retention.ms": 3600000, "retention.bytes": 1000000})
            done = topics("check", kafka.bootstrap, *SMALL)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("events: 3 partitions, wanted 4\n", done.stdout)
            self.assertIn("events: retention.ms is 3600000, wanted at least 604800000\n", done.stdout)
            self.assertIn("events: retention.bytes is 1000000, wanted unlimited\n", done.stdout)
            self.assertIn("verdicts: missing\n", done.stdout)
            done = topics("create", kafka.bootstrap, *SMALL)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("verdicts: created\n", done.stdout)
            self.assertNotIn("events: created", done.stdout)
            self.assertIn("events: 3 partitions, wanted 4\n", done.stdout)
            self.assertNotIn("verdicts: missing", done.stdout)

    # Goal: an empty cluster gets all topics as wanted, and making them again changes nothing; TLS and password pass through. What one
    # broker can't have, a wrong password, a dead address and a wrong setting each say so.
    def test_create_and_connection(self):
        with Cluster(sasl=Sasl()) as kafka:
            done = topics("create", kafka.bootstrap, *SMALL, *kafka.client_arguments())
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertIn("8 topics are as wanted\n", done.stdout)
            done = topics("create", kafka.bootstrap, *SMALL, *kafka.client_arguments())
            self.assertEqual((done.returncode, done.stdout), (0, "8 topics are as wanted\n"), done)
            # One broker cannot hold three copies of anything.
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write("groups: {g: 1}\nreplication: 3\ntopics: {more: {group: g}}\n")
                file.flush()
                done = topics("create", kafka.bootstrap, "--config", file.name, *kafka.client_arguments())
            self.assertEqual(done.returncode, 1, done)
            self.assertRegex(done.stderr, "topic more can't be made: .*replication")
            # These two are tried until the time is over.
            done = topics("check", kafka.bootstrap, *SMALL, *kafka.client_arguments(password="guess"), timeout=3)
            self.assertEqual(done.returncode, 1, done)
            self.assertRegex(done.stderr, "(?i)authentication")
            done = topics("check", "127.0.0.1:1", *SMALL, timeout=1)
            self.assertEqual(done.returncode, 1, done)
            self.assertRegex(done.stderr, "(?i)refused")
            done = topics("check", kafka.bootstrap, *SMALL, "-X", "no.such.setting=1")
            self.assertEqual(done.returncode, 2, done)
            self.assertIn("no.such.setting", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
