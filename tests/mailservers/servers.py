#!/usr/bin/env python3
# A real Postfix and a real Dovecot on loopback, under a private folder: started, used, stopped by their own pids.
#
# One Postfix holds a small fleet: two submission services, an outbound hop that takes their mail back on the same host
# (one told the first queue id by XFORWARD, one not), and domains whose mail is sent, refused or deferred without a network.
import os
import pwd
import shutil
import socket
import socketserver
import subprocess
import threading
import time

ACCOUNTS = {"u1@example.jp": "secret1", "u2@example.jp": "secret2", "u3@example.jp": "secret3"}

MASTER_CF = """
{submission} inet n - n - - smtpd -o syslog_name=postfix/submission -o content_filter=smtp:[127.0.0.1]:{hop}
{submissions} inet n - n - - smtpd -o syslog_name=postfix/submissions -o content_filter=xforward:[127.0.0.1]:{hop}
{hop} inet n - n - - smtpd -o syslog_name=postfix/hop -o content_filter= -o smtpd_sasl_auth_enable=no
  -o smtpd_authorized_xclient_hosts= -o smtpd_authorized_xforward_hosts=127.0.0.1
  -o smtpd_relay_restrictions=permit_mynetworks,reject -o mynetworks=127.0.0.1
xforward unix - - n - - smtp -o smtp_send_xforward_command=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
"""

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/mail.log
maillog_file_prefixes = {base}
myhostname = mx1.example.jp
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = all
default_transport = discard
relay_transport = discard
transport_maps = texthash:{base}/transport
alias_maps =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {base}/auth
smtpd_sasl_local_domain =
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 100
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtp_dns_support_level = disabled
biff = no
"""

DOVECOT_CONF = """
base_dir = {base}/dovecot
state_dir = {base}/dovecot-state
log_path = {base}/dovecot.log
protocols = imap pop3
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
# Whatever a client sends reaches the log: this is what the parsers must bear.
auth_username_chars =
login_trusted_networks = 127.0.0.1
mail_location = maildir:{base}/mail/%u
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
passdb {{
  driver = passwd-file
  args = username_format=%u {base}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%u
}}
service auth {{
  unix_listener {base}/auth {{
    mode = 0666
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def free_ports(count):
    """Ports that nobody listens on now; all are held until all are found."""
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def wait_for(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError(f"waited {seconds} s in vain for {what}")


def listens(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Refuser(socketserver.StreamRequestHandler):
    """A receiver somewhere else, which refuses every recipient: its words are what bounces and refusals are told by."""

    def handle(self):
        self.wfile.write(b"220 mx.elsewhere.example ESMTP\r\n")
        for line in self.rfile:
            word = line.upper()
            if word.startswith(b"RCPT") and b"SPAM.EXAMPLE" in word:
                answer = b"550 5.7.1 Our system takes this for unsolicited mail"
            elif word.startswith(b"RCPT"):
                answer = b"550 5.1.1 No such user here"
            elif word.startswith(b"QUIT"):
                answer = b"221 2.0.0 Bye"
            else:
                answer = b"250 2.0.0 Ok"
            self.wfile.write(answer + b"\r\n")
            if word.startswith(b"QUIT"):
                return


class MailServers:
    """Use as a context: on leaving it both servers are stopped, whatever happened."""

    def __init__(self, base):
        self.base = base
        self.ports = dict(zip(["submission", "submissions", "hop", "imap", "pop3", "nobody"], free_ports(6)))
        self.maillog = f"{base}/mail.log"
        self.dovecotlog = f"{base}/dovecot.log"

    def __enter__(self):
        self.dovecot = None
        self.refuser = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuser)
        self.refuser.daemon_threads = True
        threading.Thread(target=self.refuser.serve_forever, daemon=True).start()
        try:
            self._start_dovecot()
            self._start_postfix()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self._postfix("stop", check=False)
        if self.dovecot:
            self.dovecot.terminate()
            self.dovecot.wait(timeout=20)
        self.refuser.shutdown()
        self.refuser.server_close()

    def _write(self, name, text):
        with open(f"{self.base}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def _start_dovecot(self):
        os.chmod(self.base, 0o755)
        nobody = pwd.getpwnam("nobody")
        for folder in ["dovecot", "dovecot-state", "mail"]:
            os.mkdir(f"{self.base}/{folder}")
        os.chown(f"{self.base}/mail", nobody.pw_uid, nobody.pw_gid)
        self._write("users", "".join(f"{u}:{{PLAIN}}{p}\n" for u, p in ACCOUNTS.items()))
        self._write("dovecot.conf", DOVECOT_CONF.format(base=self.base, uid=nobody.pw_uid, gid=nobody.pw_gid, **self.ports))
        self.dovecot = subprocess.Popen(["dovecot", "-F", "-c", f"{self.base}/dovecot.conf"])
        wait_for("Dovecot", lambda: listens(self.ports["imap"]) and listens(self.ports["pop3"]) and os.path.exists(f"{self.base}/auth"))

    def _start_postfix(self):
        postfix = pwd.getpwnam("postfix")
        for folder in ["queue", "data", "etc"]:
            os.mkdir(f"{self.base}/{folder}")
        os.chown(f"{self.base}/data", postfix.pw_uid, -1)
        self._write("etc/main.cf", MAIN_CF.format(base=self.base, **self.ports))
        self._write("etc/master.cf", MASTER_CF.format(**self.ports))
        refuser = self.refuser.server_address[1]
        self._write("transport", f"refused.example smtp:[127.0.0.1]:{refuser}\nspam.example smtp:[127.0.0.1]:{refuser}\n"
                                 f"unknown.example error:5.1.2 no such domain\n"
                                 f"down.example smtp:[127.0.0.1]:{self.ports['nobody']}\n")
        for name in ["postfix-files", "dynamicmaps.cf"]:
            shutil.copy(f"/etc/postfix/{name}", f"{self.base}/etc/{name}")
        self._postfix("start")
        wait_for("Postfix", lambda: listens(self.ports["submission"]))

    def _postfix(self, command, check=True):
        done = subprocess.run(["postfix", "-c", f"{self.base}/etc", command], capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"postfix {command}: {done.stdout}{done.stderr}")

    def send(self, service, address, user, password, recipients, sender=None):
        """One message by swaks, from any client address. Returns swaks' exit status (0 accepted, 28 no authentication)."""
        args = ["swaks", "--server", "127.0.0.1", "--port", str(self.ports[service]), "--xclient", f"ADDR={'IPV6:' if ':' in address else ''}{address} NAME=[UNAVAILABLE]",
                "--xclient-no-verify", "--auth", "PLAIN", "--auth-user", user, "--auth-password", password, "--from", sender or ACCOUNT_SENDER,
                "--to", ",".join(recipients), "--helo", "laptop.example", "--header", "Subject: test", "--suppress-data", "--timeout", "20s"]
        return subprocess.run(args, capture_output=True, text=True, check=False).returncode

    def log(self):
        with open(self.maillog, encoding="utf-8", errors="replace") as f:
            return f.read()


ACCOUNT_SENDER = "u1@example.jp"
