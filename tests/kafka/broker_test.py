#!/usr/bin/env python3
# The broker fixture, held against kcat: a client that nobody here wrote produces and reads through one broker and through three,
# with and without TLS and passwords, while brokers die, freeze and come back.
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import BrokerError, Cluster, Sasl, wait_until  # noqa: E402


def produce(kafka, topic, lines, arguments=()):
    # -E: kcat would leave at "all brokers down", which it says as well when the first one it asks is the dead one.
    return subprocess.run(["kcat", "-P", "-E", "-t", topic, "-K", "\t", "-b", kafka.bootstrap, "-X", "enable.idempotence=true",
                           "-X", "socket.timeout.ms=3000", *arguments],
                          input="".join(line + "\n" for line in lines), text=True, capture_output=True, timeout=60)


class OneBroker(unittest.TestCase):
    # Goal: what is produced is read back, also after a crash and after an orderly restart; a topic that is there already can't be
    # made; and in the end nothing is left behind, neither a process nor a file.
    def test_produces_and_reads(self):
        with Cluster() as kafka:
            kafka.create_topic("t", partitions=3, config={"retention.ms": 3600000})
            with self.assertRaisesRegex(BrokerError, "already exists"):
                kafka.create_topic("t")
            self.assertEqual(produce(kafka, "t", ["a\tone", "b\ttwo"]).returncode, 0)
            kafka.kill(1)
            kafka.start_node(1)
            self.assertEqual(produce(kafka, "t", ["a\tthree"]).returncode, 0)
            kafka.restart(1)
            records = kafka.read("t")
            self.assertEqual(sorted((r["key"], r["payload"]) for r in records), [("a", "one"), ("a", "three"), ("b", "two")])
            self.assertEqual(len({r["partition"] for r in records if r["key"] == "a"}), 1)
            process = kafka.nodes[0].process
        self.assertIsNotNone(process.returncode)
        self.assertFalse(os.path.exists(kafka.folder))

    # Goal: a broker that can't start says why, and leaves nothing behind either.
    def test_says_why_it_does_not_start(self):
        kafka = Cluster(config={"num.io.threads": "none"})
        with self.assertRaisesRegex(BrokerError, "num.io.threads"):
            with kafka:
                pass
        self.assertIsNone(kafka.nodes[0].process)
        self.assertFalse(os.path.exists(kafka.folder))


class ThreeBrokers(unittest.TestCase):
    # Goal: a cluster of three goes on while one is dead, and while one is frozen. Method: acks=all, min.insync.replicas=2.
    def test_goes_on_without_one(self):
        with Cluster(nodes=3) as kafka:
            kafka.create_topic("t", partitions=6)
            kafka.kill(3)
            done = produce(kafka, "t", [f"k{i}\t{i}" for i in range(100)])
            self.assertEqual(done.returncode, 0, done.stderr)
            kafka.start_node(3)
            kafka.pause(1)
            done = produce(kafka, "t", [f"k{i}\t{i}" for i in range(100, 200)])
            self.assertEqual(done.returncode, 0, done.stderr)
            kafka.resume(1)
            kafka.wait_ready(1, brokers=3)
            # The thawed broker first takes itself for the leader it was; a reader that asks it sees an old end of the log.
            wait_until(lambda: sorted(int(r["payload"]) for r in kafka.read("t")) == list(range(200)), "200 records")


class Passwords(unittest.TestCase):
    # Goal: a listener that wants TLS and a password lets in who has it, and nobody else.
    def test_wrong_password(self):
        with Cluster(sasl=Sasl({"ann": "secret"})) as kafka:
            kafka.create_topic("t")
            done = produce(kafka, "t", ["a\tone"], kafka.client_arguments())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([r["payload"] for r in kafka.read("t")], ["one"])
            wrong = subprocess.run(["kcat", "-L", "-m", "5", "-b", kafka.bootstrap, *kafka.client_arguments(password="guess")],
                                   capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            self.assertNotEqual(wrong.returncode, 0)


class Waiting(unittest.TestCase):
    def test_gives_up(self):
        with self.assertRaisesRegex(BrokerError, "never"):
            wait_until(lambda: False, "never", seconds=0.1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
