"""Log lines of Postfix and Dovecot as the programs print them, for tests over the real binary."""
import datetime

UTC = datetime.timezone.utc


class Log:
    """Collects lines; queue ids and session ids count up, so that a test's log is the same each time."""

    def __init__(self, start="2026-03-02T00:00:00"):
        self.lines = []
        self.start = datetime.datetime.fromisoformat(start).replace(tzinfo=UTC)
        self.count = 0

    def at(self, seconds):
        return (self.start + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S+00:00")

    def line(self, seconds, host, program, message):
        self.lines.append((seconds, f"{self.at(seconds)} {host} {program}[{1000 + self.count % 5000}]: {message}"))

    def login(self, seconds, user, ip, service="imap"):
        self.count += 1
        self.line(seconds, "imap1", "dovecot",
                  f"{service}-login: Login: user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.10, "
                  f"mpid={2000 + self.count % 5000}, TLS, session=<s{self.count:012d}>")

    def login_failed(self, seconds, user, ip):
        self.count += 1
        self.line(seconds, "imap1", "dovecot",
                  f"imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<{user}>, "
                  f"method=PLAIN, rip={ip}, lip=192.0.2.10, TLS, session=<s{self.count:012d}>")

    def submit(self, seconds, user, ip, recipients=("friend@partner.example",), status="sent"):
        """One message: accepted, queued, delivered (or bounced) to each recipient, removed."""
        self.count += 1
        qid = f"{self.count:010X}"
        self.line(seconds, "mx1", "postfix/submission/smtpd",
                  f"{qid}: client=unknown[{ip}], sasl_method=PLAIN, sasl_username={user}")
        self.line(seconds, "mx1", "postfix/cleanup", f"{qid}: message-id=<{qid}@mx1.example.jp>")
        self.line(seconds, "mx1", "postfix/qmgr",
                  f"{qid}: from=<{user}>, size=2048, nrcpt={len(recipients)} (queue active)")
        for recipient in recipients:
            reply = "(250 2.0.0 Ok)" if status == "sent" else "(host mx said: 550 5.1.1 no such user)"
            self.line(seconds + 1, "mx1", "postfix/smtp",
                      f"{qid}: to=<{recipient}>, relay=mx.partner.example[198.51.100.25]:25, delay=0.9, "
                      f"delays=0.1/0/0.3/0.5, dsn={'2.0.0' if status == 'sent' else '5.1.1'}, status={status} {reply}")
        self.line(seconds + 1, "mx1", "postfix/qmgr", f"{qid}: removed")

    def text(self):
        return "".join(line + "\n" for _, line in sorted(self.lines, key=lambda entry: entry[0]))


def domestic_days(log, user, days, home_ip, first_day=0):
    """The owner at home in Japan: reads mail morning and evening, writes once a day."""
    for day in range(first_day, first_day + days):
        base = day * 86400
        for hour in (7, 12, 19, 22):
            log.login(base + hour * 3600, user, home_ip)
        log.submit(base + 20 * 3600, user, home_ip)


# Addresses whose countries any country database agrees on; two of them in networks of large carriers.
HOME_JP = "133.11.0.10"   # University of Tokyo
THIEVES = ["176.212.202.226", "46.119.249.144", "178.120.124.232", "91.200.136.151", "89.231.56.41",
           "86.124.250.191", "119.14.132.57", "122.166.224.104", "93.170.149.188", "36.73.115.179"]


def incident(user="taro@example.jp", days=4):
    """Some days of domestic use, then a rotation."""
    log = Log()
    domestic_days(log, user, days, HOME_JP)
    log.login(0, "other@example.jp", HOME_JP)
    base = days * 86400 + 9 * 3600
    for i, ip in enumerate(THIEVES):
        log.submit(base + 60 * i, user, ip, [f"victim{i}-{k}@stranger{k}.example" for k in range(3)])
    return log
