"""The logs that a schedule sends: made by `sekisho simulate` from a seed, thinned out, and dealt to files so that what comes
out of them can be foretold.

Every account's lines are in one file, in order, so its events come through one connector in the order of that file. With
`aligned` files all accounts of a partition are in one file, too; then the order of a whole partition is the file's, and so
is everything that follows from it. Without, several files feed each partition, and only time decides how they mix.
"""
import datetime
import heapq
import json
import os
import random
import re
import subprocess

REALM = "mail.example.jp"
WEBMAIL = "10.20.0.30"
# Far ahead of any clock: the heartbeats that engines and connectors append by themselves, which carry the real time, then
# never move a partition's time, and the same seed gives the same log on every day.
START = datetime.datetime(2090, 3, 6, tzinfo=datetime.timezone.utc)
# A partition that hears nothing for ten minutes distrusts what comes next. Real fleets are never so quiet; a small log is.
# So in each partition an account of its own logs in as often as this.
KEEP_ALIVE = datetime.timedelta(minutes=9)
# Bursts of thousands add nothing here but time. Of each account so many messages are kept a day.
MESSAGES_A_DAY_MAX = 60
# Behind the log's end, so that what was suspended is released or renewed.
AFTERMATH = datetime.timedelta(days=2)

_SUBMITTED = re.compile(r": ([0-9A-Za-z]{6,20}): client=.*sasl_username=(\S+)")
_QUEUE_ID = re.compile(r"\]: ([0-9A-Za-z]{6,20}): ")
_ACCOUNT = (
    re.compile(r"sasl_username=([^\s,]+)"),
    re.compile(r" dovecot: .*?user=<([^>]+)>"),
    re.compile(r" dovecot: (?:imap|pop3)\(([^)<>\s]+)\)<"),
    re.compile(r" dovecot: auth(?:-worker)?\(.*?\w+\(([^,()\s]+),"),
    re.compile(r"\]: <[^>]*> (?:User |Successful login for |Failed login for )(\S+) "),
)
_MONTHS = {name: i + 1 for i, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}


def murmur2(data):
    """The hash by which Kafka's clients choose a key's partition."""
    length, m = len(data), 0x5BD1E995
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little")
        k = k * m & 0xFFFFFFFF
        k ^= k >> 24
        h = h * m & 0xFFFFFFFF ^ (k * m & 0xFFFFFFFF)
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & 0xFFFFFFFF
    h ^= h >> 13
    h = h * m & 0xFFFFFFFF
    return h ^ h >> 15


def partition_of(account, partitions):
    return (murmur2(account.encode()) & 0x7FFFFFFF) % partitions


def time_of(line):
    """The time at the head of a line; none for a line without one."""
    if line[:1] == "[":  # Roundcube: [02-Mar-2026 01:22:39 +0000]
        day, month, year = line[1:3], line[4:7], line[8:12]
        return datetime.datetime(int(year), _MONTHS[month], int(day), int(line[13:15]), int(line[16:18]), int(line[19:21]),
                                 tzinfo=datetime.timezone.utc)
    return datetime.datetime.fromisoformat(line[:32])


def canonical(login):
    login = login.lower()
    return login if "@" in login else f"{login}@{REALM}"


def accounts_of(lines):
    """For each line the account it is about, or none: of no account, or not known by whom."""
    by_queue_id = {}
    for line in lines:
        submitted = _SUBMITTED.search(line)
        if submitted:
            by_queue_id[submitted[1]] = canonical(submitted[2])
    for line in lines:
        queue_id = _QUEUE_ID.search(line)
        if queue_id and " postfix/" in line[:80]:
            yield by_queue_id.get(queue_id[1]), queue_id[1]
            continue
        for pattern in _ACCOUNT:
            found = pattern.search(line)
            if found:
                yield canonical(found[1]), None
                break
        else:
            yield None, None


def keep_alive_account(partition, partitions):
    """A login that lands in `partition`."""
    number = 0
    while True:
        account = f"watch-{partition}-{number}@{REALM}"
        if partition_of(account, partitions) == partition:
            return account
        number += 1


def keep_alive_line(account, at):
    return (f"{at.isoformat(timespec='microseconds')} imap-1 dovecot: imap-login: Login: user=<{account}>, method=PLAIN, "
            f"rip=198.51.100.7, lip=10.20.0.20, mpid=1, TLS, session=<{at.timestamp():.0f}{partition_tag(account)}>")


def partition_tag(account):
    return account.split("@")[0].replace("-", "")


class SourceLog:
    """One schedule's logs. `files`: name → lines, as connectors are to follow them; `partition_lines`: for each partition the
    lines of its accounts, in the order in which they come, for the single-machine replay (of aligned files)."""

    def __init__(self, sekisho, folder, seed, partitions, file_count, aligned, accounts, days, shared_sources=False):
        self.partitions = partitions
        self.aligned = aligned
        self.end = START + datetime.timedelta(days=days)
        self.last = self.end + AFTERMATH
        choice = random.Random(f"log {seed}")
        simulated = os.path.join(folder, "simulated")
        # Many, and some at the thief's leisure: a schedule without an action would show little. With `shared_sources` several
        # thieves come from the same networks.
        attacks = "cohort=6,low-and-slow=2,guess-then-use=1" if shared_sources else "rotate=5,guess-then-use=2,domestic=1,webmail=1,cohort=1,burst=0.3"
        done = subprocess.run([sekisho, "simulate", "--start", START.date().isoformat(), "--accounts", str(accounts), "--days", str(days),
                               "--seed", str(seed), "--stolen-share", "0.2", "--attacks", attacks, "--iso-time", "--out", simulated],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"sekisho simulate: {done.stderr}")
        with open(os.path.join(simulated, "truth.json"), encoding="utf-8") as file:
            everybody = json.load(file)["accounts"]
        # Whom an operator's orders may be about: by chance nobody was stolen.
        self.of_interest = sorted(a["account"] for a in everybody if a["stolen"]) or sorted(a["account"] for a in everybody)
        lines = self._thin(self._read(simulated))
        self._deal(lines, file_count, choice)

    @staticmethod
    def _read(folder):
        names = [name for name in sorted(os.listdir(folder)) if name.endswith(".log") and not name.startswith("mx-")]
        parts = []
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                parts.append([(time_of(line), number, name, line.rstrip("\n")) for number, line in enumerate(file)])
        return [(at, line) for at, _, _, line in heapq.merge(*parts)]

    @staticmethod
    def _thin(timed):
        """(time, account, line) of lines that name an account, without what is beyond MESSAGES_A_DAY_MAX."""
        kept, dropped_ids, messages = [], set(), {}
        for (at, line), (account, queue_id) in zip(timed, accounts_of([line for _, line in timed])):
            if account is None or queue_id in dropped_ids:
                continue
            if queue_id and ": client=" in line:
                day = (account, at.date())
                messages[day] = messages.get(day, 0) + 1
                if messages[day] > MESSAGES_A_DAY_MAX:
                    dropped_ids.add(queue_id)
                    continue
            kept.append((at, account, line))
        return kept

    def _deal(self, lines, file_count, choice):
        names = [f"host-{i}.log" for i in range(file_count)]
        if self.aligned:
            order = list(range(self.partitions))
            choice.shuffle(order)
            owner = {partition: names[i % file_count] for i, partition in enumerate(order)}
            file_of = lambda account: owner[partition_of(account, self.partitions)]
        else:
            file_of = lambda account: names[murmur2(b"file " + account.encode()) % file_count]
        # One for each partition and each file that feeds it: every file carries time on by itself.
        watches = []
        for partition in range(self.partitions):
            account = keep_alive_account(partition, self.partitions)
            if self.aligned:
                watches.append((account, owner[partition]))
            else:
                watches += [(account, name) for name in names]
        self.watch_accounts = sorted({account for account, _ in watches})
        extra = []
        at = START
        while at < self.end:
            for account, name in watches:
                extra.append((at, account, keep_alive_line(account, at), name))
            at += KEEP_ALIVE
        self.timed = {name: [] for name in names}
        dealt = [(at, account, line, file_of(account)) for at, account, line in lines if at < self.end]
        # At equal times the order is the file's for connectors and replay alike, whatever it is.
        for at, account, line, name in heapq.merge(extra, dealt, key=lambda entry: entry[0]):
            self.timed[name].append((at, account, line))

    def partition_lines(self, partition):
        """The lines of one partition of aligned files, and one at the very end that lets its timers fire."""
        account = keep_alive_account(partition, self.partitions)
        lines = [line for entries in self.timed.values() for _, of, line in entries if partition_of(of, self.partitions) == partition]
        return lines + [keep_alive_line(account, self.last)]

    def line_count(self):
        return sum(len(entries) for entries in self.timed.values())
