#!/usr/bin/env python3
"""Goal: `sekisho` meets bad input, bad arguments and a bad world with a clear message and the documented exit code, counts
what it couldn't use, and loses nothing else.
Method: the real binary over small logs made here; actions and events are read back as strict JSON."""
import gzip
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

import harness
from harness import CliTest
from loglines import HOME_JP, Log, domestic_days, incident

OK, FAILED, USAGE, UNREADABLE, INTERRUPTED = 0, 1, 2, 3, 130


class Arguments(CliTest):
    def test_help_of_every_command_has_examples_and_exit_codes(self):
        for command in ([], ["replay"], ["events"], ["explain"], ["simulate"], ["evaluate"], ["backtest"], ["features"], ["policy"],
                        ["policy", "check"], ["policy", "default"]):
            out = self.run_sekisho(*command, "--help", expect=OK).stdout.decode()
            self.assertIn("Example", out, command)
            self.assertIn("Exit codes", out, command)

    def test_wrong_arguments_are_a_usage_error(self):
        for args in ([], ["nonsense"], ["replay"], ["replay", "--nonsense", "x"], ["explain", "a"],
                     ["replay", "--year", "x", "f"], ["replay", "--timezone", "Mars/Olympus", "f"],
                     ["replay", "--webmail-host", "not-an-address", "f"], ["replay", "--memory-max", "lots", "f"],
                     ["simulate"], ["policy"], ["backtest", "f"], ["features", "--json", "--markdown"]):
            done = self.run_sekisho(*args)
            self.assertEqual(done.returncode, USAGE, (args, done.stderr))
            self.assertTrue(done.stderr, args)

    def test_state_wants_regular_files(self):
        log = self.write("mail.log", incident().text())
        for args in ([log], ["--out", "/dev/null", log], ["--out", "-", log],
                     ["--out", self.path("a.jsonl"), "--dead-letter", "/dev/null", log],
                     ["--out", self.path("a.jsonl"), "-"]):
            done = self.run_sekisho("replay", "--state", self.path("state"), *args)
            self.assertEqual(done.returncode, USAGE, (args, done.stderr))

    def test_an_output_is_never_an_input(self):
        log = self.write("mail.log", incident().text())
        os.link(log, self.path("same.log"))
        before = self.read("mail.log")
        for args in (["--out", log], ["--dead-letter", log], ["--out", self.path("same.log")],
                     ["--out", self.path("x"), "--dead-letter", self.path("x")]):
            self.run_sekisho("replay", *args, log, expect=USAGE)
            self.assertEqual(self.read("mail.log"), before)

    def test_policy_errors_name_file_line_and_key(self):
        policy = self.write("p.yaml", "ladder:\n  suspend:\n    risk: 101\n")
        for args in (["policy", "check", policy], ["replay", "--policy", policy, self.write("l", "")]):
            done = self.run_sekisho(*args, expect=USAGE)
            self.assertIn(f"{policy}:3:11: ladder.suspend.risk", done.stderr.decode())

    def test_the_default_policy_is_valid_and_changes_nothing(self):
        printed = self.run_sekisho("policy", "default", expect=OK).stdout
        policy = self.write("default.yaml", printed)
        self.run_sekisho("policy", "check", policy, expect=OK)
        log = self.write("mail.log", incident().text())
        self.assertEqual(self.run_sekisho("replay", log, expect=OK).stdout,
                         self.run_sekisho("replay", "--policy", policy, log, expect=OK).stdout)

    def test_geo_must_be_what_it_says(self):
        log = self.write("mail.log", incident().text())
        for geo in (self.path("missing.mmdb"), self.write("bad.mmdb", b"\x00garbage" * 100), self.dir):
            done = self.run_sekisho("replay", "--geo", geo, log, expect=FAILED)
            self.assertIn(os.path.basename(geo), done.stderr.decode())


RULES = """version: ruled
rules:
  - name: abroad
    when: distinct_countries(1h) >= 2 && recipients(1h) >= usual_recipients(1h)
    score: 90
    family: history
    mode: on
    says: used from two countries within an hour
  - {name: busy, when: recipients(10m) >= 3, score: 60, family: volume, mode: MODE}
"""


class Rules(CliTest):
    """The operator's own rules, what they may ask for, and what they would change."""

    def test_features_are_listed_for_people_and_programs(self):
        text = self.run_sekisho("features", expect=OK).stdout.decode()
        listed = self.json_lines(self.run_sekisho("features", "--json", expect=OK).stdout)[0]["features"]
        markdown = self.run_sekisho("features", "--markdown", expect=OK).stdout.decode()
        self.assertGreater(len(listed), 40)
        for feature in listed:
            for key in ("name", "type", "windows", "unit", "meaning"):
                self.assertIn(key, feature)
            self.assertIn(f"  {feature['name']} ", text)
            self.assertIn(f"| `{feature['name']}` |", markdown)
        self.assertIn("1s to 31d", text)

    def test_a_wrong_rule_is_named_by_line_and_column(self):
        policy = self.write("p.yaml", RULES.replace("recipients(10m)", "recipients(10y)"))
        done = self.run_sekisho("policy", "check", policy, expect=USAGE)
        self.assertIn(f"{policy}:9:35: rules[1].when: a window is", done.stderr.decode())

    def test_a_rule_decides_and_says_so(self):
        log = self.write("mail.log", incident().text())
        policy = self.write("p.yaml", RULES.replace("MODE", "on"))
        self.run_sekisho("policy", "check", policy, expect=OK)
        actions = self.json_lines(self.run_sekisho("replay", "--policy", policy, log, expect=OK).stdout)
        suspended = [a for a in actions if a["action"] == "suspend"][0]
        self.assertIn("own_rule:abroad", suspended["signals"])
        evidence = [e for e in suspended["evidence"] if e["detector"] == "own_rule:abroad"]
        self.assertEqual(evidence[0]["feature"], "distinct_countries")
        self.assertEqual(evidence[0]["window_s"], 3600)
        told = self.run_sekisho("explain", "--policy", policy, "taro@example.jp", log, expect=OK).stdout.decode()
        told = " ".join(told.split())  # lines are broken to the screen's width
        self.assertIn("90 points by own_rule:abroad: used from two countries within an hour.", told)
        self.assertIn("3 recipients written to, from whatever source, within 1h (threshold 1).", told)

    def test_backtest_shows_for_whom_what_changes(self):
        log = self.write("mail.log", incident().text())
        new = self.write("new.yaml", RULES.replace("MODE", "on"))
        lazy = self.write("lazy.yaml", "mode: shadow\nladder: {suspend: {risk: 100, families: 9}, beyond_doubt_score: 100}\n")
        result = self.json_lines(self.run_sekisho("backtest", "--policy", new, "--against", lazy, "--json", log, expect=OK).stdout)[0]
        self.assertEqual(result["counts"]["newly_suspended"], 1)
        self.assertEqual(result["changes"][0]["account"], "taro@example.jp")
        self.assertIn("own_rule:abroad", result["changes"][0]["signals"])
        self.assertEqual(result["policy"]["suspended"], 1)
        self.assertEqual(result["against"]["suspended"], 0)
        back = self.json_lines(self.run_sekisho("backtest", "--policy", lazy, "--against", new, "--json", log, expect=OK).stdout)[0]
        self.assertEqual(back["counts"]["no_longer_suspended"], 1)
        earlier = self.json_lines(self.run_sekisho("backtest", "--policy", new, "--json", log, expect=OK).stdout)[0]
        self.assertEqual(earlier["counts"]["suspended_earlier"], 1)
        self.assertGreater(earlier["changes"][0]["by_ms"], 0)
        self.assertLessEqual(earlier["changes"][0]["messages_by"], 0)
        text = self.run_sekisho("backtest", "--policy", new, "--against", lazy, log, expect=OK).stdout.decode()
        self.assertIn("taro@example.jp", text)
        self.assertIn("own_rule:abroad", text)
        same = self.run_sekisho("backtest", "--policy", new, "--against", new, log, expect=OK).stdout.decode()
        self.assertIn("Nothing changes for anybody", same)

    def test_backtest_finds_what_each_replay_finds(self):
        log = self.write("mail.log", incident().text())
        policy = self.write("p.yaml", RULES.replace("MODE", "on"))
        replayed = self.json_lines(self.run_sekisho("replay", "--policy", policy, log, expect=OK).stdout)
        first = [a for a in replayed if a["action"] == "suspend"][0]
        result = self.json_lines(self.run_sekisho("backtest", "--policy", policy, "--json", log, expect=OK).stdout)[0]
        step = [s for s in result["changes"][0]["policy"]["steps"] if s["action"] == "suspend"][0]
        self.assertEqual([step["time"], step["signals"], step["rule"]], [first["time"], first["signals"], first["rule"]])

    def test_backtest_says_what_it_could_not_read(self):
        policy = self.write("p.yaml", "mode: shadow\n")
        self.run_sekisho("backtest", "--policy", policy, self.path("missing.log"), expect=UNREADABLE)
        self.run_sekisho("backtest", "--policy", self.path("missing.yaml"), self.write("l", ""), expect=FAILED)
        self.run_sekisho("backtest", "--policy", self.write("bad.yaml", "rules: 5\n"), self.write("l", ""), expect=USAGE)


class Incident(CliTest):
    def test_the_stolen_account_is_suspended_and_the_summary_says_why(self):
        log = self.write("mail.log", incident().text())
        done = self.run_sekisho("replay", log, expect=OK)
        actions = self.json_lines(done.stdout)
        suspended = [a for a in actions if a["action"] == "suspend"]
        self.assertEqual([a["account"] for a in suspended], ["taro@example.jp"])
        for key in ("account", "action", "time", "id", "risk", "signals", "evidence", "expires", "mode", "policy"):
            self.assertIn(key, suspended[0])
        self.assertRegex(suspended[0]["time"], r"^2026-03-06T09:0\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(suspended[0]["mode"], "enforce")
        self.assertTrue(suspended[0]["signals"])
        self.assertIn("taro@example.jp", done.stderr.decode())

    def test_two_replays_are_byte_identical(self):
        log = self.write("mail.log", incident().text())
        self.assertEqual(self.run_sekisho("replay", log).stdout, self.run_sekisho("replay", log).stdout)

    def test_explain_tells_why_in_words(self):
        log = self.write("mail.log", incident().text())
        out = self.run_sekisho("explain", "taro@example.jp", log, expect=OK).stdout.decode()
        screen = "\n".join(out.splitlines()[:40])
        self.assertIn("suspend", screen)
        self.assertIn("threshold", screen)
        self.assertIn("Why", screen)
        self.assertRegex(out, "source_rotation|country_velocity")
        nobody = self.run_sekisho("explain", "nobody@example.jp", log, expect=FAILED)
        self.assertIn("nobody@example.jp", nobody.stderr.decode())

    def test_events_can_be_read_back_and_lead_to_the_same_actions(self):
        log = self.write("mail.log", incident().text())
        events = self.run_sekisho("events", log, expect=OK).stdout
        for event in self.json_lines(events):
            self.assertIn("time", event)
            self.assertIn("kind", event)
        direct = self.json_lines(self.run_sekisho("replay", log, expect=OK).stdout)
        again = self.json_lines(self.run_sekisho("replay", self.write("events.jsonl", events), expect=OK).stdout)
        same = ("account", "action", "time", "signals", "risk")
        self.assertEqual([[a[k] for k in same] for a in direct], [[a[k] for k in same] for a in again])

    def test_compressed_files_and_standard_input_say_the_same(self):
        text = incident().text().encode()
        plain = self.run_sekisho("replay", self.write("mail.log", text), expect=OK).stdout
        packed = self.write("mail.log.gz", gzip.compress(text))
        self.assertEqual(self.run_sekisho("replay", packed, expect=OK).stdout, plain)
        self.assertEqual(self.run_sekisho("replay", "-", stdin=text, expect=OK).stdout, plain)
        try:
            zst = subprocess.run(["zstd", "-q", "-c"], input=text, capture_output=True, check=True).stdout
        except FileNotFoundError:
            self.skipTest("zstd isn't installed: gzip and standard input passed")
        self.assertEqual(self.run_sekisho("replay", self.write("mail.zst", zst), expect=OK).stdout, plain)

    def test_hosts_in_separate_files_are_merged_by_time(self):
        lines = incident().text().splitlines(keepends=True)
        whole = self.run_sekisho("replay", self.write("all.log", "".join(lines)), expect=OK).stdout
        imap = self.write("imap.log", "".join(l for l in lines if " imap1 " in l))
        mx = self.write("mx.log", "".join(l for l in lines if " mx1 " in l))
        key = lambda out: [(a["account"], a["action"], a["time"], a["signals"]) for a in self.json_lines(out)]
        self.assertEqual(key(self.run_sekisho("replay", imap, mx, expect=OK).stdout), key(whole))

    def test_geo_less_mode_is_said(self):
        # A binary away from its data finds no database; the run goes on and says so.
        log = self.write("mail.log", incident().text())
        os.makedirs(self.path("alone/bin"))
        alone = shutil.copy(harness.SEKISHO, self.path("alone/bin"))
        done = subprocess.run([alone, "replay", log], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, OK)
        self.assertIn("no country database", done.stderr.decode())


class BadInput(CliTest):
    """Each kind of bad input, with an incident around it that must be found all the same."""

    def suspended(self, done):
        return sorted({a["account"] for a in self.json_lines(done.stdout) if a["action"] == "suspend"})

    def found_all_the_same(self, *args, expect=OK, stdin=b""):
        done = self.run_sekisho("replay", *args, stdin=stdin, expect=expect)
        self.assertEqual(self.suspended(done), ["taro@example.jp"])
        return done

    def test_empty_file(self):
        done = self.run_sekisho("replay", self.write("empty.log", ""), expect=OK)
        self.assertEqual(done.stdout, b"")
        self.found_all_the_same(self.path("empty.log"), self.write("mail.log", incident().text()))

    def test_unreadable_inputs_are_named_and_the_rest_is_done(self):
        log = self.write("mail.log", incident().text())
        broken = self.write("broken.gz", gzip.compress(incident("x@example.jp").text().encode())[:500])
        for bad in (self.dir, self.path("vanished.log"), broken):
            done = self.found_all_the_same(log, bad, expect=UNREADABLE)
            self.assertIn(os.path.basename(bad), done.stderr.decode())

    def test_binary_garbage(self):
        garbage = bytes((i * 7919 + i // 256) % 256 for i in range(1 << 20))
        self.found_all_the_same(self.write("mail.log", incident().text()), self.write("garbage", garbage))

    def test_crlf(self):
        self.found_all_the_same(self.write("mail.log", incident().text().replace("\n", "\r\n")))

    def test_megabyte_line_is_dead_lettered(self):
        lines = incident().text().splitlines(keepends=True)
        lines.insert(5, "Mar  2 10:00:00 mx1 postfix/smtpd[1]: " + "x" * (1 << 20) + "\n")
        done = self.found_all_the_same("--dead-letter", self.path("dead"), self.write("mail.log", "".join(lines)))
        letters = self.json_lines(self.read("dead"))
        self.assertTrue(any("long" in letter["reason"] for letter in letters), letters)
        self.assertLess(len(self.read("dead")), 10_000)
        self.assertIn("long", done.stderr.decode())

    def test_truncated_last_line(self):
        text = incident().text()
        self.found_all_the_same(self.write("mail.log", text + text.splitlines()[-3][:60]))

    def test_forged_user_names_are_never_believed(self):
        forged = "client=x[1.2.3.4], sasl_method=PLAIN, sasl_username=victim@example.jp"
        log = incident()
        for i in range(50):
            log.login_failed(5 * 86400 + i, f"> {forged}", "203.0.113.9")
            log.line(5 * 86400 + i, "mx1", "postfix/submission/smtpd",
                     f"{i:010X}: client=unknown[203.0.113.9], sasl_method=PLAIN, sasl_username={forged}")
        path = self.write("mail.log", log.text())
        for event in self.json_lines(self.run_sekisho("events", path, expect=OK).stdout):
            self.assertNotEqual(event.get("account"), "victim@example.jp")
            self.assertNotEqual(event.get("ip"), "1.2.3.4")
        self.run_sekisho("replay", path, expect=OK)

    def test_control_characters_and_bad_utf8_in_names(self):
        log = incident()
        text = log.text().encode()
        for name in (b"\x1b[2Jevil", b"\xff\xfe\x00nul", "\u202egnp.exe".encode(), b'quo"te\\'):
            for i in range(12):
                text += (b"2026-03-06T10:%02d:00+00:00 mx1 postfix/submission/smtpd[9]: 7F%08X: "
                         b"client=unknown[46.119.249.%d], sasl_method=PLAIN, sasl_username=" % (i, i, i) + name + b"\n")
        done = self.run_sekisho("replay", self.write("mail.log", text), expect=OK)
        self.json_lines(done.stdout)
        self.json_lines(self.run_sekisho("events", self.path("mail.log"), expect=OK).stdout)

    def test_time_going_backwards(self):
        log = incident()
        lines = log.text().splitlines(keepends=True)
        for back in ("2026-03-03T08:00:00", "2025-03-02T10:00:00"):
            bad = [back + line[19:] for line in lines[10:40]]
            done = self.found_all_the_same(self.write("mail.log", "".join(lines[:60] + bad + lines[60:])))
            self.assertRegex(done.stderr.decode(), "late|lines")

    def test_one_line_from_the_future_moves_nothing(self):
        lines = incident().text().splitlines(keepends=True)
        lines.insert(30, "2031-01-01T00:00:00" + lines[29][19:])
        done = self.found_all_the_same("--dead-letter", self.path("dead"), self.write("mail.log", "".join(lines)))
        self.assertTrue(any("future" in letter["reason"] for letter in self.json_lines(self.read("dead"))))
        self.assertIn("future", done.stderr.decode())

    def test_an_account_with_100000_addresses_takes_bounded_memory(self):
        log = Log()
        domestic_days(log, "wide@example.jp", 2, HOME_JP)
        for i in range(100_000):
            log.login(2 * 86400 + i // 2, "wide@example.jp", f"{20 + i // 65536}.{i // 256 % 256}.{i % 256}.7")
        path = self.write("wide.log", log.text())
        self.run_sekisho("replay", path, expect=OK)
        if not harness.SANITIZED:
            self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 300_000, "KiB")

    def test_dead_letters_hold_no_recipient(self):
        text = incident().text() + "2026-03-06T11:00:00+00:00 mx1 postfix/smtp[1]: 00000000FF: to=<secret@x.example\n" * 3
        self.run_sekisho("replay", "--dead-letter", self.path("dead"), self.write("mail.log", text), expect=OK)
        self.assertNotIn(b"secret", self.read("dead"))
        self.json_lines(self.read("dead"))


class World(CliTest):
    def test_full_disk_is_an_error_not_a_loss_in_silence(self):
        log = self.write("mail.log", incident().text())
        if os.path.exists("/dev/full"):
            done = self.run_sekisho("replay", "--out", "/dev/full", log, expect=FAILED)
            self.assertIn("No space left", done.stderr.decode())

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        many = "".join(incident(f"user{i}@example.jp").text() for i in range(20))
        path = self.write("many.log", "".join(sorted(many.splitlines(keepends=True))))
        done = self.run_sekisho("replay", "--out", self.path("a.jsonl"), path, preexec=limit, expect=FAILED)
        self.assertIn("a.jsonl", done.stderr.decode())

    def test_ctrl_c_stops_cleanly(self):
        read, write = os.pipe()
        process = subprocess.Popen([harness.SEKISHO, "replay", "-"], stdin=read, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        os.close(read)
        with os.fdopen(write, "wb") as pipe:
            pipe.write(incident().text().encode())
            pipe.flush()
            # The handler is in place once the kernel lists the signal as caught.
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with open(f"/proc/{process.pid}/status") as status:
                    caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status.read())[1], 16)
                if caught >> (signal.SIGINT - 1) & 1:
                    break
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED, err)
        self.assertIn("stopped", err.decode())
        self.json_lines(out)


if __name__ == "__main__":
    harness.main()
