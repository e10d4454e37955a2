#!/usr/bin/env python3
"""Goal: a replay with --state gives the actions of an uninterrupted one, none lost and none twice, however often it is
killed; and it never goes on from anything but what it began with.
Method: a simulated log; SIGKILL at ten random points (the seed is printed), each time the same command again; then every
file is compared byte for byte. After that each kind of change to inputs, options and outputs must be refused by name."""
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness
from harness import CliTest
from loglines import incident

OK, FAILED = 0, 1
KILLS = 10


class Resume(CliTest):
    def command(self, logs, state="state", out="out.jsonl", dead="dead.jsonl", lines=2000):
        return ["replay", "--state", self.path(state), "--out", self.path(out), "--dead-letter", self.path(dead),
                "--commit-lines", str(lines), *logs]

    def simulated_logs(self):
        self.run_sekisho("simulate", "--accounts", "40", "--days", "3", "--stolen-share", "0.3",
                         "--seed", "5", "--out", self.path("sim"),
                         expect=OK)
        # Something for the dead letters, and time that goes back.
        with open(self.path("sim/imap-1.log"), "r+") as log:
            lines = log.readlines()
            for i in range(100, len(lines), 61):
                lines[i] = "\0broken " + lines[i][40:]
            for i in range(500, len(lines), 97):
                lines[i] = lines[i].replace("Mar  ", "Feb 1")
            log.seek(0)
            log.writelines(lines)
            log.truncate()
        return sorted(os.path.join(self.path("sim"), f) for f in os.listdir(self.path("sim")) if f.endswith(".log"))

    def test_killed_ten_times_gives_the_same_bytes(self):
        logs = self.simulated_logs()
        begin = time.monotonic()
        plain = self.run_sekisho("replay", "--out", self.path("plain.jsonl"), "--dead-letter", self.path("plain.dead"),
                                 *logs, expect=OK)
        seconds = time.monotonic() - begin
        self.assertGreater(len(self.read("plain.jsonl").splitlines()), 20)
        self.assertGreater(len(self.read("plain.dead").splitlines()), 20)

        seed = int(os.environ.get("SEKISHO_SEED", "20261122"))
        print(f"seed {seed} (SEKISHO_SEED), an uninterrupted run takes {seconds:.2f} s", file=sys.stderr)
        chance = random.Random(seed)
        kills = 0
        for _ in range(20 * KILLS):
            process = subprocess.Popen([harness.SEKISHO, *self.command(logs)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE)
            try:
                _, err = process.communicate(timeout=chance.uniform(0.02, 1.0) * seconds)
                self.assertEqual(process.returncode, OK, err)
                if kills >= KILLS:
                    break
                # It was through before it could be killed: begin anew, the kills so far count.
                shutil.rmtree(self.path("state"))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
        self.assertGreaterEqual(kills, KILLS)
        last = self.run_sekisho(*self.command(logs), expect=OK)
        self.assertIn("finished before", last.stderr.decode())
        self.assertEqual(self.read("out.jsonl"), self.read("plain.jsonl"))
        self.assertEqual(self.read("dead.jsonl"), self.read("plain.dead"))
        self.assertTrue(plain.stderr)

    def test_when_commits_happen_changes_nothing(self):
        logs = self.simulated_logs()
        self.run_sekisho(*self.command(logs, "s1", "o1", "d1", lines=700), expect=OK)
        self.run_sekisho(*self.command(logs, "s2", "o2", "d2", lines=10_000_000), "--memory-max", "1MiB", expect=OK)
        self.assertEqual(self.read("o1"), self.read("o2"))
        self.assertEqual(self.read("d1"), self.read("d2"))

    def many_incidents(self):
        text = "".join(sorted(line + "\n" for i in range(40) for line in
                              incident(f"user{i}@example.jp").text().splitlines()))
        return self.write("mail.log", text), text

    def test_a_finished_run_says_so_and_changes_nothing(self):
        log, text = self.many_incidents()
        self.run_sekisho(*self.command([log]), expect=OK)
        before = self.read("out.jsonl")
        done = self.run_sekisho(*self.command([log]), expect=OK)
        self.assertIn("finished before", done.stderr.decode())
        self.assertEqual(self.read("out.jsonl"), before)
        self.write("mail.log", text + text.splitlines()[-1] + "\n")
        self.assertIn("grown", self.run_sekisho(*self.command([log]), expect=FAILED).stderr.decode())
        self.write("mail.log", text.replace("taro", "jiro").replace("user1@", "user2@"))
        self.assertIn("mail.log", self.run_sekisho(*self.command([log]), expect=FAILED).stderr.decode())
        self.assertEqual(self.read("out.jsonl"), before)

    def full_disk_run(self, log):
        """Stops on a full disk, near the end of the input, with something committed and written."""
        limit = 50_000
        while True:
            shutil.rmtree(self.path("state"), ignore_errors=True)
            done = self.run_sekisho(*self.command([log], lines=256),
                                    preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            if done.returncode == OK:
                break
            self.assertRegex(done.stderr.decode(), "File too large|No space left")
            self.assertIn("the same command goes on", done.stderr.decode())
            last_failing, limit = limit, limit * 5 // 4
        shutil.rmtree(self.path("state"))
        self.run_sekisho(*self.command([log], lines=256), expect=FAILED,
                         preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (last_failing, last_failing)))
        self.assertTrue(self.read("out.jsonl"))

    def test_a_full_disk_leaves_a_state_to_go_on_from(self):
        log, _ = self.many_incidents()
        self.run_sekisho("replay", "--out", self.path("plain.jsonl"), log, expect=OK)
        self.full_disk_run(log)
        self.run_sekisho(*self.command([log], lines=256), expect=OK)
        self.assertEqual(self.read("out.jsonl"), self.read("plain.jsonl"))

    def test_changes_are_refused_by_name(self):
        log, text = self.many_incidents()
        self.full_disk_run(log)
        policy = self.write("p.yaml", "ladder:\n  notify:\n    risk: 50\n")
        command = self.command([log], lines=256)
        other = self.write("other.log", text)
        for change, named in ((["--timezone", "Asia/Tokyo"], "--timezone"), (["--policy", policy], "the policy"),
                              (["--default-realm", "x.example"], "--default-realm"), (["--year", "2020"], "--year"),
                              (["--webmail-host", "192.0.2.1"], "--webmail-host"), ([other], "input files"),
                              (["--recipient-key", "x"], "--recipient-key")):
            done = self.run_sekisho(*command, *change, expect=FAILED)
            self.assertIn(named, done.stderr.decode())
            self.assertIn("changed", done.stderr.decode())
        self.write("mail.log", text.replace("user7@", "user8@"))
        done = self.run_sekisho(*command, expect=FAILED)
        self.assertIn("mail.log", done.stderr.decode())
        self.write("mail.log", text)
        os.utime(log, (0, 0))
        self.assertIn("year", self.run_sekisho(*command, expect=FAILED).stderr.decode())
        self.write("mail.log", text)
        out = self.read("out.jsonl")
        self.write("out.jsonl", out[:10])
        self.assertIn("shorter", self.run_sekisho(*command, expect=FAILED).stderr.decode())
        self.write("out.jsonl", out)
        self.run_sekisho(*command, expect=OK)

    def test_a_torn_tail_is_cut(self):
        log, _ = self.many_incidents()
        self.run_sekisho("replay", "--out", self.path("plain.jsonl"), log, expect=OK)
        self.full_disk_run(log)
        with open(self.path("out.jsonl"), "ab") as out:
            out.write(b'{"account":"half a li')
        self.run_sekisho(*self.command([log], lines=256), expect=OK)
        self.assertEqual(self.read("out.jsonl"), self.read("plain.jsonl"))

    def test_strange_state_directories_are_refused(self):
        log, _ = self.many_incidents()
        os.mkdir(self.path("state"))
        self.write("state/letter.txt", "not a state directory")
        self.assertIn("state", self.run_sekisho(*self.command([log]), expect=FAILED).stderr.decode())
        self.assertEqual(self.read("state/letter.txt"), b"not a state directory")
        file = self.write("file", "x")
        self.run_sekisho("replay", "--state", file, "--out", self.path("o"), log, expect=FAILED)

    def test_one_state_directory_serves_one_run_at_a_time(self):
        log, _ = self.many_incidents()
        fifo = self.path("fifo.log")
        os.mkfifo(fifo)
        first = subprocess.Popen([harness.SEKISHO, *self.command([log, fifo])], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
        # The first run has its state open before it opens its inputs, and waits for the pipe's other end.
        with open(fifo, "wb"):
            done = self.run_sekisho(*self.command([log, fifo]), expect=FAILED)
            self.assertRegex(done.stderr.decode(), "open|use|lock")
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, OK)


if __name__ == "__main__":
    harness.main()
