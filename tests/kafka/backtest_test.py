#!/usr/bin/env python3
# `sekisho backtest` over a cluster's log, against a real broker: it finds for whom a policy changes what, as over the files that the
# events came from; a range cuts; what operators ordered counts; nothing in the cluster shows that it was there.
# Usage: backtest_test.py SEKISHO PRODUCE_LOGS
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from broker import Cluster, wait_until  # noqa: E402
from loglines import HOME_JP, THIEVES, Log, domestic_days  # noqa: E402
from proto_bytes import murmur2_partition  # noqa: E402

PROGRAM, PRODUCE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
PARTITIONS = 2
SECONDS_MAX = 60
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
ROBBED_FIRST, ROBBED_THEN, UNHARMED = "taro@example.jp", "jiro@example.jp", "hanako@example.jp"
NEW = """version: new
rules:
  - {name: abroad, when: distinct_countries(1h) >= 2, score: 90, family: history, mode: "on"}
  - {name: busy, when: recipients(10m) >= 3, score: 60, family: volume, mode: "on"}
"""
LAZY = "version: lazy\nladder: {suspend: {risk: 100, families: 9}, beyond_doubt_score: 100}\n"


def robbed(user, day):
    """Two days at home, then a rotation. It begins right after the end of what robs somebody three days earlier, because produce_logs
    tells a partition no time before its first event."""
    log = Log()
    log.login((day - 3) * 86400 + 9 * 3600 + 900, UNHARMED, HOME_JP)
    for login in (ROBBED_FIRST, ROBBED_THEN, UNHARMED):
        domestic_days(log, login, 2, HOME_JP, first_day=day - 2)
    for i, ip in enumerate(THIEVES):
        log.submit(day * 86400 + 9 * 3600 + 60 * i, user, ip, [f"victim{i}-{k}@stranger{k}.example" for k in range(3)])
    return log.text()


class BacktestRange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.kafka = cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        folder = tempfile.TemporaryDirectory(prefix="sekisho-backtest-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.new, cls.lazy = cls.write("new.yaml", NEW), cls.write("lazy.yaml", LAZY)
        cls.key = cls.write("noc.key", "k" * 64)
        cls.logs = [cls.write("first.log", robbed(ROBBED_FIRST, 3)), cls.write("then.log", robbed(ROBBED_THEN, 6))]

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def produce(self, topic, log):
        subprocess.run([PRODUCE, "--brokers", self.kafka.bootstrap, "--topic", topic, "--connector", os.path.basename(log), log], check=True,
                       capture_output=True, timeout=SECONDS_MAX)

    def backtest(self, *arguments, expect=OK):
        done = subprocess.run([PROGRAM, "backtest", "--policy", self.new, "--against", self.lazy, *arguments], capture_output=True, text=True,
                              timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, done)
        return done

    def over(self, topic, *arguments):
        """The report over a topic."""
        return json.loads(self.backtest("--json", "--brokers", self.kafka.bootstrap, "--topic", topic, *arguments).stdout)

    def a_moment(self):
        """A time between all that was sent and all that will be."""
        begun = time.time()
        wait_until(lambda: time.time() > begun + 0.002, "time doesn't pass", SECONDS_MAX)
        moment = time.time_ns() // 1_000_000
        wait_until(lambda: time.time() * 1000 > moment + 1, "time doesn't pass", SECONDS_MAX)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1000)) + f".{moment % 1000:03d}Z"

    @staticmethod
    def changes(report):
        return [(change["account"], change["change"]) for change in report["changes"]]

    # Goal: over the log it finds what it finds over the files; a range cuts by when the records were sent; what can't be read, a
    # pushed policy and a copy are counted and change nothing; nobody can see in the cluster that somebody read.
    def test_over_the_log_as_over_the_files(self):
        self.assertNotEqual(murmur2_partition(ROBBED_FIRST.encode(), PARTITIONS), murmur2_partition(ROBBED_THEN.encode(), PARTITIONS))
        self.kafka.create_topic("events", partitions=PARTITIONS)
        self.produce("events", self.logs[0])
        between = self.a_moment()
        self.produce("events", self.logs[1])
        self.produce("events", self.logs[1])  # a connector that lost its place, under the same origins
        subprocess.run(["kcat", "-P", "-b", self.kafka.bootstrap, "-t", "events", "-p", "1"], input=b"rubbish", timeout=SECONDS_MAX, check=True)
        subprocess.run([PROGRAM, "policy", "push", self.lazy, "--brokers", self.kafka.bootstrap, "--key-id", "noc", "--key", self.key,
                        "--operator", "noc"], check=True, capture_output=True, timeout=SECONDS_MAX)
        files = json.loads(self.backtest("--json", *self.logs).stdout)
        self.assertEqual(self.changes(files), [(ROBBED_FIRST, "newly_suspended"), (ROBBED_THEN, "newly_suspended")])

        log = self.over("events", "--operator-key", f"noc={self.key}")
        for same in ("policy", "against", "events", "accounts", "from", "counts", "detectors", "changes"):
            self.assertEqual(log[same], files[same], same)
        copies = log["passed_over"].pop("repeat")
        self.assertGreater(copies, 0)
        self.assertEqual(log["passed_over"], {"undecodable": 1, "policy": PARTITIONS})
        self.assertEqual(self.over("events")["passed_over"], {"undecodable": 1, "signature": PARTITIONS, "repeat": copies})

        self.assertEqual(self.changes(self.over("events", "--since", between)), [(ROBBED_THEN, "newly_suspended")])
        self.assertEqual(self.changes(self.over("events", "--until", between)), [(ROBBED_FIRST, "newly_suspended")])
        self.assertEqual(self.changes(self.over("events", "--since", "1h")), self.changes(files))
        later = self.backtest("--brokers", self.kafka.bootstrap, "--since", "2999-01-01", expect=FAILED)
        self.assertIn("topic events: the log holds no records in that range", later.stderr)
        text = self.backtest("--brokers", self.kafka.bootstrap).stdout
        for part in ("records passed over", "undecodable", ROBBED_FIRST, "own_rule:abroad"):
            self.assertIn(part, text)

        listed = subprocess.run(["kcat", "-L", "-b", self.kafka.bootstrap], capture_output=True, text=True, timeout=SECONDS_MAX, check=True).stdout
        self.assertIn('"events"', listed)
        self.assertNotIn("__consumer_offsets", listed, "there was a group")

    # Goal: what an operator allowed then is allowed to both, if his key is believed. Method: the account is allowed before it is robbed.
    def test_orders_of_the_log_count(self):
        self.kafka.create_topic("ordered", partitions=PARTITIONS)
        subprocess.run([PROGRAM, "allow", "--account", ROBBED_FIRST, "--owner", "noc", "--reason", "known", "--brokers", self.kafka.bootstrap,
                        "--topic", "ordered", "--key-id", "noc", "--key", self.key, "--operator", "noc"], check=True, capture_output=True,
                       timeout=SECONDS_MAX)
        self.produce("ordered", self.logs[0])
        self.assertEqual(self.changes(self.over("ordered", "--operator-key", f"noc={self.key}")), [(ROBBED_FIRST, "told_only")])
        unsigned = self.over("ordered")
        self.assertEqual(self.changes(unsigned), [(ROBBED_FIRST, "newly_suspended")])
        self.assertEqual(unsigned["passed_over"], {"signature": 1})

    # Goal: what can't work is said in words. Method: one mistake at a time.
    def test_mistakes(self):
        self.kafka.create_topic("empty", partitions=PARTITIONS)
        at = ("--brokers", self.kafka.bootstrap)
        cases = [
            ((), USAGE, "--brokers"),
            ((*at, self.logs[0]), USAGE, "FILE excludes --brokers"),
            ((*at, "--year", "2026"), USAGE, "--year excludes --brokers"),
            (("--since", "1d", self.logs[0]), USAGE, "--since requires --brokers"),
            ((*at, "--since", "yesterday"), USAGE, "--since yesterday"),
            ((*at, "--since", "1d", "--until", "2d"), USAGE, "--until"),
            ((*at, "--operator-key", "noc"), USAGE, "--operator-key noc"),
            ((*at, "-X", "no.such=1"), USAGE, "no.such"),
            ((*at, "--topic", "absent"), FAILED, "topic absent isn't there"),
            ((*at, "--topic", "empty"), FAILED, "topic empty: the log holds no records in that range"),
            (("--brokers", "127.0.0.1:1", "--timeout", "2"), FAILED, "127.0.0.1:1"),
        ]
        for arguments, code, words in cases:
            with self.subTest(arguments=arguments):
                done = self.backtest(*arguments, expect=code)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stdout, "")

    # Goal: Ctrl-C ends it in good order, whatever the brokers do. Method: it is waiting for one that says nothing.
    def test_ctrl_c(self):
        self.kafka.pause(1)
        self.addCleanup(self.kafka.resume, 1)
        with subprocess.Popen([PROGRAM, "backtest", "--policy", self.new, "--brokers", self.kafka.bootstrap, "--timeout", "5"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            def listens():
                with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                    caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
                return int(caught, 16) >> (signal.SIGINT - 1) & 1
            try:
                wait_until(listens, "it doesn't listen to signals", SECONDS_MAX)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=SECONDS_MAX)
            finally:
                process.kill()
        self.assertEqual((process.returncode, out), (INTERRUPTED, ""), err)
        self.assertIn("stopped before the end", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
