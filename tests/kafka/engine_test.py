#!/usr/bin/env python3
# `sekisho engine` against a real broker: what it publishes, what it survives, and what it says when it can't go on.
# Usage: engine_test.py SEKISHO PRODUCE_LOGS
import collections
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import ROOT, BrokerError, Cluster, Port, _die_with_parent, wait_until  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
PRODUCE = os.path.abspath(sys.argv.pop(1))
PARTITIONS = 4
SESSION_MS = 2000
SECONDS_MAX = 60  # for anything; a crowded machine needs some of it
OTHERS = ("findings", "dead-letter", "sightings")
ACCOUNTS = ("events", "snapshots", "verdicts", "actions.suspend", "actions.notify")


class Engine:
    """One process of `sekisho engine`; its log is in `log`, its metrics are `metric`'s. `spare`: with --standby; `settings`: of its
    configuration, beyond what all have."""

    def __init__(self, test, name, prefix, state=None, spare=False, fail_point=None, file_bytes_max=None, **settings):
        self.test = test
        self.port = Port()
        config = {"name": name, "state": state or test.path(name), "workers": 2, "metrics": f"127.0.0.1:{self.port.number}",
                  "group": prefix + "group", "kafka": {"bootstrap.servers": test.kafka.bootstrap},
                  "topics": {topic: prefix + topic for topic in ACCOUNTS + OTHERS}, **settings}
        self.state = config["state"]
        self.config_file = test.path(f"{name}.yaml")
        with open(self.config_file, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML
        self.log_file = test.path(f"{name}.log")
        environment = dict(os.environ)
        if fail_point:
            environment["SEKISHO_FAIL_POINT"] = fail_point

        def prepare():
            _die_with_parent()
            if file_bytes_max:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([PROGRAM, "engine", "--config", self.config_file, *(["--standby"] if spare else [])],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, preexec_fn=prepare)
        test.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.port.release()

    @property
    def log(self):
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def stopped(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"

    def wait_for_log(self, pattern):
        def found():
            match = re.search(pattern, self.log)
            if not match and self.process.poll() is not None:
                self.test.fail(f"the engine ended with {self.process.returncode} before it said {pattern}:\n{self.log}")
            return match
        return self.wait(found, f"{pattern} isn't in the log")

    def wait_for_end(self):
        try:
            return self.process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.test.fail(f"the engine doesn't end:\n{self.log}")

    def stop(self):
        """As the service manager does; returns how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.test.assertEqual(self.wait_for_end(), 0, self.log)
        self.test.assertIn("info stopped ", self.log)
        return time.monotonic() - begun

    def kill(self):
        self.process.kill()
        self.process.wait()

    def metric(self, name, **labels):
        """The sum over the samples that have these labels; 0 while there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port.number}/metrics", timeout=SECONDS_MAX) as page:
            lines = page.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if re.match(name + "[{ ]", line) and all(label in line for label in wanted))

    def wait_for_metric(self, at_least, name, **labels):
        def reached():
            try:
                return self.metric(name, **labels) >= at_least
            except urllib.error.URLError:  # it has just begun
                self.test.assertIsNone(self.process.poll(), self.log)
                return False
        self.wait(reached, f"{name} {labels} isn't {at_least}")

    def wait(self, condition, what):
        try:
            return wait_until(condition, what, SECONDS_MAX)
        except BrokerError as error:
            self.test.fail(f"{error}:\n{self.log}")


class EngineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(config={"group.min.session.timeout.ms": SESSION_MS})
        cls.kafka = cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        folder = tempfile.TemporaryDirectory(prefix="sekisho-engine-")
        cls.addClassCleanup(folder.cleanup)
        cls.logs_folder = os.path.join(folder.name, "day")
        subprocess.run([PROGRAM, "simulate", "--accounts", "150", "--days", "2", "--seed", "5", "--stolen-share", "0.05", "--out",
                        cls.logs_folder], check=True, capture_output=True)
        cls.logs = [os.path.join(cls.logs_folder, name) for name in sorted(os.listdir(cls.logs_folder)) if name.endswith(".log")]
        actions = os.path.join(folder.name, "actions.jsonl")
        subprocess.run([PROGRAM, "replay", "--out", actions, *cls.logs], check=True, capture_output=True)
        with open(actions, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        cls.expected = collections.Counter((a["account"], a["action"], a["time"]) for a in told)
        cls.last = max(a["time"] for a in told)
        assert sum(a["action"] == "suspend" for a in told) >= 3, "the simulation must hold thefts"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sekisho-engine-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_topics(self, prefix, partitions=PARTITIONS, **differing):
        """Makes a set of topics of their own for one test; `differing`: other numbers of partitions, by topic."""
        file_name = self.path("topics.yaml")
        groups = {topic: differing.get(topic, partitions if topic in ACCOUNTS else 1) for topic in ACCOUNTS + OTHERS}
        topics = {prefix + topic: {"group": topic, "exactly": {"cleanup.policy": "compact" if topic in ("snapshots", "verdicts") else "delete"}}
                  for topic in ACCOUNTS + OTHERS}
        with open(file_name, "w", encoding="utf-8") as file:
            json.dump({"groups": groups, "replication": 1, "topics": topics}, file)
        subprocess.run([PROGRAM, "topics", "create", "--brokers", self.kafka.bootstrap, "--config", file_name], check=True, capture_output=True)

    def produce(self, prefix, *arguments):
        done = subprocess.run([PRODUCE, "--brokers", self.kafka.bootstrap, "--topic", prefix + "events", *arguments, *self.logs],
                              capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["events"]

    def read(self, topic):
        """(key, headers) of each committed record, as kcat sees them."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-b", self.kafka.bootstrap, "-X",
                               "isolation.level=read_committed", "-X", "fetch.wait.max.ms=10", "-f", "%k\t%h\n"],
                              capture_output=True, timeout=SECONDS_MAX, check=True)
        rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
        return [(key, dict(header.split("=", 1) for header in headers.split(","))) for key, headers in rows]

    def published(self, prefix):
        """What was published: {id: (account, action, time)}; fails if an id was published twice. Without what only the time since
        the logs' end has brought: suspensions that expired meanwhile."""
        actions = {}
        for topic in ("actions.suspend", "actions.notify"):
            for account, headers in self.read(prefix + topic):
                self.assertNotIn(headers["ce_id"], actions, f"published twice: {account} {headers}")
                actions[headers["ce_id"]] = (account, headers["ce_type"].rsplit(".", 1)[1], headers["ce_time"])
        return {key: action for key, action in actions.items() if action[2] <= self.last}

    def expect_all_published(self, prefix):
        expected = set(self.expected)
        wait_until(lambda: expected <= set(self.published(prefix).values()), "not everything was published", SECONDS_MAX)
        self.assertEqual(collections.Counter(self.published(prefix).values()), self.expected)

    # Goal: what a node publishes is what `replay` of the same logs says, each action once, through deaths at the worst places, a
    # lost disk, events that were sent twice, and a clean stop. The verdicts and findings are there as well.
    def test_publishes_each_action_once_through_deaths(self):
        self.make_topics("a.")
        events = self.produce("a.")
        self.assertEqual(self.produce("a."), events)  # a connector that lost its place, under the same origins
        # Each number lies within the backlog's run.
        for fail_point in ("fold_batch:5", "outputs_produced", "outputs_committed:2", "snapshots_committed", "store_before_batch",
                           "store_after_batch"):
            engine = Engine(self, "n1", "a.", fail_point=fail_point, commit_every="200ms")
            self.assertEqual(engine.wait_for_end(), -signal.SIGKILL, f"{fail_point}:\n{engine.log}")
            self.published("a.")
        shutil.rmtree(engine.state)
        engine = Engine(self, "n1", "a.", commit_every="200ms")
        self.expect_all_published("a.")
        engine.wait_for_metric(1, "sekisho_recoveries_total", **{"from": "snapshots"})  # those that had come to a commit
        suspended = {account for account, action, _ in self.expected if action == "suspend"}
        self.assertLessEqual(suspended, {account for account, _ in self.read("a.verdicts")})
        ids = set(self.published("a."))
        self.assertLessEqual(ids, {key for key, _ in self.read("a.findings")})
        self.assertLess(engine.stop(), 10)
        # Nothing is said again by a node that comes back, with its disk or without.
        for source, other in (("disk", "snapshots"), ("snapshots", "disk")):
            engine = Engine(self, "n1", "a.")
            engine.wait_for_metric(PARTITIONS, "sekisho_partitions", state="live")
            self.assertEqual(set(self.published("a.")), ids)
            self.assertEqual(engine.metric("sekisho_recoveries_total", **{"from": source}), PARTITIONS)
            self.assertEqual(engine.metric("sekisho_recoveries_total", **{"from": other}), 0)
            engine.kill()
            shutil.rmtree(engine.state)

    # Goal: a standby takes over a dead node's partitions from its own copies.
    def test_a_standby_takes_over(self):
        self.make_topics("s.")
        self.produce("s.")
        owner = Engine(self, "owner", "s.")
        owner.wait_for_metric(PARTITIONS, "sekisho_partitions", state="live")
        spare = Engine(self, "spare", "s.", spare=True)
        self.expect_all_published("s.")
        spare.wait_for_metric(PARTITIONS, "sekisho_standby_partitions", state="ready")
        self.assertNotIn("standby_joins", spare.log)
        # A heartbeat a second is committed and followed.
        commits = spare.metric("sekisho_standby_commits_total")
        spare.wait_for_metric(commits + PARTITIONS, "sekisho_standby_commits_total")
        owner.kill()
        killed = time.monotonic()
        spare.wait_for_metric(PARTITIONS, "sekisho_partitions", state="live")
        print(f"a standby took {PARTITIONS} partitions over {time.monotonic() - killed:.1f} s after the owner was killed", file=sys.stderr)
        self.assertIn("standby_joins", spare.log)
        self.assertEqual(spare.metric("sekisho_recoveries_total", **{"from": "disk"}), PARTITIONS)
        self.assertEqual(spare.metric("sekisho_recoveries_total", **{"from": "snapshots"}), 0)
        self.assertEqual(collections.Counter(self.published("s.").values()), self.expected)
        spare.stop()

    # Goal: who slept amid a transaction until another had taken its place can't commit it: each action is there once.
    # Method: it stops itself after it has produced its first actions and before it has said up to where they go, so that nobody but the
    # group's generation can tell that they are stale; the other publishes them all; then it wakes up.
    def test_a_zombie_is_refused(self):
        self.make_topics("z.")
        self.produce("z.")
        # Longer than the test: a transaction that timed out meanwhile would prove nothing.
        patient = {"bootstrap.servers": self.kafka.bootstrap, "transaction.timeout.ms": 600_000, "session.timeout.ms": SESSION_MS,
                   "heartbeat.interval.ms": 200}
        zombie = Engine(self, "zombie", "z.", fail_point="stop:outputs_filled", workers=1, standby="none", kafka=patient)
        zombie.wait(zombie.stopped, "it doesn't stop itself")
        heir = Engine(self, "heir", "z.", standby="none")
        self.expect_all_published("z.")
        zombie.process.send_signal(signal.SIGCONT)
        zombie.wait_for_log('warning transaction_refused client="outputs"')
        heir.stop()
        # It rejoins, and has everything to itself: what it could have published again, it would have by then.
        zombie.wait_for_metric(PARTITIONS, "sekisho_partitions", state="live")
        zombie.stop()
        self.assertEqual(collections.Counter(self.published("z.").values()), self.expected)

    # Goal: a worker that can't go on takes its node down in good order, with the reason, and another process goes on from there.
    # Method: no file may grow beyond what RocksDB needs to begin with.
    def test_a_disk_that_takes_no_more_ends_the_node(self):
        self.make_topics("d.")
        self.produce("d.")
        engine = Engine(self, "n1", "d.", file_bytes_max=100_000, standby="none")
        self.assertEqual(engine.wait_for_end(), 1, engine.log)
        self.assertRegex(engine.log, 'error engine_failed name="n1" why="worker [01]: state directory .*/n1/p-[0-9].*"')
        engine = Engine(self, "n1", "d.", standby="none")
        self.expect_all_published("d.")
        engine.stop()

    # Goal: where networks can't be judged, or only some nodes tell of them, a warning says so and what to do; all else goes on.
    # Method: a topic of sightings with more partitions than the snapshots have; then a node that is configured otherwise.
    def test_networks_that_are_not_judged(self):
        self.make_topics("f.")
        judge = Engine(self, "judge", "f.", standby="none")
        silent = Engine(self, "silent-1", "f.", standby="none", entities=False)

        self.make_topics("e.", sightings=PARTITIONS + 1)
        self.produce("e.")
        engine = Engine(self, "n1", "e.")
        self.expect_all_published("e.")
        engine.stop()
        self.assertRegex(engine.log, 'warning entities_off why="e.sightings has more partitions than e.snapshots.*'
                                     f'what_now=".*sekisho topics create --partitions entities={PARTITIONS}')
        self.assertEqual(engine.log.count("entities_off"), 1)
        self.assertNotIn("entity_shard", engine.log)

        for engine in (judge, silent):
            engine.wait_for_log('warning entities_differ nodes="silent-1" why="[^"]*entities: false.*what_now="[^"]*all nodes the same')
        self.assertNotIn("entity_shard", silent.log)
        silent.stop()
        judge.wait_for_log("info entities_agree")
        judge.stop()
        for engine in (judge, silent):
            self.assertEqual(engine.log.count("entities_differ"), 1)

    # Goal: what a person has to mend is said in words, and ends the program, or waits, but never spins.
    def test_what_a_person_has_to_mend_is_said(self):
        self.make_topics("w.", snapshots=2)
        engine = Engine(self, "n1", "w.")
        self.assertEqual(engine.wait_for_end(), 1, engine.log)
        self.assertIn("topic w.snapshots has 2 partitions, but w.events has 4", engine.log)
        engine = Engine(self, "n2", "absent.")
        self.assertEqual(engine.wait_for_end(), 1, engine.log)
        self.assertIn("topic absent.events isn't there", engine.log)
        self.assertIn("sekisho topics create", engine.log)

        done = subprocess.run([PROGRAM, "engine", "--check", "--config", engine.config_file], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("n2.yaml: valid", done.stdout)
        engine = Engine(self, "n3", "w.", kafka={"bootstrap.servers": "127.0.0.1:1", "no.such.setting": "1"})
        self.assertEqual(engine.wait_for_end(), 2, engine.log)
        self.assertIn("no.such.setting", engine.log)
        engine = Engine(self, "n4", "w.", wrokers=3)
        self.assertEqual(engine.wait_for_end(), 2, engine.log)
        self.assertRegex(engine.log, "n4.yaml:1:[0-9]+: wrokers: unknown key")
        engine = Engine(self, "n5", "w.", policy=os.path.join(ROOT, "README.md"))
        self.assertEqual(engine.wait_for_end(), 2, engine.log)
        self.assertIn("README.md:", engine.log)

        waiting = Engine(self, "n6", "w.", kafka={"bootstrap.servers": "127.0.0.1:1"})
        waiting.wait_for_log(r'warning brokers_away why=".*refused.*" what_now="waiting for them"')
        second = Engine(self, "n7", "w.", state=waiting.state)
        self.assertEqual(second.wait_for_end(), 1, second.log)
        self.assertIn(f"is in use by another engine (process {waiting.process.pid})", second.log)
        self.assertLess(waiting.stop(), 10)
        self.assertEqual(waiting.log.count("brokers_away"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
