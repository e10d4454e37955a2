#!/usr/bin/env python3
# `sekisho-connect` against a real broker: each line of its log files leads to its events once, whatever dies meanwhile.
# Usage: connect_test.py SEKISHO_CONNECT SEKISHO [TEST…]. The schedule is drawn from SEKISHO_SEED, or a seed that is printed.
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Cluster, wait_until  # noqa: E402
from proto_bytes import fields  # noqa: E402

CONNECT, SEKISHO = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
PARTITIONS = 4
FAIL_POINTS = ["spooled", "produced", "acknowledged", "position_saved"]
# What would mean that something got lost, or couldn't be known any more.
LOSSES = re.compile(r"error (gap|event_lost|spool_lost|position_lost|parser_state_lost)|warning parser_state_incomplete")


class Read:
    """What kcat finds in a topic: events by origin, without the epoch, which differs between state folders."""

    def __init__(self, kafka, topic):
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-b", kafka.bootstrap, *kafka.client_arguments(),
                               "-X", "check.crcs=true", "-f", "%p %K %S\n%k%s"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, done.stderr
        self.events, self.records, self.heartbeats, self.epochs = {}, 0, [0] * PARTITIONS, set()
        self.times, self.jumps = [None] * PARTITIONS, 0  # events that are over ten minutes ahead of their partition's time
        data, at = done.stdout, 0
        while at < len(data):
            line_end = data.index(b"\n", at)
            partition, key_bytes, value_bytes = (int(n) for n in data[at:line_end].split())
            key_bytes = max(key_bytes, 0)
            value = data[line_end + 1 + key_bytes:line_end + 1 + key_bytes + value_bytes]
            at = line_end + 1 + key_bytes + value_bytes
            self._take(partition, value)

    def _take(self, partition, value):
        for number, body in fields(value):
            if number != 1:
                self.heartbeats[partition] += 1
                self._passes(partition, dict(fields(dict(fields(body))[2]))[1])
                continue
            self.records += 1
            origin = {1: b"", 2: 0, 3: 0, 4: 0, 5: 0}
            for inner, field in fields(body):
                if inner == 5:
                    origin.update(fields(field))
            self.epochs.add(origin[2])
            self.jumps += self._passes(partition, dict(fields(body))[3]) > 600_000
            name = (origin[1], origin[3], origin[4], origin[5])
            rest = (partition, value.replace(struct.pack("<Q", origin[2]), bytes(8), 1))
            assert self.events.setdefault(name, rest) == rest, f"two events under one origin {name}"

    def _passes(self, partition, at):
        """How far `at` is ahead of the partition's time, which it becomes if later."""
        ahead = at - (self.times[partition] or at)
        self.times[partition] = max(self.times[partition] or at, at)
        return ahead


class Connector:
    """One life after another of a connector with one configuration."""

    def __init__(self, folder, kafka, files, name="mx1", **more):
        self.folder, self.process, self.round, self.log_file = folder, None, None, os.path.join(folder, "connect.log")
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "connect.yaml")
        settings = {"bootstrap.servers": kafka.bootstrap, **kafka.client_properties(), **more.pop("settings", {})}
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"name: {name}\nstate: {folder}/state\nmetrics: 127.0.0.1:0\ndefault_realm: mail.example.jp\nposition_every: 300ms\n")
            file.write("files: [" + ", ".join(files) + "]\nkafka:\n")
            file.writelines(f'  {key}: "{value}"\n' for key, value in settings.items())
            file.writelines(f"{key}: {value}\n" for key, value in more.items())

    def start(self, fail_point=""):
        self.life_begins, self.round = len(self.log()), None
        environment = dict(os.environ, SEKISHO_FAIL_POINT=fail_point)
        environment.pop("JOURNAL_STREAM", None)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([CONNECT, "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def run_once(self, seconds=120):
        """--once, from beginning to end; returns the exit code."""
        with open(self.log_file, "ab") as log:
            return subprocess.run([CONNECT, "--config", self.config, "--once"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=seconds).returncode

    def log(self):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def says(self, pattern, seconds=60):
        return wait_until(lambda: re.search(pattern, self.log()), f"the connector says {pattern}; it says:\n{self.log()[-2000:]}", seconds)

    def metrics(self):
        """Every number of this life's page, summed over labels. None while it isn't served, or not any more."""
        started = re.search(r'info started .*metrics_port="(\d+)"', self.log()[self.life_begins:])
        if not started:
            return None
        found = {}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{started[1]}/metrics", timeout=10) as page:
                text = page.read().decode()
        except OSError:
            return None
        for line in text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name.split("{")[0]] = found.get(name.split("{")[0], 0) + float(value)
        return found if "sekisho_connect_state_losses_total" in found else None  # it died while it answered

    def metric(self, name):
        now = self.metrics()
        return now["sekisho_connect_" + name] if now else None

    def dead(self):
        return self.process.poll() is not None

    def caught_up(self, unfinished=0):
        """Everything that had been written at the first call was read and acknowledged, but for so many bytes of lines without an
        end. To be called until it is true, or a new life began."""
        now = self.metrics()
        if now is None:
            return False
        if self.round is None:
            self.round = now["sekisho_connect_rounds_total"]
        # The page may have been older than what was written, and the next round half over.
        if now["sekisho_connect_rounds_total"] < self.round + 2 or now["sekisho_connect_lag_bytes"] != unfinished or now["sekisho_connect_spool_waiting_bytes"] > 0:
            return False
        self.round = None
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()


def simulated(folder, seed, accounts=80):
    """A day of mail in one file, as a central log host would have it, and the webmail's log in another."""
    subprocess.run([SEKISHO, "simulate", "--accounts", str(accounts), "--days", "1", "--seed", str(seed), "--iso-time", "--out", folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines, webmail = [], b""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            if name.startswith("webmail") and name.endswith("userlogins.log"):
                webmail = file.read()
            elif name.endswith(".log") and not name.startswith("webmail"):
                lines += file.read().splitlines(keepends=True)
    return b"".join(sorted(lines)), webmail


class Writer:
    """Appends `data` to a log file piece by piece, also amid a line, and rotates it."""

    def __init__(self, path, data, truncates):
        self.path, self.data, self.truncates, self.at = path, data, truncates, 0
        open(path, "wb").close()

    def append(self, size):
        with open(self.path, "ab") as file:
            file.write(self.data[self.at:self.at + size])
        self.at = min(self.at + size, len(self.data))

    def finished(self):
        return self.at >= len(self.data)

    def unfinished(self):
        """Bytes at the end that are no whole line."""
        with open(self.path, "rb") as file:
            data = file.read()
        return len(data) - data.rfind(b"\n") - 1

    def rotate(self):
        """At a line's end, as a logger does."""
        rest = self.data.find(b"\n", self.at - 1) + 1 - self.at if self.at else 0
        self.append(rest)
        for number in range(99, 0, -1):
            if os.path.exists(f"{self.path}.{number}"):
                os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        if self.truncates:
            shutil.copyfile(self.path, self.path + ".1")
            os.truncate(self.path, 0)
        else:
            os.rename(self.path, self.path + ".1")
            open(self.path, "wb").close()


class Connect(unittest.TestCase):
    """One broker for all, which some tests kill and start again; each has topics of its own."""

    @classmethod
    def setUpClass(cls):
        cls.kafka = Cluster()
        cls.addClassCleanup(cls.kafka.stop)
        cls.kafka.start()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sekisho-connect-")
        self.connectors = []
        self.prefix = self.id().rsplit(".", 1)[1] + "."
        if self.kafka.nodes[0].process is None:  # a test failed while the broker was away
            self.kafka.start_node(1)

    def tearDown(self):
        for connector in self.connectors:
            connector.end()
        shutil.rmtree(self.folder)

    def connector(self, files, folder="c", topic="events", **more):
        self.connectors.append(Connector(os.path.join(self.folder, folder), self.kafka, files, topic=self.prefix + topic, **more))
        return self.connectors[-1]

    def create_topic(self, name):
        self.kafka.create_topic(self.prefix + name, PARTITIONS)

    def read(self, name):
        return Read(self.kafka, self.prefix + name)

    def path(self, name):
        return os.path.join(self.folder, name)

    # Goal: no death, rotation or absence loses an event or makes it another one; a clean stop leaves nothing undone.
    # Method: the events of one undisturbed run over whole files are what a run must give that is killed at random and at each fail
    # point while the files grow and are rotated, by rename and by truncation, and the broker is killed. Compared are origins
    # and whole events, but for the epoch. No two files tell of one message, so the order in which they are read doesn't matter.
    def test_nothing_is_lost_or_changed(self):
        seed = int(os.environ.get("SEKISHO_SEED") or random.randrange(1 << 32))
        print(f"seed {seed}", flush=True)
        draw = random.Random(seed)
        first, webmail = simulated(self.path("sim1"), draw.randrange(1, 1000))
        second, _ = simulated(self.path("sim2"), draw.randrange(1, 1000))
        for old, new in ((b"mail.example.jp", b"post.example.kr"), (b"imap-", b"store-"), (b"submission-", b"outgoing-"), (b" mx-", b" in-")):
            second = second.replace(old, new)
        contents = {"first.log": first, "second.log": second, "webmail.log": webmail}
        self.create_topic("reference")
        self.create_topic("events")
        for name, data in contents.items():
            with open(self.path("whole-" + name), "wb") as file:
                file.write(data)
        undisturbed = self.connector([self.path("whole-" + name) for name in contents], "reference", topic="reference")
        self.assertEqual(undisturbed.run_once(), 0, undisturbed.log())
        wanted = self.read("reference")
        self.assertGreater(len(wanted.events), 2000)
        self.assertEqual(wanted.records, len(wanted.events))
        self.assertEqual(wanted.jumps, 0, "an engine would set events aside that nobody told the time of")

        writers = [Writer(self.path(name), data, truncates=name == "second.log") for name, data in contents.items()]
        connector = self.connector([writer.path for writer in writers])
        lives = self._disturb(draw, connector, writers)
        wait_until(connector.caught_up, f"the connector isn't through\n{connector.log()[-3000:]}")
        last = connector.metrics()
        self.assertEqual(connector.stop(), 0)
        self.assertIn('all_acknowledged="yes"', connector.log())
        self.assertIsNone(LOSSES.search(connector.log()), connector.log())
        for name in ("gaps", "gap_bytes", "events_lost", "state_losses"):
            self.assertEqual(last[f"sekisho_connect_{name}_total"], 0, name)
        found = self.read("events")
        print(f"{len(wanted.events)} events, {lives} lives, {found.records - len(found.events)} came twice", flush=True)
        self.assertEqual(len(found.epochs), 1)
        for missing, what in ((wanted.events.keys() - found.events.keys(), "lost"), (found.events.keys() - wanted.events.keys(), "made up")):
            self.assertEqual(len(missing), 0, f"{what}, from {sorted(missing)[:3]} on\n{connector.log()}")
        for origin, event in wanted.events.items():
            self.assertEqual(found.events[origin], event, origin)
        self.assertGreater(min(found.heartbeats), 0)

    def _disturb(self, draw, connector, writers):
        """Appends everything; returns how many lives the connector had."""
        steps, lives, doom, broker_away = 60, 1, "", 0
        deaths = FAIL_POINTS + ["at random"] * 4
        draw.shuffle(deaths)
        sizes = [len(writer.data) // steps + 1 for writer in writers]
        connector.start()
        # What was rotated away before the first start is history, and nobody's business.
        wait_until(connector.caught_up, f"the connector doesn't start\n{connector.log()}")
        step = 0
        while not all(writer.finished() for writer in writers):
            step += 1
            if not broker_away and (doom or draw.random() < 0.6):
                self._through_or_dead(connector, writers)
            if doom and connector.dead():
                self.assertEqual(connector.process.returncode, -signal.SIGKILL, connector.log()[-2000:])
                print(f"step {step}: died at {doom}", flush=True)
                connector.start()
                doom, lives = "", lives + 1
            for writer, size in zip(writers, sizes):
                writer.append(draw.randrange(1, 2 * size))
                if draw.random() < 0.1:
                    writer.rotate()
            if step == broker_away:
                self.kafka.start_node(1)
                broker_away = 0
            elif step in (15, 40):
                self.kafka.kill(1)
                broker_away = step + 6
            if step % 5 == 0 and deaths and not doom:
                death = deaths.pop()
                connector.kill()
                lives += 1
                if death != "at random":
                    doom = f"{death}:{draw.randrange(1, 200 if death in ('produced', 'acknowledged') else 4)}"
                connector.start(doom)
        if broker_away:
            self.kafka.start_node(1)
        if doom:
            connector.kill()
            connector.start()
            lives += 1
        return lives

    def _through_or_dead(self, connector, writers):
        """Waits until all whole lines were read and acknowledged, or the fail point was reached."""
        unfinished = sum(writer.unfinished() for writer in writers)
        wait_until(lambda: connector.dead() or connector.caught_up(unfinished), f"neither through nor dead\n{connector.log()[-3000:]}")

    # Goal: Kafka's absence and a full disk are said once, waited for, and cost nothing.
    # Method: the broker is away at the start; then the spool may not grow (a limit of file sizes, as a full disk would refuse).
    def test_absent_broker_and_full_disk(self):
        data, _ = simulated(self.path("sim"), 5)
        with open(self.path("mail.log"), "wb") as file:
            half = data.index(b"\n", len(data) // 2) + 1
            file.write(data[:half])
        self.create_topic("events")
        self.kafka.kill(1)
        connector = self.connector([self.path("mail.log")])
        connector.start()
        connector.says('error kafka code=.*refused')
        wait_until(lambda: connector.metric("lag_bytes") == 0, "everything is in the spool")
        waiting = connector.metric("spool_waiting_bytes")
        self.assertGreater(waiting, 0)
        resource.prlimit(connector.process.pid, resource.RLIMIT_FSIZE, (int(waiting), resource.RLIM_INFINITY))
        with open(self.path("mail.log"), "ab") as file:
            file.write(data[half:])
        connector.says('error spool_write reason=".*spool.*File too large"')
        wait_until(lambda: connector.metric("spool_failures_total") > 0, "the failures are counted")
        self.kafka.start_node(1)
        connector.says('info kafka reason="delivers again"')
        resource.prlimit(connector.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        connector.says('info spool_write reason="works again"')
        wait_until(connector.caught_up, "not caught up")
        self.assertEqual(connector.stop(), 0)
        self.assertLessEqual(len(re.findall("error kafka ", connector.log())), 3, connector.log())
        self.assertEqual(len(re.findall("error spool_write ", connector.log())), 1, connector.log())
        self.assertIsNone(LOSSES.search(connector.log()))
        whole = self.connector([self.path("mail.log")], "whole", topic="reference")
        self.create_topic("reference")
        self.assertEqual(whole.run_once(), 0)
        self.assertEqual(self.read("events").events, self.read("reference").events)

    # Goal: with Kafka away, the spool keeps to its bound, a stop doesn't hang, and the rest leaves at the next start.
    def test_stop_without_broker(self):
        data, _ = simulated(self.path("sim"), 6, accounts=400)
        with open(self.path("mail.log"), "wb") as file:
            file.write(data)
        self.create_topic("events")
        self.kafka.kill(1)
        connector = self.connector([self.path("mail.log")], spool_max="1MiB")
        connector.start()
        connector.says("error kafka ")
        wait_until(lambda: connector.metric("spool_full") == 1, "the spool fills")
        self.assertEqual(connector.stop(), 0)
        self.assertIn('all_acknowledged="no: the rest is in the spool"', connector.log())
        self.assertLess(sum(entry.stat().st_size for entry in os.scandir(self.path("c/state/spool"))), 2 << 20)
        self.kafka.start_node(1)
        self.assertEqual(connector.run_once(), 0, connector.log())
        self.create_topic("reference")
        whole = self.connector([self.path("mail.log")], "whole", topic="reference")
        self.assertEqual(whole.run_once(), 0)
        self.assertEqual(self.read("events").events, self.read("reference").events)

    # Goal: a topic that isn't there is said; when it appears while the connector runs, nothing else need be done.
    def test_a_topic_that_comes_later(self):
        data, _ = simulated(self.path("sim"), 7)
        with open(self.path("mail.log"), "wb") as file:
            file.write(data[:data.index(b"\n", 200_000) + 1])
        connector = self.connector([self.path("mail.log")], settings={"topic.metadata.propagation.max.ms": 1000})
        connector.start()
        connector.says('error kafka code="(UNKNOWN_TOPIC_OR_PART|_UNKNOWN_TOPIC)" .*hint="the topic isn.t there: sekisho topics create"')
        self.create_topic("events")
        wait_until(connector.caught_up, "the topic isn't found")
        self.assertEqual(connector.stop(), 0)
        self.assertGreater(len(self.read("events").events), 100)


class Configuration(unittest.TestCase):
    # Goal: a wrong configuration, a second connector with one state folder and a bad address end at once, with words; a right one
    # passes --check. No broker is needed.
    def test_says_what_is_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            def run(text, *arguments):
                with open(os.path.join(folder, "c.yaml"), "w", encoding="utf-8") as file:
                    file.write(text)
                return subprocess.run([CONNECT, "--config", os.path.join(folder, "c.yaml"), *arguments], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=60)

            log = os.path.join(folder, "mail.log")
            right = f"name: mx1\nstate: {folder}/state\nkafka: {{bootstrap.servers: '127.0.0.1:1'}}\nfiles: [{log}]\n"
            done = run(right, "--check")
            self.assertEqual((done.returncode, done.stdout), (0, f"{folder}/c.yaml: ok, 1 files\n"), done)
            self.assertIn(f"warning: files: {log}: No such file", done.stderr)
            for wrong, code, words in (
                    (right + "nmae: x\n", 2, "c.yaml:5:1: nmae: unknown key"),
                    (right.replace("servers: '127.0.0.1:1'", "servers: '127.0.0.1:1', no.such: 1"), 2, "Kafka setting no.such"),
                    (right.replace("servers: '127.0.0.1:1'", "servers: '127.0.0.1:1', acks: 0"), 2, "Kafka setting acks: must be all"),
                    (right.replace(f"{folder}/state", f"{folder}/no/state"), 1, "/no/state: can't be made: No such file"),
                    (right + "metrics: 192.0.2.1:1\n", 1, "192.0.2.1:1")):
                done = run(wrong)
                self.assertEqual(done.returncode, code, done)
                self.assertIn(words, done.stderr)
            open(log, "wb").close()
            self.assertEqual(run(right, "--check").returncode, 0)
            one = subprocess.Popen([CONNECT, "--config", os.path.join(folder, "c.yaml")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_until(lambda: os.path.exists(os.path.join(folder, "state/position")), "the first one starts")
                done = run(right)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn("another connector uses this folder", done.stderr)
                one.send_signal(signal.SIGINT)
                self.assertEqual(one.wait(30), 0)
            finally:
                if one.poll() is None:
                    one.kill()
                    one.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2)
