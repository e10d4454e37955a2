#!/usr/bin/env python3
# What a cluster refuses, and what a cluster shouldn't have been given: TLS and passwords, access lists, and records that nobody can
# use. Daemons and commands work with the least rights, say what is refused and what to do, and go on once it is granted.
# Usage: security_test.py SEKISHO PRODUCE_LOGS SEKISHO_CONNECT SEKISHO, in the order in which the modules below take them.
import collections
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import ROOT, Cluster, Sasl, wait_until  # noqa: E402
from engine_test import ACCOUNTS, OTHERS, PARTITIONS, PRODUCE, PROGRAM, SECONDS_MAX, Engine  # noqa: E402
from connect_test import Connector  # noqa: E402
from proto_bytes import bytes_field, number_field  # noqa: E402

REALM = "mail.example.jp"
WRONG_PASSWORD = "wrong user, password or mechanism"
DEAD_LETTER_BYTES_MAX = 900 * 1024


class SecureCluster(unittest.TestCase):
    """One broker for all: `admin` may do everything, `mx` (a connector) and `node` (an engine) what a test grants them."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(sasl=Sasl({"admin": "correct-horse", "mx": "battery", "node": "staple"}, authorize=True))
        cls.kafka = cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        logs = tempfile.TemporaryDirectory(prefix="sekisho-security-")
        cls.addClassCleanup(logs.cleanup)
        subprocess.run([PROGRAM, "simulate", "--accounts", "80", "--days", "2", "--seed", "5", "--stolen-share", "0.06", "--iso-time", "--out",
                        logs.name], check=True, capture_output=True)
        # In one file, as a central log host would have it: a partition's events come by their time.
        lines = []
        for name in os.listdir(logs.name):
            if name.endswith(".log") and not name.startswith("webmail"):
                with open(os.path.join(logs.name, name), "rb") as file:
                    lines += file.readlines()
        cls.logs = [os.path.join(logs.name, "all.log")]
        with open(cls.logs[0], "wb") as file:
            file.writelines(sorted(lines))
        actions = os.path.join(logs.name, "actions.jsonl")
        subprocess.run([PROGRAM, "replay", "--default-realm", REALM, "--out", actions, *cls.logs], check=True, capture_output=True)
        with open(actions, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        cls.robbed = {a["account"] for a in told if a["action"] == "suspend"}
        assert len(cls.robbed) >= 2, "the simulation must hold thefts"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sekisho-security-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_topics(self, prefix, events=None):
        for topic in ACCOUNTS + OTHERS:
            config = {"cleanup.policy": "compact"} if topic in ("snapshots", "verdicts") else {}
            if topic == "events":
                config = events or {}
            self.kafka.create_topic(prefix + topic, PARTITIONS if topic in ACCOUNTS else 1, config=config)

    def run_sekisho(self, *command, **credentials):
        return subprocess.run([PROGRAM, *command, "--brokers", self.kafka.bootstrap, *self.kafka.client_arguments(**credentials)],
                              capture_output=True, text=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)

    def signing(self):
        key = self.path("noc.key")
        with open(key, "w", encoding="ascii") as file:
            file.write("0123456789abcdef" * 4)
        return ["--key-id", "noc", "--key", key, "--operator", "hanako"]

    def engine(self, name, prefix, user="node", password=None, **settings):
        secrets = self.kafka.client_properties(user=user, password=password)
        return Engine(self, name, prefix, kafka={"bootstrap.servers": self.kafka.bootstrap, **secrets}, commit_every="200ms", **settings)

    def connector(self, name, prefix, user="mx", password=None):
        connector = Connector(self.path(name), self.kafka, self.logs, name=name, topic=prefix + "events",
                              settings=self.kafka.client_properties(user=user, password=password))
        self.addCleanup(connector.end)
        return connector

    def produce(self, prefix):
        done = subprocess.run([PRODUCE, "--brokers", self.kafka.bootstrap, "--topic", prefix + "events", "--default-realm", REALM,
                               *self.kafka.client_arguments(), *self.logs], capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stderr)

    def suspended(self, prefix):
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", prefix + "actions.suspend", "-o", "beginning", "-b", self.kafka.bootstrap,
                               *self.kafka.client_arguments(), "-X", "isolation.level=read_committed", "-f", "%k\t%h\n"],
                              capture_output=True, text=True, timeout=SECONDS_MAX, check=True, stdin=subprocess.DEVNULL)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        return {account for account, headers in rows if "ce_type=sekisho.v1.action.suspend" in headers}

    def expect_suspended(self, engine, prefix):
        engine.wait(lambda: self.robbed <= self.suspended(prefix), f"{self.robbed} aren't all suspended")

    def allow_connector(self, prefix):
        self.kafka.allow("mx", "Write", "Topic", prefix + "events")

    def allow_engine(self, prefix):
        for topic in ("events", "snapshots", "sightings"):
            self.kafka.allow("node", "Read", "Topic", prefix + topic)
        for topic in ACCOUNTS + OTHERS:
            self.kafka.allow("node", "Write", "Topic", prefix + topic)
        self.kafka.allow("node", "Read", "Group", prefix + "group", prefixed=True)
        self.kafka.allow("node", "Write", "TransactionalId", prefix + "group", prefixed=True)

    # Goal: from topics to actions, all speak TLS, prove themselves, and need no more rights than are granted here.
    def test_the_whole_way_with_the_least_rights(self):
        small = ["--replication", "1", "--partitions", f"accounts={PARTITIONS}", "--partitions", f"entities={PARTITIONS}",
                 "--config", os.path.join(ROOT, "deploy/topics.yaml")]
        for command in ("create", "check"):
            done = self.run_sekisho("topics", command, *small)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.allow_connector("")
        self.allow_engine("")
        connector = self.connector("mx1", "")
        self.assertEqual(connector.run_once(), 0, connector.log())
        self.assertNotIn(" error ", connector.log())
        signing = self.signing()
        engine = self.engine("n1", "", operator_keys={"noc": self.path("noc.key")})
        self.expect_suspended(engine, "")
        policy = self.path("policy.yaml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write("version: second\n")
        done = self.run_sekisho("policy", "push", policy, *signing)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)

        def everywhere():
            done = self.run_sekisho("policy", "status")
            self.assertEqual(done.returncode, 0, done)
            return len(re.findall("version second-[0-9a-f]{8} since offset", done.stdout)) == PARTITIONS
        engine.wait(everywhere, "the policy isn't everywhere")
        for shard in range(PARTITIONS):
            engine.wait_for_log(f'info entity_shard_live partition="{shard}"')
        engine.stop()
        self.assertNotIn(" error ", engine.log)
        for secret in ("battery", "staple", "0123456789abcdef"):
            self.assertNotIn(secret, connector.log() + engine.log)
        # Two days read within a second, with hours in which nobody did anything: the connector told the time in between.
        self.assertEqual([reason for _, reason, _ in self.letters("")], [])

    # Goal: a wrong password is told as one, with what to do: once, by who waits; by who can't wait, at the end.
    def test_a_wrong_password_is_said(self):
        guess = {"password": "guess"}
        policy = os.path.join(ROOT, "deploy/policy.yaml")
        for command in (["topics", "check"], ["policy", "status"], ["policy", "push", policy, *self.signing()],
                        ["release", "a@example.jp", "--reason", "r", *self.signing()]):
            done = self.run_sekisho(*command, "--timeout", "3", **guess)
            self.assertEqual(done.returncode, 1, (command, done))
            self.assertIn(WRONG_PASSWORD, done.stderr, command)
        self.make_topics("p.")
        self.allow_connector("p.")
        self.allow_engine("p.")
        connector = self.connector("mx2", "p.", **guess)
        connector.start()
        connector.says('error kafka code="_AUTHENTICATION" .*hint="' + WRONG_PASSWORD)
        engine = self.engine("n2", "p.", **guess)
        engine.wait_for_log('brokers_away why=".*(?i:authentication).*' + WRONG_PASSWORD)
        tried = connector.metric("rounds_total") + 40  # 2 s; by then it has tried again
        wait_until(lambda: connector.metric("rounds_total") > tried, "the connector goes on")
        self.assertEqual(connector.stop(), 0)
        engine.stop()
        for log in (connector.log(), engine.log):
            self.assertEqual(len(re.findall(WRONG_PASSWORD, log)), 1, log)
            self.assertNotIn("guess", log)
        # With the right one, they go on from where they are.
        self.assertEqual(self.connector("mx2", "p.").run_once(), 0)
        engine = self.engine("n2", "p.")
        self.expect_suspended(engine, "p.")

    # Goal: a connector that may not write says what it may not write to, loses nothing, and goes on once it may.
    def test_a_connector_that_may_not_write(self):
        self.make_topics("c.")
        self.kafka.allow("mx", "Describe", "Topic", "c.events")
        connector = self.connector("mx3", "c.")
        connector.start()
        connector.says('error kafka code="(CLUSTER|TOPIC)_AUTHORIZATION_FAILED" reason="topic c.events: .*hint="[^"]*grant it Write')
        wait_until(lambda: (connector.metric("spool_waiting_bytes") or 0) > 0, "events wait in the spool")
        self.assertEqual(self.kafka.read("c.events"), [])
        self.allow_connector("c.")
        wait_until(connector.caught_up, "the connector goes on", SECONDS_MAX)
        events = connector.metric("events_total")
        self.assertEqual(connector.stop(), 0)
        self.assertEqual(len(re.findall('code="CLUSTER_AUTHORIZATION_FAILED"', connector.log())), 1, connector.log())
        self.assertIn("delivers again", connector.log())
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", "c.events", "-o", "beginning", "-b", self.kafka.bootstrap,
                               *self.kafka.client_arguments(), "-f", "%k\n"], capture_output=True, text=True, check=True, timeout=SECONDS_MAX)
        self.assertEqual(sum(1 for key in done.stdout.splitlines() if key), events)

    # Goal: each right that an engine lacks is named, with what to grant; granted, the same process goes on.
    # Method: it has none, and is given one after the other.
    def test_an_engine_that_may_not(self):
        self.make_topics("d.")
        self.produce("d.")
        engine = self.engine("n3", "d.")
        self.assertEqual(engine.wait_for_end(), 1, engine.log)
        self.assertIn("topic d.events isn't there, or this user may not see it", engine.log)
        for topic in ACCOUNTS + OTHERS:
            self.kafka.allow("node", "Describe", "Topic", "d." + topic)
        engine = self.engine("n3", "d.")
        engine.wait_for_log('error kafka client="group" code="GROUP_AUTHORIZATION_FAILED" reason="[^"]*group d.group.*hint="[^"]*Read on the group')
        self.kafka.allow("node", "Read", "Group", "d.group", prefixed=True)
        engine.wait_for_log('error kafka client="outputs" code="TRANSACTIONAL_ID_AUTHORIZATION_FAILED" reason=".*d.group-n3-.*hint="[^"]*grant it Write on trans')
        self.kafka.allow("node", "Write", "TransactionalId", "d.group", prefixed=True)
        engine.wait_for_log('error kafka client="reader" code="TOPIC_AUTHORIZATION_FAILED" reason="d.(events|sightings) .*hint="[^"]*grant it Read')
        self.allow_engine("d.")
        self.expect_suspended(engine, "d.")
        engine.stop()

    # Goal: what can't be used is put aside with a reason, counted, and in nobody's way: the events around it do what they should.
    # Method: to every partition, before and after two days of mail, one record of each kind that somebody may have put there.
    def test_records_that_nobody_can_use(self):
        self.make_topics("b.", events={"max.message.bytes": 2_000_000})
        self.allow_engine("b.")
        self.signing()
        event = (bytes_field(1, b"ann@example.jp") + bytes_field(2, bytes([192, 0, 2, 1])) + number_field(3, 1_700_000_000_000)
                 + number_field(6, 1) + number_field(12, 99) + bytes_field(21, number_field(1, 1)))
        order = number_field(1, 1_700_000_000_000) + bytes_field(2, b"mallory") + bytes_field(3, b"n" * 16)
        order += bytes_field(11, bytes_field(1, b"ann@example.jp"))
        forged = hmac.new(b"not the key", b"sekisho.v1.OperatorOrder\0" + order, hashlib.sha256).digest()
        kinds = {
            "garbage": (b"\xff\xfe no protobuf \x00\x01", "undecodable"),
            "cut": (bytes_field(1, event)[:20], "undecodable"),
            "later": (bytes_field(1, event), "newer schema"),
            "foreign": (bytes_field(99, b"a record of a kind to come"), "newer schema"),
            "empty": (b"", "newer schema"),
            "big": (bytes(range(256)) * 4000, "undecodable"),  # 1 MB
            "huge": (bytes_field(1, event + bytes_field(98, b"x" * 1_200_000)), "too large"),
            "forged": (bytes_field(2, bytes_field(1, bytes_field(1, order) + bytes_field(2, b"noc") + bytes_field(3, forged))), "signature"),
        }
        # Not from files: kcat leaves empty ones out.
        data = b"".join(b"<key>" + value + b"<end>" for value, _ in kinds.values())

        def put():
            for partition in range(PARTITIONS):
                subprocess.run(["kcat", "-P", "-b", self.kafka.bootstrap, "-t", "b.events", "-p", str(partition),
                                *self.kafka.client_arguments(), "-X", "message.max.bytes=2000000", "-K", "<key>", "-D", "<end>"],
                               timeout=SECONDS_MAX, check=True, input=data)
        put()
        self.produce("b.")
        put()
        # Started later, so that no heartbeat of its own, which tells the clock's time, makes the events late.
        engine = self.engine("n4", "b.", operator_keys={"noc": self.path("noc.key")})
        expected = {(reason, self.digest(value[:DEAD_LETTER_BYTES_MAX])): 2 * PARTITIONS for value, reason in kinds.values()}
        engine.wait(lambda: len(self.letters("b.")) >= sum(expected.values()), "not all are dead letters")
        letters = self.letters("b.")
        self.assertEqual(collections.Counter((reason, value) for _, reason, value in letters), expected)
        self.assertEqual(len({key for key, _, _ in letters}), len(letters))
        for wanted in {reason for reason, _ in expected}:
            count = sum(n for (reason, _), n in expected.items() if reason == wanted)
            engine.wait_for_metric(count, "sekisho_records_dropped_total", reason=wanted)
            self.assertEqual(engine.metric("sekisho_records_dropped_total", reason=wanted), count)
        self.expect_suspended(engine, "b.")
        engine.stop()
        self.assertNotIn(" error ", engine.log)

    @staticmethod
    def digest(value):
        """Short enough to be shown where two differ."""
        return f"{len(value)} bytes, {hashlib.sha256(value).hexdigest()[:16]}"

    def letters(self, prefix):
        """(key, reason, digest of the value) of each dead letter; the key names its partition and offset."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", prefix + "dead-letter", "-o", "beginning", "-b", self.kafka.bootstrap, "-D", "",
                               *self.kafka.client_arguments(), "-X", "isolation.level=read_committed", "-f", "%k\t%h\t%S\n%s"],
                              capture_output=True, timeout=SECONDS_MAX, check=True, stdin=subprocess.DEVNULL)
        found, at = [], 0
        while at < len(done.stdout):
            end = done.stdout.index(b"\n", at)
            key, headers, size = done.stdout[at:end].decode().split("\t")
            size = max(int(size), 0)
            value, at = done.stdout[end + 1:end + 1 + size], end + 1 + size
            headers = dict(re.findall("(sekisho-[a-z-]+)=([^,]*)", headers))
            self.assertEqual(key, headers["sekisho-partition"] + "/" + headers["sekisho-offset"])
            if size == DEAD_LETTER_BYTES_MAX:
                self.assertGreater(int(headers["sekisho-cut-from"]), size)
            found.append((key, headers["sekisho-reason"], self.digest(value)))
        return found


if __name__ == "__main__":
    unittest.main(verbosity=2)
