#!/usr/bin/env python3
# A real Apache Kafka for tests, without Docker: fetched by Maven, one or three KRaft brokers on free loopback ports.
# As a library:   with Cluster(nodes=3) as kafka: kafka.create_topic("events", 12); kafka.kill(2); kafka.restart(2)
# As a program:   tests/kafka/broker.py [--nodes 3] [--sasl] [--config k=v]…  prints one line of JSON when it is ready, then takes
#                 commands on stdin ("kill 1", "stop 1", "pause 1", "resume 1", "restart 1"), and ends when stdin does.
# Environment:    SEKISHO_KAFKA_LIBS  folder with Kafka's jars, instead of <repository>/build/kafka-<version>
#                 SEKISHO_KAFKA_KEEP  keep the work folder (data and broker logs) for a look afterwards
import argparse
import atexit
import base64
import ctypes
import fcntl
import glob
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import xml.etree.ElementTree
import zlib

from broker_client import BrokerClient, many, text

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
READY_SECONDS_MAX = 60  # A broker is ready in 2 to 4 s; a machine busy with compiling needs more.
POLL_SECONDS = 0.05
CHECKPOINT, ARCHIVE = "bootstrap.checkpoint", "classes.jsa"


class BrokerError(Exception):
    """The cluster can't be had, or did not do what was asked. Says which node, and the end of its log."""


def wait_until(condition, what, seconds=READY_SECONDS_MAX):
    """Polls until `condition()` is true and returns what it gave; raises BrokerError once `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise BrokerError(f"waited {seconds} s in vain: {what}")
        time.sleep(POLL_SECONDS)


def _kafka_version():
    return xml.etree.ElementTree.parse(os.path.join(HERE, "pom.xml")).getroot().findtext("{*}version")


def _made_once(folder, make):
    """Returns `folder`; if it isn't there, `make(part)` makes it under another name, in whichever process comes first."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            os.rename(part, folder)
    return folder


def kafka_jars():
    """The folder that holds Kafka's jars; fetches them by Maven the first time (45 MB)."""
    def fetch(folder):
        done = subprocess.run(["mvn", "-q", "-B", "-f", os.path.join(HERE, "pom.xml"), "dependency:copy-dependencies",
                               f"-DoutputDirectory={folder}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BrokerError("Maven did not give Kafka's jars:\n" + done.stdout[-2000:])

    return os.environ.get("SEKISHO_KAFKA_LIBS") or _made_once(os.path.join(ROOT, "build", f"kafka-{_kafka_version()}"), fetch)


def rehearsed(jars):
    """The folder that holds what a first broker leaves for all later ones, which start in a third of the time by it (1.9 s of CPU
    instead of 5.7): a formatted disk's first metadata, so that no tool need run for it, and the archive of Java's loaded classes.
    An archive of another Java or of other jars is left aside by Java itself, and costs only the time."""
    name = f"kafka-{_kafka_version()}-rehearsed-{zlib.crc32(os.path.realpath(jars).encode()):08x}"
    return _made_once(os.path.join(ROOT, "build", name), Rehearsal.hold)


class Port:
    """A free loopback port, below the ephemeral range, so that no outgoing connection takes it while its broker is down; the
    lock file keeps other fixtures off it until release()."""

    def __init__(self):
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            ephemeral_first = int(file.read().split()[0])
        folder = os.path.join(tempfile.gettempdir(), f"sekisho-ports-{os.getuid()}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for _ in range(1000):
            self.number = random.randrange(12000, max(ephemeral_first, 13000))
            self._lock = open(os.path.join(folder, str(self.number)), "w", encoding="ascii")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", self.number))
                return
            except OSError:
                self._lock.close()
        raise BrokerError("no free port found")

    def release(self):
        self._lock.close()


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed test leaves no broker behind.


class Sasl:
    """A client listener that wants TLS and a password. Certificates are made here by openssl, for 127.0.0.1, for one day.
    With `authorize`, only the first user may do anything; the others may what Cluster.allow grants them.
    PLAIN, not SCRAM: librdkafka before 2.6.1 can't prove itself by SCRAM to Kafka 4, which says "invalid credentials"."""

    def __init__(self, users=None, authorize=False):
        self.users = users or {"sekisho": "correct-horse"}
        self.authorize = authorize

    def make_certificates(self, folder):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)

        self.ca_file = os.path.join(folder, "ca.pem")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "broker.key", "-out", "broker.csr")
        with open(os.path.join(folder, "san"), "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1")
        openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "san",
                "-out", "broker.crt")
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", "broker.key", "-out", "broker.pk8")
        with open(os.path.join(folder, "broker.pem"), "w", encoding="ascii") as out:
            for name in ("broker.pk8", "broker.crt"):
                with open(os.path.join(folder, name), encoding="ascii") as part:
                    out.write(part.read())
        self.keystore_file = os.path.join(folder, "broker.pem")

    def broker_config(self):
        accounts = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        settings = {
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {accounts};",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.keystore_file,
        }
        if self.authorize:
            settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            settings["super.users"] = f"User:ANONYMOUS;User:{next(iter(self.users))}"  # the brokers and this fixture are nobody
        return settings

    def client_properties(self, user=None, password=None):
        user = user or next(iter(self.users))
        return {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": self.ca_file,
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self.users[user] if password is None else password,
        }


class Node:
    def __init__(self, number, folder):
        self.number = number
        self.folder = folder
        self.ports = {name: Port() for name in ("client", "internal", "controller")}
        self.config_file = os.path.join(folder, "server.properties")
        self.log_file = os.path.join(folder, "broker.log")
        self.process = None

    def address(self, listener):
        return f"127.0.0.1:{self.ports[listener].number}"

    def log_end(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()[-3000:]
        except OSError:
            return "(no log)"


class Cluster:
    """Brokers 1…nodes. Tests talk to `bootstrap`; with `sasl` that listener wants TLS and a password, while the brokers among
    themselves and this fixture's own admin requests use a plain listener. Not thread-safe."""

    def __init__(self, nodes=1, config=None, sasl=None, heap_mb=384):
        self._jars = kafka_jars()
        self._rehearsed = self._prepare()
        self._heap_mb = heap_mb
        self.sasl = sasl
        self.folder = tempfile.mkdtemp(prefix="sekisho-kafka-")
        # Of the URL-safe alphabet, an id must not begin with "-": the tool would read it as an option.
        self._cluster_id = "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        self.nodes = []
        for number in range(1, nodes + 1):
            folder = os.path.join(self.folder, str(number))
            os.mkdir(folder)
            self.nodes.append(Node(number, folder))
        if sasl:
            sasl.make_certificates(self.folder)
        for node in self.nodes:
            self._write_config(node, config or {})
        atexit.register(self.stop)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *unused):
        self.stop()

    @property
    def bootstrap(self):
        return ",".join(node.address("client") for node in self.nodes)

    def client_properties(self, **credentials):
        """librdkafka's properties, beyond the addresses, that reach the client listener."""
        return self.sasl.client_properties(**credentials) if self.sasl else {}

    def client_arguments(self, **credentials):
        """The same as arguments for kcat and for our own programs: -X key=value …"""
        return [a for key, value in self.client_properties(**credentials).items() for a in ("-X", f"{key}={value}")]

    # Life of the whole cluster.

    def start(self):
        """Formats the disks and starts every broker; returns when each of them answers and knows all of them."""
        for node in self.nodes:
            self._format(node)
        for node in self.nodes:
            self._spawn(node)
        for node in self.nodes:
            self.wait_ready(node.number, brokers=len(self.nodes))

    def stop(self):
        """Ends the brokers by their own pids, at once, and removes their data. May be called again."""
        for node in self.nodes:
            if node.process:
                self.kill(node.number)
            for port in node.ports.values():
                port.release()
        if not os.environ.get("SEKISHO_KAFKA_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)

    # Faults, by broker number (from 1).

    def kill(self, number):
        """SIGKILL. What the broker hadn't written stays with the page cache, as after a crash of the process."""
        node = self._node(number)
        node.process.kill()
        node.process.wait()
        node.process = None

    def stop_node(self, number):
        """SIGTERM, and waits: a controlled shutdown, which hands over leadership first."""
        node = self._node(number)
        node.process.terminate()
        try:
            node.process.wait(READY_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise BrokerError(f"broker {number} does not stop\n{node.log_end()}") from None
        node.process = None

    def pause(self, number):
        """SIGSTOP: alive for the kernel, dead for everybody else."""
        self._node(number).process.send_signal(signal.SIGSTOP)

    def resume(self, number):
        self._node(number).process.send_signal(signal.SIGCONT)

    def start_node(self, number, wait=True):
        """Starts a broker that was stopped or killed, on its old disk and ports."""
        node = self._node(number)
        if node.process:
            raise BrokerError(f"broker {number} runs already")
        self._spawn(node)
        if wait:
            self.wait_ready(number)

    def restart(self, number):
        """A rolling restart's step: stop in order, start, wait."""
        self.stop_node(number)
        self.start_node(number)

    def wait_ready(self, number, brokers=1):
        """Waits until broker `number` answers, and knows itself and at least `brokers` brokers as alive."""
        node = self._node(number)

        def ready():
            if node.process is None or node.process.poll() is not None:
                raise BrokerError(f"broker {number} died\n{node.log_end()}")
            done = subprocess.run(["kcat", "-L", "-J", "-b", node.address("internal"), "-m", "2"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                return False
            alive = [broker["id"] for broker in json.loads(done.stdout)["brokers"]]
            return number in alive and len(alive) >= brokers

        try:
            wait_until(ready, f"broker {number} is not ready")
        except BrokerError as error:
            raise BrokerError(f"{error}\n{node.log_end()}") from None

    # Topics and records.

    def create_topic(self, name, partitions=1, replication=None, config=None):
        """Creates a topic and waits until every running broker knows all of it."""
        # CreateTopics, version 2, spoken by hand: a JVM of its own for each topic would take seconds.
        settings = many([text(key) + text(str(value)) for key, value in (config or {}).items()])
        topic = text(name) + struct.pack(">ih", partitions, replication or min(3, len(self.nodes))) + many([]) + settings
        answer = self._ask(19, 2, many([topic]) + struct.pack(">ib", 30000, 0))
        answer.take("i")  # throttle time
        (_, code, message), = answer.many(lambda: (answer.text(), answer.take("h"), answer.text()))
        if code != 0:
            raise BrokerError(f"topic {name}: error {code}: {message or ''}")

        def known():
            for node in self._running():
                done = subprocess.run(["kcat", "-L", "-J", "-b", node.address("internal"), "-t", name, "-m", "5"], capture_output=True,
                                      text=True, stdin=subprocess.DEVNULL)
                if done.returncode != 0:
                    return False
                found = json.loads(done.stdout)["topics"][0]["partitions"]
                if len(found) != partitions or any(p["leader"] < 1 for p in found):
                    return False
            return True

        wait_until(known, f"topic {name} has no leaders")

    def allow(self, user, operation, kind, name, prefixed=False):
        """Grants a user of the client listener what Kafka's access lists know by these words: ("mx", "Write", "Topic", "events")."""
        operations = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10, "IdempotentWrite": 12}
        kinds = {"Topic": 2, "Group": 3, "Cluster": 4, "TransactionalId": 5}
        # CreateAcls, version 1: one, from any host, permitted.
        entry = struct.pack(">b", kinds[kind]) + text(name) + struct.pack(">b", 4 if prefixed else 3) + text(f"User:{user}") + text("*")
        answer = self._ask(30, 1, many([entry + struct.pack(">bb", operations[operation], 3)]))
        answer.take("i")  # throttle time
        (code, _), = answer.many(lambda: (answer.take("h"), answer.text()))
        if code != 0:
            raise BrokerError(f"{user} can't be allowed to {operation} {kind} {name}: error {code}")

    def read(self, topic, committed_only=True):
        """Every record now in `topic` as kcat sees it: dictionaries with partition, offset, key, payload, headers, ts."""
        done = subprocess.run(["kcat", "-C", "-J", "-q", "-e", "-t", topic, "-o", "beginning", "-b", self.bootstrap, *self.client_arguments(),
                               "-X", "isolation.level=" + ("read_committed" if committed_only else "read_uncommitted"),
                               "-X", "check.crcs=true"], capture_output=True, stdin=subprocess.DEVNULL, timeout=READY_SECONDS_MAX)
        if done.returncode != 0:
            raise BrokerError(f"kcat can't read {topic}: {done.stderr.decode()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    # Inside.

    def _node(self, number):
        return self.nodes[number - 1]

    def _running(self):
        running = [node for node in self.nodes if node.process]
        if not running:
            raise BrokerError("no broker runs")
        return running

    def _ask(self, api, version, body):
        """One admin request over the internal listener."""
        client = BrokerClient([self._running()[0].address("internal")], seconds_max=READY_SECONDS_MAX)
        try:
            return client.ask(client.addresses[0], api, version, body)
        finally:
            client.close()

    def _write_config(self, node, config):
        replication = min(3, len(self.nodes))
        settings = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "controller.quorum.voters": ",".join(f"{n.number}@{n.address('controller')}" for n in self.nodes),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "listeners": ",".join(f"{name.upper()}://{node.address(name)}" for name in node.ports),
            "listener.security.protocol.map":
                f"CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:{'SASL_SSL' if self.sasl else 'PLAINTEXT'}",
            "log.dirs": os.path.join(node.folder, "data"),
            "num.partitions": 1,
            "auto.create.topics.enable": "false",
            "default.replication.factor": replication,
            "min.insync.replicas": min(2, replication),
            "offsets.topic.replication.factor": replication,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replication,
            "transaction.state.log.min.isr": min(2, replication),
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replication,
            "share.coordinator.state.topic.min.isr": min(2, replication),
            "group.initial.rebalance.delay.ms": 0,
            # How long a killed broker keeps its leaderships. Kafka's own 9 s would be most of what a test waits for.
            "broker.session.timeout.ms": 5000,
            "broker.heartbeat.interval.ms": 1000,
            "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        if self.sasl:
            settings.update(self.sasl.broker_config())
        settings.update(config)
        with open(node.config_file, "w", encoding="utf-8") as file:
            for key, value in settings.items():
                file.write(f"{key}={value}\n")

    def _prepare(self):
        return rehearsed(self._jars)

    def _format(self, node):
        """As Kafka's own tool does, whose start takes longer than a broker's. What else it leaves is the same for every cluster."""
        data = os.path.join(node.folder, "data")
        os.mkdir(data)
        shutil.copy(os.path.join(self._rehearsed, CHECKPOINT), data)
        directory_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        with open(os.path.join(data, "meta.properties"), "w", encoding="ascii") as file:
            file.write(f"version=1\ncluster.id={self._cluster_id}\nnode.id={node.number}\ndirectory.id={directory_id}\n")

    def _archive_option(self):
        archive = os.path.join(self._rehearsed, ARCHIVE)
        return [f"-XX:SharedArchiveFile={archive}"] if os.path.exists(archive) else []

    def _java_command(self, main, *arguments, options=()):
        # Each jar by its name, in one order: the archive of classes is good for this very path only.
        path = ":".join(sorted(glob.glob(os.path.join(self._jars, "*.jar"))))
        return ["java", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", *options,
                "-cp", path, main, *arguments]

    def _spawn(self, node):
        with open(node.log_file, "ab") as log:
            command = self._java_command("kafka.Kafka", node.config_file, options=self._archive_option())
            node.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=node.folder, preexec_fn=_die_with_parent)


class Rehearsal(Cluster):
    """One broker that is formatted by Kafka's own tool, starts without help, and stops in order to leave its classes behind."""

    @staticmethod
    def hold(folder):
        os.mkdir(folder)
        with Rehearsal() as cluster:
            shutil.copy(os.path.join(cluster.nodes[0].folder, "data", CHECKPOINT), folder)
            cluster.stop_node(1)
            # A Java that leaves none is none the worse for it.
            archive = os.path.join(cluster.folder, ARCHIVE)
            if os.path.exists(archive):
                shutil.move(archive, folder)

    def _prepare(self):
        return None

    def _format(self, node):
        done = subprocess.run(self._java_command("kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", node.config_file),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BrokerError(f"the disk of broker {node.number} can't be formatted:\n{done.stdout[-3000:]}")

    def _archive_option(self):
        return [f"-XX:ArchiveClassesAtExit={os.path.join(self.folder, ARCHIVE)}"]


def main():
    parser = argparse.ArgumentParser(description="Runs a real Kafka on loopback until stdin ends.")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("--sasl", action="store_true", help="the listener wants TLS and a password")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--topic", action="append", default=[], metavar="NAME:PARTITIONS")
    parser.add_argument("--heap-mb", type=int, default=384)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(0))
    sasl = Sasl() if options.sasl else None
    config = dict(setting.split("=", 1) for setting in options.config)
    with Cluster(options.nodes, config, sasl, options.heap_mb) as cluster:
        for topic in options.topic:
            name, _, partitions = topic.partition(":")
            cluster.create_topic(name, int(partitions or 1))
        print(json.dumps({"bootstrap": cluster.bootstrap, "properties": cluster.client_properties(), "folder": cluster.folder,
                          "pids": [node.process.pid for node in cluster.nodes]}), flush=True)
        commands = {"kill": cluster.kill, "stop": cluster.stop_node, "start": cluster.start_node, "restart": cluster.restart,
                    "pause": cluster.pause, "resume": cluster.resume}
        for line in sys.stdin:
            words = line.split()
            if len(words) != 2 or words[0] not in commands or not words[1].isdigit() or not 1 <= int(words[1]) <= options.nodes:
                print(f"? {line.strip()}", flush=True)
                continue
            commands[words[0]](int(words[1]))
            print(f"done {line.strip()}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokerError as error:
        sys.exit(f"broker.py: {error}")
