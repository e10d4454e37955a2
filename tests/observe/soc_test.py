#!/usr/bin/env python3
# Goal: the example consumer prints one line of ASCII for each finding, whatever a thief called himself, and survives what is none.
# Method: findings of every look through standard input, and through a real broker.
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deployed  # noqa: E402
sys.path.insert(0, os.path.join(deployed.ROOT, "tests/kafka"))
from broker import Cluster  # noqa: E402

CONSUMER = os.path.join(deployed.ROOT, "deploy/examples/soc_consumer.py")
HOSTILE = ["a\nb", "\x1b[2J\x1b]0;x\x07", "\u202etxt.exe", "関所@例え.jp", '" uid=0 account="', "x" * 5000, "\u2028\x85", "\ud800", "\x00", ""]


def finding(number, account, **more):
    return {"time": 1772409600123 + number, "severity": "High", "risk_score": 90,
            "finding_info": {"uid": f"{number:032x}", "analytic": {"uid": "source_rotation"}, "related_analytics": [{"uid": "send_rate"}]},
            "evidences": [{"name": "source", "src_endpoint": {"ip": "203.0.113.9"}}],
            "resources": [{"name": account}], "unmapped": {"action": "suspend", "mode": "enforce"}, **more}


def consume(*arguments, data=b""):
    return subprocess.run([sys.executable, CONSUMER, *arguments], input=data, capture_output=True, timeout=60)


class Consumer(unittest.TestCase):
    def check(self, done, accounts):
        """One line for each, in order, which gives the very name back."""
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.split(b"\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(len(lines), len(accounts), done)
        for line, account in zip(lines, accounts):
            self.assertRegex(line, rb"^[ -~]*$")
            before, name = line.split(b" account=", 1)
            self.assertRegex(before, rb"^2026-03-02T00:00:0\dZ High suspend risk=90 by=source_rotation,send_rate source=203\.0\.113\.9 uid=[0-9a-f]{32}$")
            self.assertEqual(json.loads(name), account)

    def test_names(self):
        lines = [json.dumps(finding(i, name)) for i, name in enumerate(HOSTILE)]
        lines += [json.dumps(finding(99, "plain"), ensure_ascii=False), lines[0]]
        done = consume(data="\n".join(lines).encode())
        self.check(done, [*HOSTILE, "plain"])  # the last one came twice
        self.assertEqual(done.stderr, b"")

    def test_what_is_no_finding(self):
        bad = [b"", b"{", b"null", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, json.dumps(finding(1, "x", time=1e300)).encode(),
               json.dumps(finding(2, "x", time=None)).encode(), json.dumps(finding(3, "x", risk_score="high")).encode(),
               json.dumps(finding(4, "x", resources=[])).encode(), json.dumps(finding(5, "x", finding_info={"uid": []})).encode(),
               json.dumps(finding(6, "x", severity=["\n"])).encode()]
        done = consume(data=b"\n".join([*bad, json.dumps(finding(7, "last")).encode()]))
        self.check(done, ["last"])
        self.assertEqual(done.stderr.count(b"not a finding ("), len(bad), done.stderr)
        self.assertRegex(done.stderr, rb"^[\n -~]*$")

    def test_shadow_and_no_source(self):
        done = consume(data=json.dumps(finding(1, "x", unmapped={"action": "throttle", "mode": "shadow"}, evidences=[])).encode())
        self.assertIn(b" throttle(shadow) risk=90 ", done.stdout)
        self.assertIn(b" source=- ", done.stdout)

    def test_a_dead_broker_is_no_success(self):
        done = consume("--brokers", "127.0.0.1:1", "--until-end")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"Broker transport failure", done.stderr)

    def test_through_a_broker(self):
        with Cluster() as kafka:
            kafka.create_topic("findings", partitions=3)

            def produce(number, name):
                subprocess.run(["kcat", "-P", "-b", kafka.bootstrap, "-t", "findings", "-p", "0"], check=True, timeout=60,
                               input=json.dumps(finding(number, name)).encode())

            for i, name in enumerate(HOSTILE):
                produce(i, name)
            produce(0, "again")
            done = consume("--brokers", kafka.bootstrap, "--from", "beginning", "--until-end", "-X", "client.id=soc")
            self.check(done, HOSTILE)
            # From now on: what comes later is printed as it comes.
            with subprocess.Popen([sys.executable, CONSUMER, "--brokers", kafka.bootstrap, "--from", "beginning"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE) as follower:
                try:
                    for _ in HOSTILE:
                        follower.stdout.readline()
                    produce(50, "later")
                    self.assertTrue(follower.stdout.readline().endswith(b'account="later"\n'))
                finally:
                    follower.terminate()
            self.assertEqual(follower.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
