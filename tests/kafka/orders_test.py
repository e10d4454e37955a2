#!/usr/bin/env python3
# Operators' orders against a real broker: `sekisho policy push`, `release`, `allow`, `deny` and `policy status`. What they append is
# read back by kcat and taken apart here, without any of our code.
# Usage: orders_test.py SEKISHO
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Cluster  # noqa: E402
from proto_bytes import bytes_field, fields, murmur2_partition, number_field  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
PARTITIONS = 4


def run(*arguments):
    # Whoever runs the test is no operator.
    environment = {name: value for name, value in os.environ.items() if name not in ("USER", "LOGNAME", "SUDO_USER")}
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env=environment)


class Orders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.kafka = cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.key = os.path.join(cls.folder.name, "noc.key")
        cls.secret = os.urandom(32).hex().encode()
        with open(cls.key, "wb") as file:
            file.write(cls.secret + b"\n")

    def given(self, topic, *command):
        """Runs a command that gives an order; returns what it printed by partition: {partition: offset}."""
        done = run(*command, "--brokers", self.kafka.bootstrap, "--topic", topic, "--key-id", "noc", "--key", self.key,
                   "--operator", "hanako")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        lines = [line.split() for line in done.stdout.splitlines() if line.startswith("partition ")]
        return {int(words[1].rstrip(":")): int(words[3]) for words in lines}

    def record(self, topic, partition, offset):
        """(key, fields of the order) of one record, whose signature is good."""
        read = subprocess.run(["kcat", "-C", "-b", self.kafka.bootstrap, "-t", topic, "-p", str(partition), "-o", str(offset), "-c", "1",
                               "-e", "-q", "-D", "", "-f", "%k\n%s"], capture_output=True, timeout=60, check=True,
                              stdin=subprocess.DEVNULL)
        key, _, value = read.stdout.partition(b"\n")
        (number, control), = fields(value)
        self.assertEqual(number, 2)
        (number, signed), = fields(control)
        self.assertEqual(number, 1)
        signed = dict(fields(signed))
        self.assertEqual(signed[2], b"noc")
        self.assertEqual(signed[3], hmac.new(self.secret, b"sekisho.v1.OperatorOrder\0" + signed[1], hashlib.sha256).digest())
        order = dict(fields(signed[1]))
        self.assertEqual(order[2], b"hanako")
        return key, order

    # Goal: a policy reaches every partition, signed, with its text; a second push is as good as the first; an invalid one never
    # leaves. Method: push twice, read each record back.
    def test_policy_push(self):
        self.kafka.create_topic("pushed", partitions=PARTITIONS)
        policy = os.path.join(self.folder.name, "site.yaml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write("version: site-7\nmode: shadow\n")
        first = self.given("pushed", "policy", "push", policy)
        second = self.given("pushed", "policy", "push", policy)
        self.assertEqual(sorted(first), list(range(PARTITIONS)))
        nonces = set()
        for offsets in (first, second):
            for partition, offset in offsets.items():
                key, order = self.record("pushed", partition, offset)
                self.assertEqual(key, b"")
                activation = dict(fields(order[10]))
                self.assertRegex(activation[1].decode(), "^site-7-[0-9a-f]{8}$")
                self.assertEqual(activation[2], b"version: site-7\nmode: shadow\n")
                nonces.add(order[3])
        self.assertEqual(len(nonces), 2)
        with open(policy, "a", encoding="utf-8") as file:
            file.write("modus: shadow\n")
        done = run("policy", "push", policy, "--brokers", self.kafka.bootstrap, "--topic", "pushed", "--key-id", "noc", "--key", self.key,
                   "--operator", "hanako")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("site.yaml:3:", done.stderr)

    # Goal: orders about one account go to its partition, all others to each. Method: several accounts against Kafka's own hash.
    def test_accounts_and_sources(self):
        self.kafka.create_topic("given", partitions=PARTITIONS)
        used = set()
        for account in ("a@example.jp", "bb@example.jp", "ccc@example.jp", "dddd@example.jp", "eeeee@example.jp"):
            offsets = self.given("given", "release", account.upper(), "--reason", "called us", "--grace", "36h")
            self.assertEqual(list(offsets), [murmur2_partition(account.encode(), PARTITIONS)])
            used.update(offsets)
            (partition, offset), = offsets.items()
            key, order = self.record("given", partition, offset)
            self.assertEqual(key, account.encode())
            self.assertEqual(dict(fields(order[11])), {1: account.encode(), 2: b"called us", 3: 36 * 3600 * 1000, 4: 1})
        self.assertGreater(len(used), 1)
        why = ("--owner", "noc", "--reason", "ours")
        self.assertEqual(list(self.given("given", "allow", "--account", "A@example.jp", *why)), [murmur2_partition(b"a@example.jp", PARTITIONS)])
        subjects = {("--network", "192.0.2.77/24"): (2, b"192.0.2.0/24"), ("--network", "2001:db8::/32"): (2, b"2001:db8::/32"),
                    ("--asn", "64500"): (3, 64500), ("--domain", "Example.JP"): (4, b"example.jp")}
        for arguments, subject in subjects.items():
            for verb, number in (("allow", 12), ("deny", 13)):
                offsets = self.given("given", verb, *arguments, *why, "--expires", "30d")
                self.assertEqual(sorted(offsets), list(range(PARTITIONS)))
                _, order = self.record("given", 2, offsets[2])
                exception = dict(fields(order[number]))
                self.assertEqual(fields(exception[1]), [subject])
                # From when the command began, a moment before the order was signed.
                self.assertAlmostEqual(exception[4], order[1] + 30 * 86400 * 1000, delta=60_000)
        offsets = self.given("given", "deny", "--asn", "64500", *why, "--withdraw")
        exception = dict(fields(self.record("given", 0, offsets[0])[1][13]))
        self.assertEqual(exception[5], 1)
        self.assertNotIn(4, exception)

    # Goal: status tells each partition's newest committed marker, wherever it stands, and says so where there is none.
    # Method: markers built here; one of them far from the end.
    def test_policy_status(self):
        self.kafka.create_topic("states", partitions=3)

        def put(partition, key, value):
            path = os.path.join(self.folder.name, "value")
            with open(path, "wb") as file:
                file.write(value)
            subprocess.run(["kcat", "-P", "-b", self.kafka.bootstrap, "-t", "states", "-p", str(partition), "-k", key, path], timeout=60,
                           check=True, stdin=subprocess.DEVNULL)

        def marker(partition, offset, version, since):
            return number_field(1, partition) + number_field(2, offset) + bytes_field(4, version) + (number_field(12, since) if since else b"")

        put(0, "m", marker(0, 10, b"first", 0))
        put(0, "m", marker(0, 20, b"second", 15))
        put(2, "m", marker(2, 300, b"first", 0))
        others = "".join(f"a{n:016}:state\n" for n in range(500))
        subprocess.run(["kcat", "-P", "-b", self.kafka.bootstrap, "-t", "states", "-p", "2", "-K", ":"], input=others, text=True, timeout=60,
                       check=True)
        done = run("policy", "status", "--brokers", self.kafka.bootstrap, "--topic", "states")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stdout.splitlines(), [
            "partition 0: version second since offset 15; folded up to offset 20",
            "partition 1: no engine has stored a state yet",
            "partition 2: version first since it began; folded up to offset 300",
        ])
        self.assertIn("different policies", done.stderr)

    # Goal: what can't work is said before anything is sent. Method: one mistake at a time.
    def test_mistakes(self):
        short = os.path.join(self.folder.name, "short.key")
        with open(short, "wb") as file:
            file.write(b"x" * 31 + b"\n")
        at = ("--brokers", self.kafka.bootstrap, "--timeout", "10")
        signed = ("--key-id", "noc", "--key", self.key, "--operator", "hanako")
        cases = [
            (("release", "a@example.jp", "--reason", "r", *at, "--key-id", "noc", "--key", self.key), 2, "--operator"),
            (("release", "a@example.jp", "--reason", "r", *at, "--key-id", "noc", "--key", short), 2, "short.key: must hold 32 to 4096 bytes"),
            (("release", "a@example.jp", "--reason", "r", *at, "--key-id", "noc", "--key", "/nonexistent"), 2, "/nonexistent"),
            (("release", "a@example.jp", "--reason", "r", "--grace", "soon", *at, *signed), 2, "--grace soon"),
            (("release", "a@example.jp", "--reason", "r", "--grace", "999d", *at, *signed), 2, "grace"),
            (("deny", "--network", "192.0.2.0/99", "--owner", "o", "--reason", "r", *at, *signed), 2, "192.0.2.0/99"),
            (("deny", "--owner", "o", "--reason", "r", *at, *signed), 2, "--network"),
            (("allow", "--asn", "1", "--domain", "d", "--owner", "o", "--reason", "r", *at, *signed), 2, "--network"),
            (("allow", "--asn", "1", "--owner", "o", "--reason", "r", "--topic", "absent", *at, *signed), 1, "topic absent"),
            (("allow", "--asn", "1", "--owner", "o", "--reason", "r", *at, *signed, "-X", "no.such=1"), 2, "no.such"),
            (("policy", "status", *at, "--topic", "absent"), 1, "topic absent"),
            (("policy", "status", "--brokers", "127.0.0.1:1", "--timeout", "2"), 1, "127.0.0.1:1"),
        ]
        for arguments, code, words in cases:
            done = run(*arguments)
            self.assertEqual(done.returncode, code, (arguments, done))
            self.assertIn(words, done.stderr, (arguments, done))
            self.assertEqual(done.stdout, "", (arguments, done))


if __name__ == "__main__":
    unittest.main()
