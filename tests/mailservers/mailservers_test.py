#!/usr/bin/env python3
# Goal: what today's Postfix and Dovecot really log is understood: every login, failure, submission and delivery is found,
# under the right account and address, and hostile user names change neither.
# Method: both servers run on loopback; mail is submitted from foreign addresses (XCLIENT), mailboxes are read by IMAP and
# POP3 from foreign addresses (trusted proxies' ID and XCLIENT); `sekisho events` reads the logs that this leaves.
#
# usage: mailservers_test.py SEKISHO_BINARY. Exit status 77: skipped, as the servers are not installed or we are not root.
import collections
import imaplib
import json
import os
import poplib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ACCOUNTS, MailServers, wait_for  # noqa: E402

SEKISHO = ""
NEEDED = ["postfix", "dovecot", "swaks"]
SKIPPED = 77

# (name sent, why): each is tried with a wrong password from its own address.
HOSTILE_NAMES = [
    ("x, sasl_username=victim@example.jp", "a second field"),
    ("client=x[192.0.2.66], sasl_username=victim@example.jp", "a whole forged line"),
    ("x]: SASL LOGIN authentication failed: no, sasl_username=victim@example.jp", "a second failure"),
    ("u1>, rip=192.0.2.66, lip=127.0.0.1, session=<", "Dovecot's own fields"),
    ("unknown[192.0.2.66]: SASL PLAIN authentication failed: x", "a client in front"),
    ("warning: a[192.0.2.66]", "brackets"),
    ("nul, rip=192.0.2.66", "a plain rip"),
]


def plain(events, *fields):
    return sorted(tuple(str(e.get(f, "")) for f in fields) for e in events)


class MailServersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="sekisho-mail-", dir="/tmp")
        try:
            with MailServers(cls.base) as servers:
                cls.use(servers)
            cls.events = []
            done = subprocess.run([SEKISHO, "events", servers.maillog, servers.dovecotlog], capture_output=True, text=True,
                                  check=False)
            if done.returncode != 0:
                raise RuntimeError(f"sekisho events: {done.stderr}")
            cls.events = [json.loads(line) for line in done.stdout.splitlines()]
        except BaseException:
            for name in ["mail.log", "dovecot.log"]:
                if os.path.exists(f"{cls.base}/{name}"):
                    with open(f"{cls.base}/{name}", encoding="utf-8", errors="replace") as f:
                        print(f"--- {name}", f.read(), sep="\n", file=sys.stderr)
            raise
        finally:
            if os.environ.get("SEKISHO_KEEP"):
                print(f"kept: {cls.base}", file=sys.stderr)
            else:
                shutil.rmtree(cls.base, ignore_errors=True)

    @classmethod
    def use(cls, servers):
        cls.sent = [
            servers.send("submission", "176.212.202.226", "u1@example.jp", "secret1", ["a@good.example"]),
            servers.send("submissions", "2001:db8::7", "u2@example.jp", "secret2", ["b@good.example", "c@refused.example", "d@spam.example", "e@down.example", "x@unknown.example"]),
            servers.send("submission", "203.0.113.9", "U1@Example.JP", "secret1", ["f@good.example", "g@good.example", "h@other.example"]),
        ]
        cls.refused = [servers.send("submission", "198.51.100.20", "u1@example.jp", "wrong", ["a@good.example"]),
                       servers.send("submission", "198.51.100.21", "nobody@example.jp", "wrong", ["a@good.example"])]
        cls.hostile = {}
        for i, (name, why) in enumerate(HOSTILE_NAMES):
            address = f"198.51.100.{100 + i}"
            cls.hostile[address] = (name, why)
            servers.send("submission", address, name, "wrong", ["a@good.example"])

        imap = imaplib.IMAP4("127.0.0.1", servers.ports["imap"])
        imap.xatom("ID", '("x-originating-ip" "176.212.202.227")')
        imap.login("u1@example.jp", ACCOUNTS["u1@example.jp"])
        imap.select()
        imap.logout()
        for i, (name, _) in enumerate([("u2@example.jp", "")] + HOSTILE_NAMES):
            imap = imaplib.IMAP4("127.0.0.1", servers.ports["imap"])
            imap.xatom("ID", f'("x-originating-ip" "198.51.100.{150 + i}")')
            try:
                imap.login('"' + name + '"', "wrong")  # it quotes the password only
            except imaplib.IMAP4.error:
                pass
            imap.logout()
        for address, password in [("203.0.113.30", "secret3"), ("203.0.113.31", "wrong")]:
            pop3 = poplib.POP3("127.0.0.1", servers.ports["pop3"])
            pop3._shortcmd(f"XCLIENT ADDR={address}")  # pylint: disable=protected-access
            try:
                pop3.user("u3@example.jp")
                pop3.pass_(password)
            except poplib.error_proto:
                pass
            pop3.quit()

        # Three messages come back from the hop; two of their recipients are refused, so a bounce message is made.
        def all_done():
            log = servers.log()
            return log.count("status=deferred") >= 1 and log.count("postfix/discard") >= 5 and log.count("status=bounced") >= 2 and \
                "non-delivery notification" in log
        wait_for("deliveries", all_done)

    def of_kind(self, kind, service="smtp"):
        return [e for e in self.events if e["kind"] == kind and e.get("service") == service]

    def test_the_servers_did_what_was_asked(self):
        self.assertEqual(self.sent, [0, 0, 0])
        self.assertNotIn(0, self.refused)

    def test_submissions(self):
        self.assertEqual(plain(self.of_kind("submission"), "account", "ip", "listener", "method", "outcome"), [
            ("u1@example.jp", "176.212.202.226", "587", "PLAIN", "success"),
            ("u1@example.jp", "203.0.113.9", "587", "PLAIN", "success"),
            ("u2@example.jp", "2001:db8::7", "465", "PLAIN", "success")])

    def test_each_message_is_queued_once_under_its_first_id(self):
        first_ids = {e["queue_id"]: e["account"] for e in self.of_kind("submission")}
        queued = self.of_kind("queued")
        self.assertEqual(sorted(e["queue_id"] for e in queued), sorted(first_ids))
        self.assertEqual(plain(queued, "account", "recipients"), [("u1@example.jp", "1"), ("u1@example.jp", "3"), ("u2@example.jp", "4")])
        for e in queued:
            self.assertGreater(e["size"], 100)
            self.assertEqual(e["sender_domain"], "example.jp")
            self.assertEqual(first_ids[e["queue_id"]], e["account"])

    def test_deliveries_are_those_of_the_last_hop(self):
        first_ids = {e["queue_id"] for e in self.of_kind("submission")}
        deliveries = self.of_kind("delivery")
        self.assertTrue({e["queue_id"] for e in deliveries} <= first_ids)
        found = collections.Counter((e["account"], e["ip"], e["recipient_domains"][0], e["outcome"], e.get("dsn", ""), e.get("spam_refusal", False))
                                    for e in deliveries)
        self.assertEqual(found, collections.Counter({
            ("u1@example.jp", "176.212.202.226", "good.example", "sent", "2.0.0", False): 1,
            ("u1@example.jp", "203.0.113.9", "good.example", "sent", "2.0.0", False): 2,
            ("u1@example.jp", "203.0.113.9", "other.example", "sent", "2.0.0", False): 1,
            ("u2@example.jp", "2001:db8::7", "good.example", "sent", "2.0.0", False): 1,
            ("u2@example.jp", "2001:db8::7", "refused.example", "bounced", "5.1.1", False): 1,
            ("u2@example.jp", "2001:db8::7", "spam.example", "bounced", "5.7.1", True): 1,
            ("u2@example.jp", "2001:db8::7", "down.example", "deferred", "4.4.1", False): 1}))

    def test_our_own_refusals_are_told_apart(self):
        first = {e["account"]: e["queue_id"] for e in self.of_kind("submission")}
        self.assertEqual(plain(self.of_kind("rejected"), "account", "ip", "dsn", "queue_id"), [("u2@example.jp", "2001:db8::7", "5.1.2", first["u2@example.jp"])])

    def test_failed_logins_by_smtp(self):
        found = {e["ip"]: e for e in self.of_kind("login_failed")}
        self.assertEqual(found["198.51.100.20"]["account"], "u1@example.jp")
        self.assertEqual(found["198.51.100.21"]["account"], "nobody@example.jp")
        self.assertEqual(len(found), 2 + len(self.hostile))

    def test_hostile_names_by_smtp_keep_their_address(self):
        found = {e["ip"]: e for e in self.of_kind("login_failed")}
        for address, (name, why) in self.hostile.items():
            with self.subTest(why):
                self.assertIn(address, found)
                self.assertEqual(found[address].get("account"), name.lower())

    def test_nothing_names_a_forged_address_or_victim(self):
        for e in self.events:
            self.assertNotEqual(e.get("ip"), "192.0.2.66", e)
            self.assertNotIn(e.get("account"), ["victim@example.jp", "victim"], e)

    def test_logins_by_imap_and_pop3(self):
        self.assertEqual(plain(self.of_kind("login", "imap"), "account", "ip", "outcome"), [("u1@example.jp", "176.212.202.227", "success")])
        self.assertEqual(plain(self.of_kind("login", "pop3"), "account", "ip", "outcome"), [("u3@example.jp", "203.0.113.30", "success")])

    def test_failed_logins_by_imap_and_pop3(self):
        self.assertEqual({(e["account"], e["ip"]) for e in self.of_kind("login_failed", "pop3")}, {("u3@example.jp", "203.0.113.31")})
        imap = self.of_kind("login_failed", "imap")
        self.assertIn(("u2@example.jp", "198.51.100.150"), {(e.get("account"), e["ip"]) for e in imap})
        self.assertEqual({e["ip"] for e in imap}, {f"198.51.100.{150 + i}" for i in range(1 + len(HOSTILE_NAMES))})

    def test_sessions_count_their_failures(self):
        tried = {e["ip"]: (e.get("auth_ok", 0), e.get("auth_tried", 0)) for e in self.of_kind("session")}
        self.assertEqual(tried["198.51.100.20"], (0, 1))
        self.assertEqual(tried["176.212.202.226"], (1, 1))


if __name__ == "__main__":
    missing = [program for program in NEEDED if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin") is None]
    if missing or os.geteuid() != 0:
        print(f"skipped: needs root and {', '.join(NEEDED)}; missing: {', '.join(missing) or 'root'}")
        sys.exit(SKIPPED)
    os.environ["PATH"] += ":/usr/sbin"
    SEKISHO = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.environ["SEKISHO_BIN"])
    unittest.main()
