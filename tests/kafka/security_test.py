#!/usr/bin/env python3
# A cluster that wants TLS and passwords and keeps access lists: who has a wrong password is told so, with what to do; with the right
# one, a connector and an engine do their work by the least rights.
# Usage: security_test.py SEKISHO PRODUCE_LOGS SEKISHO_CONNECT SEKISHO, in the order in which the modules below take them.
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

REALM = "mail.example.jp"
WRONG_PASSWORD = "wrong user, password or mechanism"


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
        names = sorted(name for name in os.listdir(logs.name) if name.endswith(".log"))
        cls.logs = [os.path.join(logs.name, name) for name in names]
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

    # Goal: a wrong password is told as one, with what to do: once, by who waits; by who can't wait, at the end.
    def test_a_wrong_password_is_said(self):
        guess = {"password": "guess"}
        policy = os.path.join(ROOT, "deploy/policy.yaml")
        for command in (["topics", "check"], ["policy", "status"], ["policy", "push", policy, *self.signing()],
                        ["release", "a@example.jp", "--reason", "r", *self.signing()]):
            done = self.run_sekisho(*command, "--timeout", "5", **guess)
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
