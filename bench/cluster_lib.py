# What bench/cluster, bench/latency and bench/recovery share: a broker, engine nodes, traffic, lag, and actions as a plain
# read_committed client (kcat) sees them. Figures are printed, never judged.
import argparse
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "kafka"))
from broker import Cluster, Port, wait_until  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
GROUP = "sekisho"


def arguments(cases=(), **options):
    """The command line that all have in common. `options` are further numbers: name = (default, quick default, help); `cases` may be
    named to run only those. The script's own first lines are its help."""
    with open(sys.argv[0], encoding="utf-8") as script:
        head = []
        for line in script:
            if not line.startswith("#"):
                break
            head.append(line.lstrip("#!").rstrip())
    parser = argparse.ArgumentParser(description="\n".join(head[1:]), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help="folder of the built programs")
    parser.add_argument("--quick", action="store_true", help="small inputs: to see that it runs, not to measure")
    for name, (_, _, text) in options.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, help=text)
    if cases:
        parser.add_argument("cases", nargs="*", metavar="CASE", help="only these: " + ", ".join(cases))
    given = parser.parse_args()
    for name, (full, quick, _) in options.items():
        if getattr(given, name) is None:
            setattr(given, name, quick if given.quick else full)
    if cases:
        if set(given.cases) - set(cases):
            parser.error("cases: " + ", ".join(cases))
        given.cases = given.cases or list(cases)
    return given


def say(text):
    print(text, flush=True)


def load():
    """How busy the machine is: to stand beside each figure."""
    return f"load {os.getloadavg()[0]:.1f}"


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def cpu_seconds(pid):
    """User and system time of a process and its threads, in steps of 10 ms."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid, key="VmHWM"):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) // 1024
    return 0


def disk_bytes(folder, suffix=""):
    """What the files hold whose names end so; RocksDB and Kafka allocate more ahead."""
    total = 0
    for base, _, files in os.walk(folder):
        for name in files:
            if not name.endswith(suffix):
                continue
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except FileNotFoundError:
                pass
    return total


class Offsets:
    """Asks the one broker for ends of logs and the group's offsets. Thread-safe. Kafka's protocol by hand: a client's start-up for each
    question would disturb what is measured."""

    def __init__(self, kafka, partitions):
        self._address = ("127.0.0.1", kafka.nodes[0].ports["internal"].number)
        self._partitions = partitions
        self._link = None
        self._lock = threading.Lock()

    def _ask(self, api, version, body):
        with self._lock:
            return self._ask_alone(api, version, body)

    def _ask_alone(self, api, version, body):
        if self._link is None:
            self._link = socket.create_connection(self._address, timeout=30)
            self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = b"bench"
        request = struct.pack(">hhih", api, version, 1, len(name)) + name + body
        self._link.sendall(struct.pack(">i", len(request)) + request)
        return self._read(struct.unpack(">i", self._read(4))[0])[4:]

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._link.recv(size - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    @staticmethod
    def _text(value):
        return struct.pack(">h", len(value)) + value.encode()

    def ends(self, topic="events"):
        """{partition: the offset that the next record will get}. ListOffsets, version 1."""
        body = struct.pack(">ii", -1, 1) + self._text(topic) + struct.pack(">i", self._partitions)
        for partition in range(self._partitions):
            body += struct.pack(">iq", partition, -1)
        answer = self._ask(2, 1, body)
        at = 4 + 2 + struct.unpack_from(">h", answer, 4)[0] + 4
        found = {}
        for _ in range(self._partitions):
            partition, error, _, offset = struct.unpack_from(">ihqq", answer, at)
            if error == 0:
                found[partition] = offset
            at += 22
        return found

    def committed(self):
        """{partition: the group's offset}, 0 where it has none. OffsetFetch, version 1."""
        body = self._text(GROUP) + struct.pack(">i", 1) + self._text("events") + struct.pack(">i", self._partitions)
        body += b"".join(struct.pack(">i", p) for p in range(self._partitions))
        answer = self._ask(9, 1, body)
        if struct.unpack_from(">i", answer, 0)[0] == 0:
            return {}
        at = 4 + 2 + struct.unpack_from(">h", answer, 4)[0] + 4
        found = {}
        for _ in range(self._partitions):
            partition, offset, length = struct.unpack_from(">iqh", answer, at)
            at += 14 + max(length, 0) + 2
            found[partition] = max(offset, 0)
        return found

    def lag(self):
        committed = self.committed()
        return sum(end - committed.get(partition, 0) for partition, end in self.ends().items())


class Watch:
    """Looks at the lag many times a second, on a thread of its own: samples of (time, lag)."""

    def __init__(self, offsets, every=0.1):
        self._offsets, self._every = offsets, every
        self.samples = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(self._every):
            lag = self._offsets.lag()
            self.samples.append((time.time(), lag))

    def since(self, moment):
        return [(at, lag) for at, lag in self.samples if at >= moment]

    def stop(self):
        self._stop.set()
        self._thread.join()


class Actions:
    """Every action as soon as kcat has it, with the time of its arrival here."""

    FORMAT = "%p\t%k\t%h\n"

    def __init__(self, kafka):
        self.seen = []  # (arrival, partition, account, event time in ms, type)
        self._ready = [threading.Event(), threading.Event()]
        self._processes, self._threads = [], []
        for topic, ready in zip(("actions.suspend", "actions.notify"), self._ready):
            process = subprocess.Popen(
                ["kcat", "-C", "-u", "-q", "-b", kafka.bootstrap, "-t", topic, "-o", "beginning", "-X", "isolation.level=read_committed",
                 "-X", "socket.nagle.disable=true", "-f", self.FORMAT],
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            thread = threading.Thread(target=self._read, args=(process, ready), daemon=True)
            thread.start()
            self._processes.append(process)
            self._threads.append(thread)

    def _read(self, process, ready):
        for line in process.stdout:
            arrival = time.time()
            partition, account, headers = line.decode().rstrip("\n").split("\t")
            fields = dict(pair.split("=", 1) for pair in headers.split(",") if "=" in pair)
            self.seen.append((arrival, int(partition), account, rfc3339_ms(fields["ce_time"]), fields["ce_type"].rsplit(".", 1)[1]))
            ready.set()

    def since(self, moment):
        return [action for action in list(self.seen) if action[0] >= moment]

    def stop(self):
        for process in self._processes:
            process.terminate()
            process.wait()
        for thread in self._threads:
            thread.join()


def rfc3339_ms(text):
    """Of FormatRfc3339's UTC text with milliseconds."""
    import calendar
    seconds, rest = text.split(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(rest[:3])


class Node:
    """One engine process. Its log is kept beside its state."""

    def __init__(self, bench, name, workers, arguments=(), **config):
        self.bench, self.name, self._arguments = bench, name, arguments
        self.folder = os.path.join(bench.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.state = os.path.join(self.folder, "state")
        self.log_file = os.path.join(self.folder, "log")
        settings = {"name": name, "state": self.state, "workers": workers, "commit_every": "1s", "memory": "2GiB", "standby": "none",
                    "geo": os.path.join(ROOT, "deploy", "geo", "country.mmdb")}
        self._port = Port()
        settings["metrics"] = self._address = f"127.0.0.1:{self._port.number}"
        settings.update(config)
        self.config = os.path.join(self.folder, "engine.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            for key, value in settings.items():
                file.write(f"{key}: {value}\n")
            file.write(f'kafka: {{bootstrap.servers: "{bench.kafka.bootstrap}"}}\n')
        self.process = None

    def start(self):
        with open(self.log_file, "ab") as log:
            self.log_from = log.tell()
            self.process = subprocess.Popen([self.bench.program("sekisho"), "engine", "--config", self.config, *self._arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.bench.started.append(self)
        return self

    def log(self):
        """Since the last start."""
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            file.seek(self.log_from)
            return file.read()

    def live(self):
        """Partitions that this node said it folds, since the last start."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        found = set()
        for line in self.log().splitlines():
            if "partition_live" in line:
                found.add(line.split("partition=", 1)[1].split()[0].strip('"'))
            elif "partition_given_up" in line:
                found.discard(line.split("partition=", 1)[1].split()[0].strip('"'))
        return found

    def wait_live(self, partitions, seconds=120):
        wait_until(lambda: len(self.live()) >= partitions, f"{self.name} does not come to live\n{self.log()[-3000:]}", seconds)

    def durations(self):
        """Of the engine's histograms in seconds: {(name, labels): (sum, count)}."""
        found = {}
        with urllib.request.urlopen(f"http://{self._address}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                base, brace, labels = name.partition("{")
                for suffix, place in (("_sum", 0), ("_count", 1)):
                    if base.endswith("_seconds" + suffix):
                        found.setdefault((base.removesuffix(suffix), brace + labels), [0, 0])[place] = float(value)
        return found

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """In good order; the seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.name} does not stop\n{self.log()[-3000:]}") from None
        return time.monotonic() - began


class Bench:
    """A broker with the topics, in a folder of its own that is removed at the end."""

    def __init__(self, options, partitions, **config):
        self.options, self.partitions = options, partitions
        self.started = []
        for name in ("sekisho", "kafka_load"):
            if self.program(name) is None:
                sys.exit(f"{name} isn't in {options.build}: build it first (bench/run does)")
        self._config = config

    def program(self, name):
        for path in (os.path.join(self.options.build, name), os.path.join(self.options.build, "bench", name)):
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        return None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="sekisho-bench-")
        self.kafka = Cluster(nodes=1, config={"log.segment.bytes": 256 << 20, **self._config}, heap_mb=768)
        self.kafka.start()
        done = subprocess.run([self.program("sekisho"), "topics", "create", "--brokers", self.kafka.bootstrap, "--replication", "1",
                               "--partitions", f"accounts={self.partitions}", "--config", os.path.join(ROOT, "deploy", "topics.yaml")],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"sekisho topics create: {done.stdout}{done.stderr}")
        self.offsets = Offsets(self.kafka, self.partitions)
        return self

    def __exit__(self, *unused):
        for node in self.started:
            if node.process.poll() is None:
                node.kill()
        self.kafka.stop()
        if not os.environ.get("SEKISHO_KAFKA_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def broker_pid(self):
        return self.kafka.nodes[0].process.pid

    def _load_command(self, command, options):
        words = [self.program("kafka_load"), command, "--brokers", self.kafka.bootstrap]
        for key, value in options.items():
            words += ["--" + key.replace("_", "-"), str(value)]
        return words

    def fill(self, **options):
        """A backlog. What kafka_load says of it."""
        done = subprocess.run(self._load_command("fill", options), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def pace(self, **options):
        """An open loop, in the background; `finish` it."""
        return subprocess.Popen(self._load_command("pace", options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL)

    @staticmethod
    def finish(load_process):
        out, err = load_process.communicate()
        if load_process.returncode != 0:
            raise RuntimeError(err)
        return json.loads(out)

    def wait_caught_up(self, seconds=600):
        """Until everything in the log is published, but for the heartbeats that idle partitions get each second."""
        wait_until(lambda: self.offsets.lag() <= 2 * self.partitions, "the lag does not vanish", seconds)


def steady(bench, node, workers, rate, seconds):
    """Open loop: a producer at this rate, whether or not the engine follows. True: the lag stayed."""
    watch = Watch(bench.offsets)
    pids = {"engine": node.process.pid, "broker": bench.broker_pid}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    began = time.time()
    sent = bench.finish(bench.pace(rate=rate, seconds=seconds, accounts=bench.options.accounts, seed=rate))
    took = time.time() - began
    watch.stop()
    used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    # Without the start, in which the producer connects.
    lags = [lag for _, lag in watch.since(began + 0.3 * took)]
    first, last = lags[:len(lags) // 3], lags[-(len(lags) // 3):]
    growth = (sum(last) / len(last) - sum(first) / len(first)) / (0.7 * took * 2 / 3)
    achieved = sent["events"] / sent["seconds"]
    stayed = growth < 0.02 * rate and max(lags) < 4 * rate and achieved > 0.97 * rate
    say(f"steady, {workers} worker{'s'[:workers > 1]}: {rate:,} events/s for {seconds} s: lag {min(lags):,} to {max(lags):,}, growing by {growth:,.0f}/s: "
        f"{'stays' if stayed else 'GROWS'}; engine {used['engine'] / sent['events'] * 1e6:.2f} us of CPU an event, broker "
        f"{used['broker'] / sent['events'] * 1e6:.2f} us, producer {sent['cpu_seconds'] / sent['events'] * 1e6:.2f} us and at most "
        f"{sent['behind_us']['max'] / 1000:.0f} ms behind; {load()}")
    bench.wait_caught_up()
    return stayed


def highest_steady(bench, node, workers, full, seconds):
    """The highest rate at which the lag stays, rising from a fifth of `full`, that of catching up, by tenths of it; 0: there is none."""
    highest = 0
    for tenths in range(2, 11):
        rate = max(1000, round(tenths * full / 10_000) * 1000)
        if not steady(bench, node, workers, rate, seconds):
            break
        highest = rate
    return highest
