#!/usr/bin/env python3
"""Goal: `sekisho explain` tells a support agent on one screen what happened to a suspended account and why, whatever the thief did.
Method: simulated logs with one kind of attack each; every suspended account's screen must be small enough, and name what the
replay's own action says: when it began, from where, how much was sent, each kind of evidence with its number and threshold, and what
ends it."""
import datetime
import json
import os
import tempfile
import unittest

import harness
from harness import CliTest

OK = 0
LINES, COLUMNS = 24, 100
ATTACKS = ("rotate", "burst", "guess-then-use", "probe", "webmail", "domestic")
SHOWN_EACH = 3


def human(time):
    """As the screen writes a time of actions.jsonl."""
    return datetime.datetime.fromisoformat(time).astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def number(n):
    return f"{n:,}"


class Explain(CliTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sekisho-explain-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.replayed = {}

    def logs_and_actions(self, attack):
        """The arguments that name the logs, and what the replay did. Every test reads the same."""
        if attack not in self.replayed:
            folder = os.path.join(self.folder, attack)
            self.run_sekisho("simulate", "--accounts", "60", "--days", "5", "--stolen-share", "0.15", "--seed", "7", "--attacks", attack,
                             "--out", folder, expect=OK)
            with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
                truth = json.load(file)
            logs = ["--default-realm", truth["default_realm"], "--year", str(truth["year"])]
            for host in truth["webmail_hosts"]:
                logs += ["--webmail-host", host]
            logs += [os.path.join(folder, name) for name in truth["files"]]
            self.replayed[attack] = logs, self.json_lines(self.run_sekisho("replay", *logs, expect=OK).stdout)
        return self.replayed[attack]

    def screen(self, account, logs, *options):
        text = self.run_sekisho("explain", *options, account, *logs, expect=OK).stdout.decode()
        lines = text.splitlines()
        self.assertLessEqual(len(lines), LINES, text)
        for line in lines:
            self.assertLessEqual(len(line), COLUMNS, text)
        return text, " ".join(text.split())

    def check(self, action, text, words):
        self.assertTrue(text.startswith(action["account"] + ": "), text)
        self.assertIn(human(action["time"]), words)
        self.assertIn(f"risk {action['risk']} of 100", words)
        for heading in ("What happened", "Why: ", "What the account is used to", "What would have kept it from this", "Now: "):
            self.assertIn(heading, text)
        self.assertIn("It ends by itself", words)
        self.assertIn("sekisho release", words)
        self.assertIn("Known since", words)
        if action["onset"] is not None:
            self.assertIn(f"Began at {human(action['onset'])} with a message from ", words)
            self.assertIn(f"Sent by then: {number(action['messages_since_onset'])} message", words)
        # Each kind of evidence, by its strongest signal, with a measured number and its threshold.
        strongest = {}
        for evidence in action["evidence"]:
            family = evidence["family"]
            strongest[family] = max(strongest.get(family, 0), evidence["score"])
        for family, score in strongest.items():
            self.assertIn(f"{family}, {score} points", words)
        told = [e for e in action["evidence"] if any(f"({bound} {number(e['threshold'])})" in words for bound in ("threshold", "at most"))
                and f"{number(e['value'])} " in words]
        self.assertGreaterEqual(len({e["family"] for e in told}), min(2, len(strongest)), (text, action))

    def test_each_kind_of_attack_on_one_screen(self):
        kinds = 0
        for attack in ATTACKS:
            logs, actions = self.logs_and_actions(attack)
            # The last suspension that isn't a renewal is the one that is told of.
            last = {a["account"]: a for a in actions if a["action"] == "suspend" and a["rule"] != "renewed"}
            for account in sorted(last)[:SHOWN_EACH]:
                with self.subTest(attack=attack, account=account):
                    text, words = self.screen(account, logs)
                    self.check(last[account], text, words)
            kinds += bool(last)
        self.assertGreaterEqual(kinds, 5)

    def test_all_gives_the_whole_timeline_after_the_same_screen(self):
        logs, actions = self.logs_and_actions("rotate")
        account = next(a["account"] for a in actions if a["action"] == "suspend")
        text, _ = self.screen(account, logs)
        whole = self.run_sekisho("explain", "--all", account, *logs, expect=OK).stdout.decode()
        self.assertEqual(whole.splitlines()[:5], text.splitlines()[:5])
        self.assertIn("\nTimeline:\n", whole)
        self.assertGreater(len(whole.splitlines()), LINES)
        for action in actions:
            if action["account"] == account and action["action"] != "observe":
                self.assertIn(human(action["time"]), whole)

    def test_classes_and_shadow_are_told(self):
        logs, actions = self.logs_and_actions("rotate")
        account = next(a["account"] for a in actions if a["action"] == "suspend")
        domain = account.split("@")[1]
        business = self.write("business.yaml", f'classes:\n  business:\n    accounts: ["*@{domain}"]\n')
        asked = [a for a in self.json_lines(self.run_sekisho("replay", "--policy", business, *logs, expect=OK).stdout)
                 if a["account"] == account and a.get("request") == "confirm_suspension"]
        self.assertTrue(asked)
        self.assertEqual({a["action"] for a in asked}, {"throttle"})
        _, words = self.screen(account, logs, "--policy", business)
        for part in ("a person", "confirm its suspension", "sekisho deny", "class business"):
            self.assertIn(part, words)
        shadow = self.write("shadow.yaml", f'shadow:\n  accounts: ["*@{domain}"]\n')
        _, words = self.screen(account, logs, "--policy", shadow)
        self.assertIn("shadow: told only", words)

    def test_an_account_that_nobody_robbed(self):
        logs, actions = self.logs_and_actions("burst")
        acted = {a["account"] for a in actions}
        events = self.json_lines(self.run_sekisho("events", *logs, expect=OK).stdout)
        quiet = next(e["account"] for e in events if e.get("account") and e["account"] not in acted)
        _, words = self.screen(quiet, logs)
        self.assertIn("Nothing was done about it", words)


if __name__ == "__main__":
    harness.main()
