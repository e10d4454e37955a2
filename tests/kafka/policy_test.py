#!/usr/bin/env python3
# A policy pushed while the engine runs takes effect at one recorded offset of each partition, outlives a restart under another
# configuration, and is rolled back by pushing the old one; folding the same log again gives the same actions.
# The events are written here, without any of our code; so are the expectations: who was robbed when, and by which policy that is
# to be judged.
# Usage: policy_test.py SEKISHO
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Cluster, wait_until  # noqa: E402
from proto_bytes import bytes_field, fields, fixed64_field, murmur2_partition, number_field  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
PARTITIONS = 2
HOME = "27.80.1.2"  # Japan
ABROAD = ["37.20.0.9", "37.54.0.9", "37.212.0.9", "31.60.0.9", "5.12.0.9"]  # Russia, Ukraine, Belarus, Poland, Romania
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SMTP, IMAP = 1, 2
# Of proto/sekisho/v1/action.proto.
ID, ACCOUNT, KIND, MODE, POLICY, RULE = 1, 2, 3, 4, 10, 11
SUSPEND, RELEASE = 4, 5
ENFORCE, SHADOW = 1, 2
OUTPUTS = ["snapshots", "verdicts", "actions.suspend", "actions.notify", "findings", "dead-letter"]


def accounts_of(partition, count):
    """So many logins whose events belong in the partition."""
    found, n = [], 0
    while len(found) < count:
        login = f"user{n}@example.jp"
        n += 1
        if murmur2_partition(login.encode(), PARTITIONS) == partition:
            found.append(login)
    return found


class Log:
    """Events as a connector would append them, each partition's in order. Their times lie ahead of every clock here, so that the
    engine's own heartbeats, which tell the clock's time, move nothing."""

    def __init__(self, kafka, folder):
        self.kafka, self.folder = kafka, folder
        self.now = int(time.time() * 1000) + 2 * HOUR_MS
        self.position = 0
        self.waiting = {partition: [] for partition in range(PARTITIONS)}

    def tell_time(self):
        for records in self.waiting.values():
            records.append(bytes_field(2, bytes_field(2, number_field(1, self.now))))

    def event(self, login, ip, service, body):
        self.position += 1
        origin = bytes_field(1, b"mx1") + fixed64_field(2, 1) + number_field(4, self.position)
        event = (bytes_field(1, login.encode()) + bytes_field(2, bytes(int(part) for part in ip.split("."))) + number_field(3, self.now)
                 + bytes_field(5, origin) + number_field(6, service) + number_field(12, 1) + body)
        self.waiting[murmur2_partition(login.encode(), PARTITIONS)].append(bytes_field(1, event))

    def live(self, logins, days):
        """Owners who read and send at home."""
        for _ in range(days * 8):
            self.now += 3 * HOUR_MS
            self.tell_time()
            for login in logins:
                self.event(login, HOME, IMAP, bytes_field(20, number_field(1, 1)))
                self.event(login, HOME, SMTP, bytes_field(21, number_field(1, 1)))

    def rob(self, logins):
        self.now += MINUTE_MS
        self.tell_time()
        for ip in ABROAD:
            self.now += MINUTE_MS
            for login in logins:
                self.event(login, ip, SMTP, bytes_field(21, number_field(1, 1)))

    def send(self):
        for partition, records in self.waiting.items():
            names = []
            for n, record in enumerate(records):
                names.append(os.path.join(self.folder, f"record{n}"))
                with open(names[-1], "wb") as file:
                    file.write(record)
            subprocess.run(["kcat", "-P", "-b", self.kafka.bootstrap, "-t", "events", "-p", str(partition), *names], timeout=60, check=True,
                           stdin=subprocess.DEVNULL)
            records.clear()


class Engine:
    def __init__(self, kafka, folder, name, policy, key, group="sekisho", prefix="", entities=False, fail_point=""):
        self.config = os.path.join(folder, name + ".yaml")
        self.log = os.path.join(folder, name + ".log")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"name: {name}\ngroup: {group}\nstate: {os.path.join(folder, name)}\nworkers: 1\nmemory: 64MiB\nstandby: none\n"
                       f"policy: {policy}\nentities: {str(entities).lower()}\noperator_keys: {{noc: {key}}}\ncommit_every: 200ms\n"
                       f"kafka: {{bootstrap.servers: \"{kafka.bootstrap}\"}}\n")
            if prefix:
                file.write("topics: {" + ", ".join(f"{topic}: {prefix}{topic}" for topic in OUTPUTS) + "}\n")
        self.process = None
        self.environment = {**os.environ, "SEKISHO_FAIL_POINT": fail_point} if fail_point else None

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "engine", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment)
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-3000:]


class Policy(unittest.TestCase):
    def actions(self, topic="actions.suspend"):
        """What throttles, suspends and releases, in order: dictionaries of what this test looks at."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-b", self.kafka.bootstrap, "-D", "", "-f", "%S %s",
                               "-X", "isolation.level=read_committed"], capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
        found, rest = [], done.stdout
        while rest:
            size, _, rest = rest.partition(b" ")
            action = dict(fields(rest[:int(size)]))
            rest = rest[int(size):]
            found.append({"id": action[ID], "account": action[ACCOUNT].decode(), "kind": action[KIND], "mode": action[MODE],
                          "policy": action[POLICY].decode(), "rule": action[RULE].decode()})
        return found

    def told(self, login, kind):
        """The account's newest action of a kind, or None."""
        return next((a for a in reversed(self.actions()) if a["account"] == login and a["kind"] == kind), None)

    def wait(self, engine, condition, what):
        def look():
            self.assertIsNone(engine.process.poll(), engine.tail())
            return condition()

        try:
            return wait_until(look, what)
        except Exception as error:
            raise AssertionError(f"{error}\n{engine.tail()}") from error

    def order(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments, "--brokers", self.kafka.bootstrap, "--key-id", "noc", "--key", self.key, "--operator",
                               "hanako"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        lines = [line.split() for line in done.stdout.splitlines() if line.startswith("partition ")]
        return {int(words[1].rstrip(":")): int(words[3]) for words in lines}

    def status(self):
        done = subprocess.run([PROGRAM, "policy", "status", "--brokers", self.kafka.bootstrap], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done)
        return [line.split(";")[0] for line in done.stdout.splitlines()]

    def test_push_restart_roll_back_refold(self):
        with tempfile.TemporaryDirectory() as folder, Cluster() as self.kafka:
            self.key = os.path.join(folder, "noc.key")
            with open(self.key, "w", encoding="utf-8") as file:
                file.write("0123456789abcdef" * 4 + "\n")
            policies = {}
            for name, text in (("first", "version: first\nmode: enforce\n"), ("second", "version: second\nmode: shadow\n"),
                               ("later", "version: later\nmode: enforce\nladder: {suspend: {risk: 99}}\n")):
                policies[name] = os.path.join(folder, name + "_policy.yaml")
                with open(policies[name], "w", encoding="utf-8") as file:
                    file.write(text)
            self.kafka.create_topic("events", partitions=PARTITIONS)
            for prefix in ("", "again."):
                for topic in OUTPUTS:
                    compacted = {"cleanup.policy": "compact"} if topic in ("snapshots", "verdicts") else {}
                    self.kafka.create_topic(prefix + topic, partitions=PARTITIONS, config=compacted)
            people = [accounts_of(partition, 5) for partition in range(PARTITIONS)]
            logins = [login for group in people for login in group]
            log = Log(self.kafka, folder)
            log.live(logins, days=2)

            def rob(engine, nth):
                """The nth account of each partition; returns the actions that suspend them, by login."""
                robbed = [group[nth] for group in people]
                log.rob(robbed)
                log.send()
                return {login: self.wait(engine, lambda login=login: self.told(login, SUSPEND), f"{login} suspended") for login in robbed}

            with Engine(self.kafka, folder, "node1", policies["first"], self.key) as engine:
                versions = {a["policy"] for a in rob(engine, 0).values()}
                self.assertEqual(len(versions), 1)
                first = versions.pop()
                self.assertRegex(first, "^first-[0-9a-f]{8}$")
                begun = [f"partition {p}: version {first} since it began" for p in range(PARTITIONS)]
                self.wait(engine, lambda: self.status() == begun, begun)

                at = self.order("policy", "push", policies["second"])
                self.assertEqual(sorted(at), list(range(PARTITIONS)))
                for action in rob(engine, 1).values():
                    self.assertRegex(action["policy"], "^second-[0-9a-f]{8}$")
                    self.assertEqual(action["mode"], SHADOW)
                    second = action["policy"]
                pushed = [f"partition {p}: version {second} since offset {at[p] + 1}" for p in range(PARTITIONS)]
                self.wait(engine, lambda: self.status() == pushed, pushed)

            with Engine(self.kafka, folder, "node1", policies["later"], self.key) as engine:
                for action in rob(engine, 2).values():
                    self.assertEqual(action["policy"], second)
                self.order("policy", "push", policies["second"])  # once more: nothing happens
                back = self.order("policy", "push", policies["first"])
                for action in rob(engine, 3).values():
                    self.assertEqual((action["policy"], action["mode"]), (first, ENFORCE))
                rolled = [f"partition {p}: version {first} since offset {back[p] + 1}" for p in range(PARTITIONS)]
                self.wait(engine, lambda: self.status() == rolled, rolled)

                released = people[0][3]
                (partition, _), = self.order("release", released, "--reason", "by plan").items()
                self.assertEqual(partition, 0)
                release = self.wait(engine, lambda: self.told(released, RELEASE), f"{released} released")
                self.assertEqual((release["rule"], release["mode"]), ("operator", ENFORCE))
                self.order("allow", "--account", people[1][4], "--owner", "noc", "--reason", "by plan")
                last = rob(engine, 4)
                self.assertEqual(last[people[0][4]]["mode"], ENFORCE)
                self.assertEqual((last[people[1][4]]["mode"], last[people[1][4]]["rule"]), (SHADOW, "allowed"))

            # Every order was believed.
            self.assertEqual(self.kafka.read("dead-letter"), [])
            said = sorted(a["id"] for a in self.actions())
            self.assertEqual(len(said), len(set(said)))

            with Engine(self.kafka, folder, "node2", policies["first"], self.key, group="again", prefix="again.") as engine:
                self.wait(engine, lambda: len(self.actions("again.actions.suspend")) >= len(said), "the same log folded again")
            self.assertEqual(sorted(a["id"] for a in self.actions("again.actions.suspend")), said)
            findings = [sorted(record["payload"] for record in self.kafka.read(topic)) for topic in ("findings", "again.findings")]
            self.assertEqual(findings[0], findings[1])


if __name__ == "__main__":
    unittest.main()
