"""How each fault is done to a running schedule, and undone. fault_plan.py says which come when."""
import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import time

import check
import logs
import published
import wire

SESSION_MS = 3000
STOP_SECONDS_MAX = 20
# What lasts for some steps lasts this long at least, or nobody would notice. Beyond its session an engine is given up by the group.
LASTS_SECONDS = {"engine_pause": 1.3 * SESSION_MS / 1000, "engine_leave": 1.3 * SESSION_MS / 1000, "engine_down": 1.3 * SESSION_MS / 1000,
                 "engine_disk_full": 2, "connector_disk_full": 1, "connector_pause": 1, "broker_kill": 2}


class Faults:
    """A schedule's faults: `_KIND(fault)` begins one, `_end_KIND(fault)` ends one that lasts. What they work on is Schedule's."""

    def _begin_fault(self, fault, step):
        self.say(str(fault))
        getattr(self, "_" + fault.kind)(fault)
        if fault.until is not None:
            fault.begun = time.monotonic()
            self.open_faults.append(fault)

    def _end_faults(self, step):
        """Ends what ends at `step`; everything when there is none any more."""
        for fault in list(self.open_faults):
            if step is None or fault.until <= step:
                self.open_faults.remove(fault)
                self._wait(lambda end=fault.begun + LASTS_SECONDS.get(fault.kind, 0): time.monotonic() >= end, 60)
                self.say(f"end of {fault.kind} {fault.which}")
                getattr(self, "_end_" + fault.kind)(fault)

    def _engine_of(self, fault):
        return self.engines[fault.which % len(self.engines)]

    def _connector_of(self, fault):
        return self.connectors[fault.which % len(self.connectors)]

    def _engine_kill(self, fault):
        self._measure_takeover(self._engine_of(fault))
        self._engine_of(fault).kill()
        self._engine_of(fault).start()

    def _engine_fail_point(self, fault):
        self._engine_of(fault).kill()
        self._engine_of(fault).start(fault.what)

    def _engine_pause(self, fault):
        daemon = self._engine_of(fault)
        self._measure_takeover(daemon)
        if fault.what:
            # It stops when it comes there, and is woken up by who looks after it.
            daemon.kill()
            daemon.start(f"stop:{fault.what}", stops_seconds=LASTS_SECONDS["engine_pause"])
        else:
            daemon.pause()

    def _end_engine_pause(self, fault):
        if not fault.what:
            self._engine_of(fault).resume()

    def _engine_leave(self, fault):
        self._measure_takeover(self._engine_of(fault))
        self._engine_of(fault).terminate()

    def _end_engine_leave(self, fault):
        daemon = self._engine_of(fault)
        if daemon.wanted:
            return  # another fault has brought it back
        status = daemon.wait_end(STOP_SECONDS_MAX)
        if status is None:
            self.result.problems.append(f"{daemon.name} did not stop within {STOP_SECONDS_MAX} s of SIGTERM")
            daemon.kill()
        daemon.start()

    def _engine_down(self, fault):
        self._measure_takeover(self._engine_of(fault))
        self._engine_of(fault).kill()

    def _end_engine_down(self, fault):
        if not self._engine_of(fault).running():
            self._engine_of(fault).start()

    def _engine_join(self, fault):
        self.engines.append(self._engine(len(self.engines)))
        self.engines[-1].start()

    def _engine_lost_disk(self, fault):
        daemon = self._engine_of(fault)
        self._measure_takeover(daemon)
        daemon.kill()
        state = self._path(f"{daemon.name}.state")
        for entry in os.listdir(state):
            path = os.path.join(state, entry)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
        daemon.start()

    def _fill_disk(self, daemon):
        if self._path(f"{daemon.name}.state") in self.mounts:
            daemon.troubled = True
            self.full_disks.append(daemon)
            self._keep_full()

    def _keep_full(self):
        """To the last byte, and again whenever a daemon has given some back: stores reserve room for their logs."""
        for daemon in self.full_disks:
            with open(self._path(f"{daemon.name}.state/ballast"), "ab", buffering=0) as file:
                # Large blocks first; the last ones fit only in small ones.
                for block in (1 << 20, 1 << 12):
                    with contextlib.suppress(OSError):
                        while file.write(b"\0" * block) == block:
                            pass

    def _free_disk(self, daemon):
        if daemon in self.full_disks:
            self.full_disks.remove(daemon)
            os.remove(self._path(f"{daemon.name}.state/ballast"))

    def _engine_disk_full(self, fault):
        daemon = self._engine_of(fault)
        self._fill_disk(daemon)
        # What a store has reserved would last it for long; one that opens needs room at once.
        daemon.kill()
        daemon.start()

    def _end_engine_disk_full(self, fault):
        self._free_disk(self._engine_of(fault))

    def _engine_clock(self, fault):
        self._set_clock(self._engine_of(fault).name, fault.what)

    def _connector_kill(self, fault):
        self._connector_of(fault).kill()
        self._connector_of(fault).start()

    def _connector_fail_point(self, fault):
        self._connector_of(fault).kill()
        self._connector_of(fault).start(fault.what)

    def _connector_pause(self, fault):
        self._connector_of(fault).pause()

    def _end_connector_pause(self, fault):
        self._connector_of(fault).resume()

    def _connector_rollback(self, fault):
        daemon = self._connector_of(fault)
        daemon.kill()
        fault.copy = tempfile.mkdtemp(prefix=f"{daemon.name}.copy-", dir=self.folder)  # two of them may begin in one step
        shutil.copytree(self._path(f"{daemon.name}.state"), fault.copy, ignore=shutil.ignore_patterns("ballast"), dirs_exist_ok=True)
        daemon.start()

    def _end_connector_rollback(self, fault):
        daemon = self._connector_of(fault)
        daemon.kill()
        state = self._path(f"{daemon.name}.state")
        for entry in os.listdir(state):
            path = os.path.join(state, entry)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif entry != "ballast":
                os.remove(path)
        shutil.copytree(fault.copy, state, dirs_exist_ok=True)
        daemon.start()

    def _connector_disk_full(self, fault):
        self._fill_disk(self._connector_of(fault))

    def _end_connector_disk_full(self, fault):
        self._free_disk(self._connector_of(fault))

    def _connector_clock(self, fault):
        self._set_clock(self._connector_of(fault).name, fault.what)

    def _resend(self, fault):
        try:
            records = [r for r in published.read(self.cluster.bootstrap, self.events_topic, fault.which) if r.value and r.key and
                       r.value not in self.foreign and wire.event_of(r.value)]
            choice = random.Random(f"resend {self.plan.seed} {fault.step}")
            again = choice.sample(records, min(fault.what, len(records)))
            published.write_many(self.cluster.bootstrap, self.events_topic, fault.which, again)
        except published.ReadError as error:
            self.result.notes.append(f"resend at step {fault.step} left out: {error}")

    def _poison(self, fault):
        choice = random.Random(f"poison {self.plan.seed} {fault.step}")
        account = f"poison-{fault.step}@{logs.REALM}"
        event = wire.newer_event(account, check.millis(logs.START.isoformat()))
        value = {
            "garbage": choice.randbytes(choice.randrange(1, 200)) + b"\xff",
            "truncated": event[:-choice.randrange(1, 9)],
            "newer": event,
            "empty": b"",
            # As large as a broker takes: what is set aside with a reason must still fit.
            "oversized": wire.field(1, wire.field(1, b"x" * 1_048_300)),
        }[fault.what]
        self.foreign.add(value)
        try:
            published.write(self.cluster.bootstrap, self.events_topic, fault.which, value, key=account)
            self.poisoned += 1
        except published.ReadError as error:
            self.result.notes.append(f"poison at step {fault.step} left out: {error}")

    def _order(self, fault):
        choice = random.Random(f"order {self.plan.seed} {fault.step}")
        account = choice.choice(self.log.of_interest)
        words = {
            "policy": ["policy", "push", self.other_policy], "policy_back": ["policy", "push", self.policy],
            "release": ["release", account, "--reason", "has a new password"],
            "deny": ["deny", "--domain", account.split("@")[1], "--owner", "soc", "--reason", "by chance"],
            "allow": ["allow", "--account", account, "--owner", "noc", "--reason", "by chance"],
            "forged": ["release", account, "--reason", "says the thief"],
        }[fault.what]
        key = self.forged_key if fault.what == "forged" else self.key
        done = subprocess.run([self.programs.sekisho, *words, "--brokers", self.cluster.bootstrap, "--topic", self.events_topic, "--key-id", "noc",
                               "--key", key, "--operator", "chaos", "--timeout", "20"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            self.result.notes.append(f"order at step {fault.step} left out: {done.stderr.strip()}")

    def _broker_of(self, fault):
        return 1 + fault.which % len(self.cluster.nodes)

    def _broker_kill(self, fault):
        number = self._broker_of(fault)
        # One at a time: with two of three away nothing could be written, and with all away nothing at all happens.
        if all(node.process for node in self.cluster.nodes):
            self.cluster.kill(number)
            fault.killed = number
            for daemon in self.daemons():
                daemon.troubled = True

    def _end_broker_kill(self, fault):
        if getattr(fault, "killed", None):
            self.cluster.start_node(fault.killed)

    def _broker_rolling(self, fault):
        for node in self.cluster.nodes:
            if node.process:
                self.cluster.restart(node.number)
                self._look_after()
