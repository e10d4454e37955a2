"""One schedule: logs, connectors, brokers, engines, faults; then the checks."""
import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import check
import logs
import published
import wire
from broker_client import KafkaRefused
from fault_plan import STEPS
from faults import SESSION_MS, STOP_SECONDS_MAX, Faults
from fleet import Daemon

TOPICS = ("events", "sightings", "actions.suspend", "actions.notify", "verdicts", "findings", "snapshots", "dead-letter")
# A step waits until the engines have published most of what lay in the log so many steps ago, but never longer than this.
STEPS_BEHIND = 8
STEP_SECONDS_MIN, STEP_SECONDS_MAX = 0.06, 0.4
# After the last fault everything must be drained within this, however slow the machine.
DRAIN_SECONDS_MAX = 90
START_SECONDS_MAX = 60
POLL_SECONDS = 0.03
DISK_BYTES = 1 << 30  # a store reserves 35 MB for its log, each partition's


def _run(argv, what):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{what} failed with status {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


class Programs:
    def __init__(self, sekisho, connect, folder):
        self.sekisho, self.connect = sekisho, connect
        self.clock_jump = os.path.join(folder, "clock_jump.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_jump.c")
        _run(["cc", "-O1", "-shared", "-fPIC", "-o", self.clock_jump, source], "cc")


class Result:
    def __init__(self):
        self.problems = []
        self.notes = []
        self.takeovers = []    # seconds
        self.fail_points = []  # names of those at which a daemon died
        self.events = self.actions = self.repeats = self.judgements = 0
        self.seconds = 0.0


def _json_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Schedule(Faults):
    def __init__(self, plan, cluster, client, programs, folder, policy, run_id, say):
        self.plan, self.cluster, self.client, self.programs, self.folder, self.policy = plan, cluster, client, programs, folder, policy
        self.say = say
        self.result = Result()
        self.prefix = f"s{plan.seed}-{run_id}-"
        self.group = f"{self.prefix}group"
        self.events_topic = self.prefix + "events"
        self.foreign = set()  # values that the harness itself put into the log
        self.open_faults = []
        self.full_disks = []   # whose
        self.takeovers = []  # (what is waited for, since when, the log's ends then)
        self.mounts = []
        self.poisoned = 0
        self.appended_ends = []  # the log's length after each step

    # The whole of it.

    def run(self):
        begin = time.monotonic()
        try:
            self._prepare()
            oracle = threading.Thread(target=self._ask_oracle)
            oracle.start()
            self._start()
            for step in range(STEPS):
                self._end_faults(step)
                for at, number, how in self.plan.rotations:
                    if at == step:
                        self._rotate(number, how)
                for fault in self.plan.faults:
                    if fault.step == step:
                        self._begin_fault(fault, step)
                self._append(step)
                self._pace(step)
            self._end_faults(None)
            self.say("all is in the files")
            oracle.join()
            if self.oracle_error:
                raise RuntimeError(self.oracle_error)
            if self._drain():
                self.say("drained")
                self._stop()
                self.say("stopped")
                self._check()
                self.say("checked")
        finally:
            for daemon in self.daemons():
                self.result.fail_points += daemon.met
                daemon.kill()
            for mount in self.mounts:
                subprocess.run(["umount", "-l", mount], capture_output=True)
            self.client.delete_topics([self.prefix + name for name in TOPICS])
        self.result.seconds = time.monotonic() - begin
        return self.result

    def daemons(self):
        return getattr(self, "engines", []) + getattr(self, "connectors", [])

    def _path(self, name):
        return os.path.join(self.folder, name)

    # Before.

    def _prepare(self):
        plan = self.plan
        file_count = plan.connectors * plan.files_each
        self.log = logs.SourceLog(self.programs.sekisho, self.folder, plan.seed, plan.partitions, file_count, plan.aligned,
                                  plan.accounts, plan.days, plan.entities)
        self.log_files = list(self.log.timed)
        os.mkdir(self._path("logs"))
        for name in self.log_files:
            open(self._path(f"logs/{name}"), "w", encoding="utf-8").close()
        # What is appended in each step: what happened in a 1/STEPS of the time, in every file.
        span = (self.log.end - logs.START) / STEPS
        self.chunks = [{name: [] for name in self.log_files} for _ in range(STEPS)]
        for name, entries in self.log.timed.items():
            for at, _, line in entries:
                self.chunks[min(STEPS - 1, int((at - logs.START) / span))][name].append(line)
        self.key, self.forged_key, self.other_policy = (self._path(name) for name in ("noc.key", "forged.key", "other-policy.yaml"))
        for path, text in ((self.key, "0123456789abcdef" * 4), (self.forged_key, "fedcba9876543210" * 4),
                           (self.other_policy, "version: other\nmode: enforce\nladder: {suspend: {risk: 90, lasts: 1h}}\n")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        self._make_topics()
        self.first_heartbeat = wire.heartbeat(check.millis(logs.START.isoformat()))
        self._say_time(self.first_heartbeat)

    def _say_time(self, heartbeat):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda p: published.write(self.cluster.bootstrap, self.events_topic, p, heartbeat), range(self.plan.partitions)))

    def _make_topics(self):
        replication = min(3, self.plan.brokers)
        groups = {"accounts": self.plan.partitions, "entities": 6, "others": 3}
        group_of = {"sightings": "entities", "findings": "others", "dead-letter": "others"}
        lines = ["groups:"] + [f"  {name}: {n}" for name, n in groups.items()] + [f"replication: {replication}", "topics:"]
        for name in TOPICS:
            lines += [f"  {self.prefix}{name}:", f"    group: {group_of.get(name, 'accounts')}"]
            if name in ("verdicts", "snapshots"):
                # Compaction would hide from the checks what was published in between; it has a day to come.
                lines += ["    exactly:", "      cleanup.policy: compact", "    at_least:", "      min.compaction.lag.ms: 1d"]
            if name == "events":
                lines += ["    exactly:", "      cleanup.policy: delete"]
        path = self._path("topics.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        _run([self.programs.sekisho, "topics", "create", "--brokers", self.cluster.bootstrap, "--config", path], "sekisho topics create")

    def _ask_oracle(self):
        """What the source logs hold, and what one machine makes of them; while the cluster is busy with the same."""
        self.oracle_error, self.parsed, self.replayed = "", [], []
        options = ["--default-realm", logs.REALM, "--webmail-host", logs.WEBMAIL]
        try:
            os.mkdir(self._path("oracle"))
            for name, entries in self.log.timed.items():
                path = self._path(f"oracle/{name}")
                with open(path, "w", encoding="utf-8") as file:
                    file.writelines(line + "\n" for _, _, line in entries)
                self.parsed += [json.loads(line) for line in _run([self.programs.sekisho, "events", *options, path], "sekisho events").stdout.splitlines()]
            for partition in range(self.plan.partitions if self.plan.aligned else 0):
                path, out = self._path(f"oracle/{partition}.log"), self._path(f"oracle/{partition}.jsonl")
                with open(path, "w", encoding="utf-8") as file:
                    file.writelines(line + "\n" for line in self.log.partition_lines(partition))
                _run([self.programs.sekisho, "replay", "--no-entities", "--policy", self.policy, *options, "--out", out, path], "sekisho replay")
                self.replayed += _json_lines(out)
        except Exception as error:  # handed to the main thread
            self.oracle_error = str(error)

    # The fleet.

    def _start(self):
        plan = self.plan
        self.connectors = [self._connector(i) for i in range(plan.connectors)]
        self.engines = [self._engine(i) for i in range(plan.engines)]
        for daemon in self.daemons():
            daemon.start()
        # A file that is rotated before anybody opened it is nobody's.
        each = plan.files_each

        def all_open():
            return all(self.connectors[i // each].has_open(self._path(f"logs/{name}")) for i, name in enumerate(self.log_files))

        if not self._wait(all_open, START_SECONDS_MAX):
            raise RuntimeError(f"the connectors did not open their files within {START_SECONDS_MAX} s")

    def _state_folder(self, name, kind, number):
        path = self._path(f"{name}.state")
        os.mkdir(path)
        if any(f.kind == kind and f.which == number for f in self.plan.faults):
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", path], capture_output=True)
            if done.returncode == 0:
                self.mounts.append(path)
            else:
                self.result.notes.append(f"{kind} left out: a small disk can be mounted by root only")
        return path

    def _environment(self, name, kind, number):
        if not any(f.kind == kind and f.which == number for f in self.plan.faults):
            return {}
        self._set_clock(name, 0)
        return {"LD_PRELOAD": self.programs.clock_jump, "SEKISHO_CHAOS_CLOCK": self._path(f"{name}.clock")}

    def _set_clock(self, name, seconds):
        with open(self._path(f"{name}.clock"), "w", encoding="ascii") as file:
            file.write(f"{seconds}\n")

    def _engine(self, number):
        name = f"engine-{number}"
        state = self._state_folder(name, "engine_disk_full", number)
        config = {
            "name": name, "state": state, "group": self.group, "policy": self.policy, "workers": self.plan.workers,
            "memory": "64MiB", "operator_keys": {"noc": self.key}, "entities": self.plan.entities, "standby": self.plan.standby, "commit_every": f"{self.plan.commit_every_ms}ms",
            "kafka": {"bootstrap.servers": self.cluster.bootstrap, "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 500,
                      "transaction.timeout.ms": 5000, "socket.timeout.ms": 4000, "reconnect.backoff.max.ms": 1000},
            "topics": {topic: self.prefix + topic for topic in TOPICS},
        }
        path = self._path(f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)  # JSON is YAML
        return Daemon(name, [self.programs.sekisho, "engine", "--config", path], self._path(f"{name}.log"), self.say,
                      self._environment(name, "engine_clock", number))

    def _connector(self, number):
        name = f"connect-{number}"
        state = self._state_folder(name, "connector_disk_full", number)
        each = self.plan.files_each
        config = {
            "name": name, "state": state, "topic": self.events_topic,
            "files": [self._path(f"logs/{file}") for file in self.log_files[number * each:(number + 1) * each]],
            "default_realm": logs.REALM, "webmail_hosts": [logs.WEBMAIL],
            "position_every": f"{self.plan.position_every_ms}ms", "spool_max": self.plan.spool_max,
            "kafka": {"bootstrap.servers": self.cluster.bootstrap, "reconnect.backoff.max.ms": 1000},
        }
        path = self._path(f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)
        return Daemon(name, [self.programs.connect, "--config", path], self._path(f"{name}.log"), self.say,
                      self._environment(name, "connector_clock", number))

    # The logs.

    def _append(self, step):
        for name, lines in self.chunks[step].items():
            with open(self._path(f"logs/{name}"), "a", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines)

    def _rotate(self, number, how):
        path = self._path(f"logs/{self.log_files[number]}")
        if os.path.getsize(path) == 0:
            return
        for i in range(9, 0, -1):
            if os.path.exists(f"{path}.{i}"):
                os.rename(f"{path}.{i}", f"{path}.{i + 1}")
        if how == "rename":
            os.rename(path, f"{path}.1")
            open(path, "w", encoding="utf-8").close()
        else:
            shutil.copy2(path, f"{path}.1")
            os.truncate(path, 0)

    # Progress.

    def _ask(self, question):
        """The answer, or none if no broker can give it now."""
        try:
            return question()
        except (KafkaRefused, OSError):
            return None

    def _ends(self):
        return self._ask(lambda: self.client.ends(self.events_topic, self.plan.partitions))

    def _committed(self):
        return self._ask(lambda: self.client.committed(self.group, self.events_topic, self.plan.partitions))

    def _look_after(self):
        self._keep_full()
        for daemon in self.daemons():
            daemon.look_after()
        committed = self._committed() if self.takeovers else None
        for takeover in list(self.takeovers) if committed else []:
            who, since, ends = takeover
            if all(c >= e for c, e in zip(committed, ends)):
                self.takeovers.remove(takeover)
                seconds = time.monotonic() - since
                self.result.takeovers.append(seconds)
                self.say(f"all that was in the log when {who} went is published after {seconds:.1f} s")

    def _measure_takeover(self, daemon):
        ends = self._ends()
        if ends:
            self.takeovers.append((daemon.name, time.monotonic(), ends))

    def _wait(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._look_after()
            if condition():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _pace(self, step):
        begin = time.monotonic()
        self._wait(lambda: time.monotonic() - begin >= STEP_SECONDS_MIN, STEP_SECONDS_MAX)
        self.appended_ends.append(sum(self._ends() or [0]))
        if step >= STEPS_BEHIND:
            wanted = self.appended_ends[step - STEPS_BEHIND]
            self._wait(lambda: sum(self._committed() or [0]) >= wanted, STEP_SECONDS_MAX - STEP_SECONDS_MIN)

    # The end.

    def _drain(self):
        """All events are in the log, time has moved to the end, and the group has come to the log's end."""
        wanted = sum(1 for e in self.parsed if e["kind"] in check.KIND_FIELDS and e.get("account"))
        arrived = [0]

        def all_arrived():
            ends = self._ends()
            if ends is None or sum(ends) < wanted:
                return False
            origins = set()
            for record in published.read(self.cluster.bootstrap, self.events_topic):
                if record.value and record.value not in self.foreign:
                    event = wire.event_of(record.value)
                    if event and event.origin:
                        origins.add(event.origin)
            arrived[0] = len(origins)
            return arrived[0] >= wanted

        if not self._wait(all_arrived, DRAIN_SECONDS_MAX):
            self.result.problems.append(f"after {DRAIN_SECONDS_MAX} s {arrived[0]} of {wanted} events have arrived in {self.events_topic}")
        # The rest is to end in order: who hasn't come past its fail point by now is restarted without.
        for daemon in self.daemons():
            if daemon.armed and daemon.running():
                daemon.kill()
                daemon.start()
        self.last_heartbeat = wire.heartbeat(check.millis(self.log.last.isoformat()))
        self._say_time(self.last_heartbeat)
        return self._comes_to_the_end()

    def _comes_to_the_end(self):
        """The group has come to where the log ends now."""
        ends = None
        while ends is None:
            ends = self._ends()

        def all_taken():
            committed = self._committed()
            return committed is not None and all(c >= e for c, e in zip(committed, ends))

        if self._wait(all_taken, DRAIN_SECONDS_MAX):
            return True
        self.result.problems.append(f"after {DRAIN_SECONDS_MAX} s the group has come to {self._committed()}, and the log to {ends}")
        return False

    def _stop(self):
        # Connectors first: one that was restarted just now is still sending what it had sent before.
        self._stop_all(self.connectors)
        self._comes_to_the_end()
        self._stop_all(self.engines)

    def _stop_all(self, daemons):
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            status = daemon.wait_end(STOP_SECONDS_MAX)
            if status is None:
                self.result.problems.append(f"{daemon.name} did not stop within {STOP_SECONDS_MAX} s of SIGTERM")
            elif status != 0:
                self.result.problems.append(f"{daemon.name} stopped with status {status}")
            daemon.kill()

    def _check(self):
        result = self.result
        out, summary_file = self._path("refold.jsonl"), self._path("refold-summary.jsonl")
        # All at once: each of them mostly waits.
        with ThreadPoolExecutor(8) as pool:
            refold = pool.submit(_run, [self.programs.sekisho, "refold", "--brokers", self.cluster.bootstrap, "--topic", self.events_topic, "--policy",
                                        self.policy, "--out", out, "--summary", summary_file, "--operator-key", f"noc={self.key}", "-X", "fetch.wait.max.ms=10"], "sekisho refold")
            topics = {name: pool.submit(published.read, self.cluster.bootstrap, self.prefix + name) for name in TOPICS}
            refold.result()
            topics = {name: reading.result() for name, reading in topics.items()}
        refolded, summary = _json_lines(out), _json_lines(summary_file)
        seen = check.Published(*(topics[name] for name in ("actions.suspend", "actions.notify", "verdicts", "findings", "dead-letter")))
        events = topics["events"]
        committed = self.client.committed(self.group, self.events_topic, self.plan.partitions)

        problems = check.actions_follow(seen, refolded)
        problems += check.envelopes_are_right(seen, lambda account: logs.partition_of(account, self.plan.partitions))
        problems += check.verdicts_follow(seen, refolded)
        problems += check.dead_letters_follow(seen, summary)
        result.judgements = sum(wire.control_of(record.value or b"") == "judgements" for record in events)
        if self.plan.aligned and not self.plan.ordered() and not result.judgements:
            problems += check.same_as_replay(seen, self.replayed)
        arrived, distinct = check.events_arrived(events, self.parsed, lambda record: record.value in self.foreign or record.value is None)
        problems += arrived
        problems += check.events_folded(summary, events, distinct, committed, self.plan.aligned)
        problems += check.states_follow(topics["snapshots"], events, summary)
        if not refolded:
            result.notes.append("no action followed from this log")
        for daemon in self.daemons():
            problems += daemon.problems()
        result.problems += problems
        result.events, result.actions = distinct, len(refolded)
        result.repeats = sum(part["repeats"] for part in summary)
