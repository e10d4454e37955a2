#!/usr/bin/env python3
# Accounts are robbed and suspended over one hoster's network; then a thief who keeps below every limit comes from there, and it is
# the network that tells. Another network has as many robbed accounts among many good ones: it isn't judged. The engine is killed
# in between, once right before a judgement's transaction. The same judgements stand in every partition of the events; a death may double
# some, which count once, and never change one.
# The events are written here, without any of our code; so are the expectations.
# Usage: entities_test.py SEKISHO
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Cluster, wait_until  # noqa: E402
from policy_test import HOUR_MS, IMAP, MINUTE_MS, OUTPUTS, PARTITIONS, PROGRAM, SMTP, Engine, Log  # noqa: E402
from proto_bytes import bytes_field, fields, number_field  # noqa: E402

ABROAD = ["37.20.0.9", "37.54.0.9", "31.60.0.9"]  # Russia, Ukraine, Poland
HOSTER, SHARED = "5.12.0.", "37.212.0."           # Romania, Belarus
USED, SUSPENDED = 1, 3


class EntityLog(Log):
    def rob(self, logins, last):
        """From one country after another; the account is suspended before the last one, and is used there all the same."""
        self.now += MINUTE_MS
        self.tell_time()
        for ip in [*ABROAD, "37.20.7.9", last]:
            self.now += MINUTE_MS
            for login in logins:
                self.event(login, ip, SMTP, bytes_field(21, number_field(1, 1)))

    def read_mail(self, logins, network):
        self.now += MINUTE_MS
        self.tell_time()
        for n, login in enumerate(logins):
            self.event(login, f"{network}{n + 20}", IMAP, bytes_field(20, number_field(1, 1)))

    def send_little(self, login, network):
        for n in range(3):
            self.now += HOUR_MS
            self.tell_time()
            self.event(login, f"{network}{200 + n}", SMTP, bytes_field(21, number_field(1, 1)))


class Entities(unittest.TestCase):
    def values(self, topic):
        """Each record's partition and bytes."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-b", self.kafka.bootstrap, "-D", "", "-f", "%p %S %s",
                               "-X", "isolation.level=read_committed"], capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
        found, rest = [], done.stdout
        while rest:
            partition, size, rest = rest.split(b" ", 2)
            found.append((int(partition), rest[:int(size)]))
            rest = rest[int(size):]
        return found

    def judgements(self):
        """By partition of the events, the batches there, as bytes, in order."""
        batches = {partition: [] for partition in range(PARTITIONS)}
        for partition, record in self.values("events"):
            control = dict(fields(record)).get(2)
            batch = dict(fields(control)).get(3) if control is not None else None
            if batch is not None:
                batches[partition].append(batch)
        return batches

    def judged(self):
        """What was said last of each network: (score in thousandths, bad accounts)."""
        said = {}
        for batch in self.judgements()[0]:
            for number, judgement in fields(batch):
                if number == 4:
                    judgement = dict(fields(judgement))
                    if 1 not in judgement:  # of a domain, or a campaign
                        continue
                    score = judgement.get(4, 0)
                    said[".".join(str(byte) for byte in judgement[1])] = ((score >> 1) ^ -(score & 1), judgement.get(5, 0))
        return said

    def signals(self, login):
        """Detectors that spoke for any action about the account."""
        found = set()
        for topic in ("actions.suspend", "actions.notify"):
            for _, action in self.values(topic):
                if (2, login.encode()) in fields(action):
                    found.update(dict(fields(value))[1].decode() for number, value in fields(action) if number == 13)
        return found

    def suspended(self):
        return {dict(fields(action))[2].decode() for _, action in self.values("actions.suspend") if (3, 4) in fields(action)}

    def wait(self, engine, condition, what):
        def look():
            self.assertIsNone(engine.process.poll(), engine.tail())
            return condition()

        try:
            return wait_until(look, what)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.judged()}\n{engine.tail()}") from error

    def test_a_network_is_known_by_whom_it_robbed(self):
        with tempfile.TemporaryDirectory() as folder, Cluster() as self.kafka:
            key, policy = os.path.join(folder, "noc.key"), os.path.join(folder, "policy.yaml")
            with open(key, "w", encoding="utf-8") as file:
                file.write("0123456789abcdef" * 4 + "\n")
            with open(policy, "w", encoding="utf-8") as file:
                file.write("version: first\n")
            for topic in ["events", "sightings", *OUTPUTS]:
                compacted = {"cleanup.policy": "compact"} if topic in ("snapshots", "verdicts") else {}
                self.kafka.create_topic(topic, partitions=PARTITIONS, config=compacted)
            names = iter(f"user{n}@example.jp" for n in range(1000))
            here, there = [next(names) for _ in range(5)], [next(names) for _ in range(5)]
            low, other, good = next(names), next(names), [next(names) for _ in range(60)]
            log = EntityLog(self.kafka, folder)
            log.live([*here, *there], days=8)
            log.live([low, other], days=2)
            log.read_mail(good, SHARED)

            # Dies between a judgement's acknowledgement and the transaction that says it was made: the next one makes it again.
            with Engine(self.kafka, folder, "node1", policy, key, entities=True, fail_point="outputs_announced") as engine:
                log.rob(here, HOSTER + "9")
                log.rob(there, SHARED + "9")
                log.send()
                self.assertEqual(engine.process.wait(60), -signal.SIGKILL, engine.tail())
                self.assertNotEqual(self.judgements()[0], [])

            with Engine(self.kafka, folder, "node1", policy, key, entities=True) as engine:
                self.wait(engine, lambda: self.suspended() == {*here, *there}, "all robbed accounts suspended")
                self.wait(engine, lambda: self.judged().get(HOSTER + "0", (0, 0))[1] == 5, "the hoster's network judged")
                engine.process.send_signal(signal.SIGKILL)
                engine.process.wait()

            with Engine(self.kafka, folder, "node1", policy, key, entities=True) as engine:
                log.send_little(low, HOSTER)
                log.send_little(other, SHARED)
                log.send()
                self.wait(engine, lambda: "shared_source" in self.signals(low), "the network tells")
                # What came last in either partition has been folded: its sighting is there.
                self.wait(engine, lambda: self.sighted(other, SHARED + "0"), "the other one was folded")
                self.assertNotIn("shared_source", self.signals(other))

            score, bad = self.judged()[HOSTER + "0"]
            self.assertEqual(bad, 5)
            self.assertGreater(score, 600)
            self.assertNotIn(SHARED + "0", self.judged())
            batches = self.judgements()
            self.assertEqual(set(batches[0]), set(batches[1]))
            self.no_transactions_in_events()
            places = {}
            for batch in batches[0] + batches[1]:
                head = dict(fields(batch))
                self.assertEqual(places.setdefault((head.get(1, 0), head.get(2, 0)), batch), batch)
            # Nobody who was robbed is told of twice, but for what is marked as told before.
            told = {}
            for _, sighting in self.values("sightings"):
                sighting = dict(fields(sighting))
                place = (sighting.get(1, 0), sighting.get(2, 0), sighting.get(3, 0))
                self.assertEqual(told.setdefault(place, sighting), sighting)
            robbed = {s[7] for s in told.values() if s.get(4) == bytes([5, 12, 0, 0]) and s[8] == SUSPENDED}
            self.assertEqual(len(robbed), 5)
            used = {s[7] for s in told.values() if s.get(4) == bytes([37, 212, 0, 0]) and s[8] == USED}
            self.assertGreaterEqual(len(used), 60)
            # Of their domain, under its hash: everybody was active, and those who were robbed turned.
            domain = [s for s in told.values() if 11 in s]
            self.assertEqual(len({s[11] for s in domain}), 1)
            self.assertGreaterEqual(len({s[7] for s in domain if s[8] == USED}), 60)
            self.assertGreaterEqual(len({s[7] for s in domain if s[8] != USED}), 10)
            self.assertEqual(self.kafka.read("dead-letter"), [])
            self.folded_once(folder, policy, batches)

    def no_transactions_in_events(self):
        """No reader of events ever waits for a transaction's end. Method: the end of one takes an offset that no record has, as it does
        in the snapshots."""
        for topic, wanted in (("events", False), ("snapshots", True)):
            offsets = {partition: [] for partition in range(PARTITIONS)}
            read = subprocess.run(["kcat", "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-b", self.kafka.bootstrap, "-f", "%p %o\n",
                                   "-X", "isolation.level=read_uncommitted"], capture_output=True, text=True, timeout=60, check=True,
                                  stdin=subprocess.DEVNULL)
            for line in read.stdout.splitlines():
                partition, offset = map(int, line.split())
                offsets[partition].append(offset)
            for partition, found in offsets.items():
                done = subprocess.run(["kcat", "-Q", "-b", self.kafka.bootstrap, "-t", f"{topic}:{partition}:-1"], capture_output=True, text=True,
                                      timeout=60, check=True, stdin=subprocess.DEVNULL)
                end = int(done.stdout.split()[-1])
                self.assertGreater(len(found), 0)
                self.assertEqual(found != list(range(end)), wanted, f"{topic} {partition}")

    def folded_once(self, folder, policy, batches):
        """What came twice was dropped by its mark, and nothing else was; each action that follows was published once."""
        out, summary = os.path.join(folder, "refold.jsonl"), os.path.join(folder, "summary.jsonl")
        subprocess.run([PROGRAM, "refold", "--brokers", self.kafka.bootstrap, "--policy", policy, "--out", out, "--summary", summary],
                       check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        with open(summary, encoding="utf-8") as file:
            repeats = {part["partition"]: part["repeats"] for part in map(json.loads, file)}
        doubled = {partition: len(part) - len(set(part)) for partition, part in batches.items()}
        self.assertEqual(repeats, doubled)
        self.assertGreater(doubled[0], 0)  # the one that was announced before the death
        with open(out, encoding="utf-8") as file:
            wanted = sorted(json.loads(line)["id"] for line in file)
        published = [dict(fields(action))[1].hex() for topic in ("actions.suspend", "actions.notify") for _, action in self.values(topic)]
        self.assertEqual(sorted(published), wanted)

    def sighted(self, login, network):
        first = bytes(int(part) for part in network.split("."))
        last = max(dict(fields(dict(fields(s))[1]))[3] for _, s in self.values("events") if login.encode() in s)
        return any(s.get(4) == first and s[9] == last for s in (dict(fields(s)) for _, s in self.values("sightings")))


if __name__ == "__main__":
    unittest.main()
