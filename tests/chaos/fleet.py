"""The daemons of a schedule, and who restarts them when they die: what systemd does in a real fleet."""
import ctypes
import os
import signal
import subprocess
import time

RESTART_SECONDS = 0.1
# Of a node that dies again and again by itself: what a person would call a crash loop.
UNEXPECTED_DEATHS_MAX = 5


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed harness leaves nothing behind.


class Daemon:
    """One process that should run. `say` is told of what happens, in a few words."""

    def __init__(self, name, argv, log_file, say, environment=None):
        self.name, self.argv, self.log_file, self.say = name, argv, log_file, say
        self.environment = dict(environment or {})
        self.process = None
        self.wanted = False
        self.restart_at = 0.0
        self.paused = False
        self.armed = ""           # the fail point of the present process
        self.stops_seconds = 0    # for how long it stands still there, if it is one to stop at
        self.stopped_at = None
        self.troubled = False     # it may exit with an error for now: its disk is full, its broker away
        self.met = []             # names of fail points at which it died or stopped
        self.ends = []            # how it ended otherwise without being told to

    def start(self, fail_point="", stops_seconds=0):
        self.wanted, self.armed, self.paused = True, fail_point, False
        self.stops_seconds, self.stopped_at = stops_seconds, None
        environment = {**os.environ, **self.environment}
        if fail_point:
            environment["SEKISHO_FAIL_POINT"] = fail_point
        with open(self.log_file, "ab") as log:
            log.write(f"--- start {fail_point}\n".encode())
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
                                            preexec_fn=_die_with_parent)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def has_open(self, path):
        if not self.running():
            return False
        folder = f"/proc/{self.process.pid}/fd"
        try:
            return any(os.path.realpath(os.path.join(folder, fd)) == os.path.realpath(path) for fd in os.listdir(folder))
        except OSError:
            return False  # it has just ended

    def kill(self):
        """SIGKILL; stays down until start()."""
        self.wanted = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def terminate(self):
        """SIGTERM; stays down until start()."""
        self.wanted = False
        if self.running():
            self.process.terminate()

    def pause(self):
        if self.running():
            self.process.send_signal(signal.SIGSTOP)
            self.paused = True

    def resume(self):
        if self.paused and self.running():
            self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def wait_end(self, seconds):
        """The exit status once it has ended; none if it hasn't within `seconds`."""
        if self.process is None:
            return 0
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _wake_in_time(self):
        if not self.running() or self.paused:
            return
        if self.stopped_at is None:
            with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rsplit(")", 1)[1].split()[0] != "T":
                    return
            self.stopped_at = time.monotonic()
            self.met.append(self.armed)
            self.say(f"{self.name} stopped at {self.armed}")
        elif time.monotonic() - self.stopped_at >= self.stops_seconds:
            self.process.send_signal(signal.SIGCONT)
            self.say(f"{self.name} wakes up")
            self.armed, self.stops_seconds = "", 0

    def look_after(self):
        """Wakes it up when it has stood still at its fail point for long enough; restarts it if it has died though it should run."""
        if self.stops_seconds:
            self._wake_in_time()
        if not self.wanted or self.running():
            return
        if self.process is not None:
            status = self.process.returncode
            self.process = None
            if self.armed and status == -signal.SIGKILL:
                self.met.append(self.armed.split(":")[0])
                self.say(f"{self.name} died at {self.armed}")
            else:
                self.ends.append((status, self.troubled))
                self.say(f"{self.name} ended by itself with status {status}")
            # A little longer each time, as systemd is told to.
            self.restart_at = time.monotonic() + RESTART_SECONDS * min(10, 1 + len(self.ends))
        if time.monotonic() >= self.restart_at:
            self.start()

    def problems(self):
        """What a person would have to look at: a crash, or a daemon that keeps giving up."""
        found = []
        for status, _ in self.ends:
            if status < 0 and status != -signal.SIGKILL:
                found.append(f"{self.name} crashed: {signal.Signals(-status).name}, see {self.log_file}")
        gave_up = [status for status, troubled in self.ends if not troubled]
        if len(gave_up) > UNEXPECTED_DEATHS_MAX:
            found.append(f"{self.name} ended by itself {len(gave_up)} times (last with status {gave_up[-1]}), see {self.log_file}")
        return found
