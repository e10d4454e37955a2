"""Which faults a schedule has, and when: a function of its seed alone.

When is told in steps: the logs are appended in STEPS steps, and a fault comes at a step, not at a time. So a seed meets the same
faults at the same places of its log again, as far as a cluster of many processes can.
"""
import random

STEPS = 40

ENGINE_FAIL_POINTS = ("outputs_begun", "outputs_produced", "outputs_offsets_sent", "outputs_committed", "outputs_announced",
                      "snapshots_begun", "snapshots_produced", "snapshots_offsets_sent", "snapshots_committed", "store_before_batch", "store_after_batch",
                      "store_between_batches", "restored_store", "fold_batch")
CONNECTOR_FAIL_POINTS = ("spooled", "produced", "acknowledged", "position_saved")

# Weights. What each does is told in README.md; schedule.py does it.
KINDS = {
    "engine_kill": 4,        # SIGKILL, back at once
    "engine_fail_point": 6,  # dies by itself at a named place, back at once
    "engine_pause": 3,       # SIGSTOP for longer than its session lasts, then SIGCONT: a zombie wakes up; also at a named place
    "engine_leave": 2,       # SIGTERM, back later
    "engine_down": 2,        # SIGKILL, back later
    "engine_join": 2,        # one more node, from here on
    "engine_lost_disk": 2,   # SIGKILL, the state directory is lost, back
    "engine_disk_full": 1,   # no room for states for a while
    "engine_clock": 2,       # its wall clock jumps
    "connector_kill": 3,
    "connector_fail_point": 3,
    "connector_pause": 1,
    "connector_rollback": 2,  # its state directory as it was some steps ago: everything since is sent once more
    "connector_disk_full": 1,
    "connector_clock": 1,
    "resend": 2,             # a producer gone mad: old events again, in any order
    "poison": 2,             # a record that nobody can use
    "order": 2,              # an operator speaks up: no fault, but it must be taken as well
    "broker_kill": 2,        # SIGKILL, back later
    "broker_rolling": 1,     # each broker in turn stops in order and comes back
}
# Where an engine stops by itself: anywhere (by the harness' signal, most likely at rest), or amid a transaction that isn't its any more
# when it wakes up.
PAUSE_POINTS = ("", "", "outputs_begun", "outputs_filled", "outputs_filled", "snapshots_produced")
# Pushed, rolled back, signed by a key that the engines don't know, and so on.
ORDERS = ("policy", "policy", "policy_back", "release", "release", "deny", "allow", "forged")
POISONS = ("garbage", "truncated", "newer", "empty", "oversized")


class Fault:
    """`step`: when it comes; `until`: when it ends, where it lasts; `which`: the number of the engine, connector, broker or
    partition that it meets; `what`: the fail point, the poison, the jump."""

    def __init__(self, kind, step, which=0, until=None, what=""):
        self.kind, self.step, self.which, self.until, self.what = kind, step, which, until, what

    def __str__(self):
        lasting = f" until {self.until}" if self.until is not None else ""
        what = f" {self.what}" if self.what != "" else ""
        return f"step {self.step:2}{lasting}: {self.kind} {self.which}{what}"


class Plan:
    def __init__(self, seed, brokers=None):
        choice = random.Random(f"plan {seed}")
        self.seed = seed
        wanted = 3 if choice.random() < 0.25 else 1
        self.brokers = brokers or wanted
        self.partitions = choice.choice((6, 6, 12))
        self.engines = choice.choice((1, 2, 2, 3))
        self.workers = choice.choice((1, 1, 2))
        self.connectors = choice.choice((1, 2, 3))
        self.files_each = choice.choice((1, 1, 2))
        self.aligned = choice.random() < 0.75
        self.accounts = choice.choice((30, 45, 60))
        self.days = 2
        self.standby = choice.choice(("all", "none"))
        self.commit_every_ms = choice.choice((100, 300, 1000))
        # Where a log file is rotated, and how.
        self.rotations = sorted((choice.randrange(3, STEPS - 3), choice.randrange(self.connectors * self.files_each),
                                 choice.choice(("rename", "copytruncate"))) for _ in range(choice.choice((0, 1, 3))))
        self.faults = sorted((self._fault(choice) for _ in range(choice.choice((1, 2, 3, 3, 4)))), key=lambda f: (f.step, f.kind))
        self.position_every_ms = choice.choice((100, 1000, 10000))
        self.spool_max = choice.choice(("1MiB", "1GiB"))
        # Whether source networks are judged: judgements come when they come, so what follows depends on the run.
        self.entities = choice.random() < 0.4

    def _fault(self, choice):
        kind = choice.choices(list(KINDS), KINDS.values())[0]
        step = choice.randrange(2, STEPS - 4)
        until = step + choice.randrange(2, 12)
        fault = Fault(kind, step)
        if kind.startswith("engine"):
            fault.which = choice.randrange(self.engines)
        elif kind.startswith("connector"):
            fault.which = choice.randrange(self.connectors)
        elif kind in ("poison", "resend"):
            fault.which = choice.randrange(self.partitions)
        else:
            fault.which = choice.randrange(3)  # modulo the number of brokers
        if kind in ("engine_pause", "engine_leave", "engine_down", "engine_disk_full", "connector_pause", "connector_rollback",
                    "connector_disk_full", "broker_kill"):
            fault.until = until
        if kind == "engine_fail_point":
            name = choice.choice(ENGINE_FAIL_POINTS)
            fault.what = f"{name}:{choice.choice((1, 1, 2, 3, 5, 10))}"
        elif kind == "engine_pause":
            # Drawn apart, so that the seed's other faults don't depend on it.
            fault.what = random.Random(f"pause {self.seed} {step}").choice(PAUSE_POINTS)
        elif kind == "connector_fail_point":
            fault.what = f"{choice.choice(CONNECTOR_FAIL_POINTS)}:{choice.choice((1, 1, 2, 5, 10))}"
        elif kind == "order":
            fault.what = choice.choice(ORDERS)
        elif kind == "poison":
            fault.what = choice.choice(POISONS)
        elif kind in ("engine_clock", "connector_clock"):
            fault.what = choice.choice((-3, 3, -400 * 24, 400 * 24)) * 3600
        elif kind == "resend":
            fault.what = choice.randrange(1, 300)
        return fault

    def ordered(self):
        """Whether anything but the source logs decides what is published."""
        return any(fault.kind == "order" for fault in self.faults)

    def lines(self):
        yield (f"seed {self.seed}: {self.brokers} broker{'s' * (self.brokers > 1)}, {self.partitions} partitions, {self.engines} engine"
               f"{'s' * (self.engines > 1)} of {self.workers} worker{'s' * (self.workers > 1)} (standby {self.standby}, commit every "
               f"{self.commit_every_ms} ms{', judging networks' if self.entities else ''}), {self.connectors} connector{'s' * (self.connectors > 1)} of {self.files_each} file"
               f"{'s' * (self.files_each > 1)} (position every {self.position_every_ms} ms, spool {self.spool_max}), {self.accounts} accounts, {'aligned' if self.aligned else 'mixed'}")
        for step, number, how in self.rotations:
            yield f"  step {step:2}: file {number} is rotated by {how}"
        for fault in self.faults:
            yield f"  {fault}"


# Schedules that are not left to chance.
SCENARIOS = {
    # Of two nodes, one stops amid a transaction, and wakes up when the other has taken its place: nobody but the group's generation
    # can tell the brokers that what it commits then is stale. Commits of states are rare: one that is open as well is ended by the heir,
    # together with all that is the sleeper's.
    "zombie": (dict(brokers=1, partitions=6, engines=2, workers=1, aligned=True, entities=False, standby="none", commit_every_ms=5000, rotations=[]),
               [Fault("engine_pause", 6, 0, what="outputs_filled")]),
    # Three nodes over twelve partitions: one dies and stays away to the end of the log, one is added.
    "nodes": (dict(brokers=1, partitions=12, engines=3, workers=1, aligned=True, standby="all", commit_every_ms=300, rotations=[]),
              [Fault("engine_down", 12, 1, STEPS + 1), Fault("engine_join", 24)]),
}


def scenario(name, seed):
    made = Plan(seed)
    settings, made.faults = SCENARIOS[name]
    vars(made).update(settings)
    return made


def plan(seed, brokers=None):
    """`brokers`: how many, whatever the seed says; nothing else of the plan depends on that."""
    return Plan(seed, brokers)
