"""What must hold of a run, whatever happened during it. Each check gets plain values and gives a list of what is wrong: one
sentence each, empty when all is well. See README.md for what each of them can and can't see."""
import collections
import datetime

import wire

EXAMPLES = 5  # of each kind of trouble; a lost partition would fill the screen
# `sekisho events` names kinds; on the wire an event's body tells.
KIND_FIELDS = {"login": 20, "login_failed": 20, "submission": 21, "queued": 22, "delivery": 23, "mailbox_access": 24,
               "credential_changed": 25, "content_verdict": 26, "complaint": 27}
SUSPEND_KINDS = ("throttle", "suspend", "release")


def millis(rfc3339):
    at = datetime.datetime.fromisoformat(rfc3339)
    return int((at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) / datetime.timedelta(milliseconds=1))


def _some(what, items):
    items = sorted(items, key=str)
    if not items:
        return []
    more = f", and {len(items) - EXAMPLES} more" if len(items) > EXAMPLES else ""
    return [f"{len(items)} {what}: " + ", ".join(str(item) for item in items[:EXAMPLES]) + more]


def each_once(published, wanted, where):
    """`published`: ids as they stand in a topic, every record; `wanted`: the ids that must be there."""
    counts = collections.Counter(published)
    wanted = set(wanted)
    return (_some(f"lost from {where}", wanted - set(counts)) +
            _some(f"foreign in {where}", set(counts) - wanted) +
            _some(f"published more than once in {where}", (f"{n} × {i}" for i, n in counts.items() if n > 1)))


class Published:
    """What stands in the output topics, as kcat read it: lists of records by topic."""

    def __init__(self, suspend, notify, verdicts, findings, dead_letters):
        self.suspend, self.notify, self.verdicts, self.findings, self.dead_letters = suspend, notify, verdicts, findings, dead_letters


def actions_follow(published, refolded):
    """(a): the ids are those of an offline fold of the same logs, each once, and each action is the one of that id.
    `refolded`: what `sekisho refold` wrote, decoded."""
    wanted = {action["id"]: action for action in refolded}
    problems = []
    if len(wanted) != len(refolded):
        problems.append(f"the refold itself gives {len(refolded) - len(wanted)} ids twice")
    problems += each_once([r.headers.get("ce_id", "(none)") for r in published.suspend],
                          (i for i, a in wanted.items() if a["action"] in SUSPEND_KINDS), "actions.suspend")
    problems += each_once([r.headers.get("ce_id", "(none)") for r in published.notify],
                          (i for i, a in wanted.items() if a["action"] not in SUSPEND_KINDS), "actions.notify")
    problems += each_once([(r.key or b"").decode(errors="replace") for r in published.findings], wanted, "findings")
    for record in published.suspend + published.notify:
        try:
            action = wire.Action(record.value or b"")
        except (wire.WireError, ValueError) as error:
            problems.append(f"action {record.headers.get('ce_id')} can't be read: {error}")
            continue
        if action.id != record.headers.get("ce_id"):
            problems.append(f"action {action.id} bears the header ce_id {record.headers.get('ce_id')}")
        if (record.key or b"").decode(errors="replace") != action.account:
            problems.append(f"action {action.id} has the key {record.key}, not {action.account}")
        twin = wanted.get(action.id)
        if twin and (action.account, action.kind, action.time_ms, list(action.signals), action.generation) != (
                twin["account"], twin["action"], millis(twin["time"]), twin["signals"], twin["generation"]):
            problems.append(f"action {action.id} says something else than the refold's: {twin['account']} {twin['action']} {twin['time']}")
    return problems


def envelopes_are_right(published, partition_of):
    """CloudEvents' headers on each action, its partition, and its owners: within a partition a later record never comes from an
    older generation of the group, or a zombie has got through. `partition_of`: of an account."""
    problems = []
    for topic, records in (("actions.suspend", published.suspend), ("actions.notify", published.notify)):
        newest = {}
        for record in sorted(records, key=lambda r: (r.partition, r.offset)):
            where = f"{topic} {record.partition}:{record.offset}"
            action, headers = wire.Action(record.value or b""), record.headers
            wanted = {"ce_type": f"sekisho.v1.action.{action.kind}", "ce_specversion": "1.0", "content-type": "application/protobuf"}
            wrong = [f"{name} is {headers.get(name)}" for name, value in wanted.items() if headers.get(name) != value]
            if not headers.get("ce_source", "").startswith("/sekisho/") or not headers["ce_source"].endswith(f"/{record.partition}"):
                wrong.append(f"ce_source is {headers.get('ce_source')}")
            if "ce_time" not in headers or millis(headers["ce_time"]) != action.time_ms:
                wrong.append(f"ce_time is {headers.get('ce_time')}")
            if partition_of(action.account) != record.partition:
                wrong.append(f"the partition of {action.account} is {partition_of(action.account)}")
            owner, _, generation = headers.get("sekisho-owner", "").rpartition("/")
            if not owner or not generation.isdigit():
                wrong.append(f"sekisho-owner is {headers.get('sekisho-owner')}")
            elif int(generation) < newest.get(record.partition, 0):
                wrong.append(f"generation {generation} of {owner} comes after {newest[record.partition]}")
            else:
                newest[record.partition] = int(generation)
            problems += [f"{where}: {what}" for what in wrong]
    return problems[:EXAMPLES]


def verdicts_follow(published, refolded):
    """What stands about an account is its last throttle, suspension or release; verdicts come in order and each once."""
    problems = []
    wanted = {}
    for action in refolded:
        if action["action"] in SUSPEND_KINDS and action["mode"] == "enforce":
            wanted.setdefault(action["account"], []).append((action["generation"], action["action"], action["id"]))
    found = {}
    for record in sorted(published.verdicts, key=lambda r: (r.partition, r.offset)):
        account = (record.key or b"").decode(errors="replace")
        if record.value is None:
            found[account] = []  # forgotten, after a release
            wanted.pop(account, None)
            continue
        try:
            verdict = wire.Verdict(record.value)
        except (wire.WireError, ValueError) as error:
            problems.append(f"the verdict of {account} can't be read: {error}")
            continue
        found.setdefault(account, []).append((verdict.generation, verdict.kind, verdict.action_id))
    for account in sorted(set(wanted) | {a for a, verdicts in found.items() if verdicts}):
        if found.get(account, []) != wanted.get(account, []):
            problems.append(f"verdicts of {account} are {found.get(account, [])}, and should be {wanted.get(account, [])}")
    return problems[:EXAMPLES]


def same_as_replay(published, replayed):
    """(b): account, action, time and signals are those of a replay of the source logs by one machine."""
    ours = collections.Counter()
    for record in published.suspend + published.notify:
        action = wire.Action(record.value or b"")
        ours[action.account, action.kind, action.time_ms, action.signals] += 1
    theirs = collections.Counter((a["account"], a["action"], millis(a["time"]), tuple(a["signals"])) for a in replayed)
    return (_some("actions that the replay has, and the cluster hasn't", (ours_missing for ours_missing in theirs - ours)) +
            _some("actions that the cluster has, and the replay hasn't", (extra for extra in ours - theirs)))


def events_arrived(records, parsed, is_foreign):
    """(c), first half: the distinct origins in the log are the events that the parsers find in the source logs, and an origin
    that came twice brought the same event. `records`: of the topic events; `parsed`: of `sekisho events`, decoded;
    `is_foreign`: whether the harness itself put this record there. Returns (problems, number of distinct origins)."""
    problems = []
    by_origin, without = {}, 0
    for record in records:
        if is_foreign(record):
            continue
        try:
            event = wire.event_of(record.value or b"")
        except (wire.WireError, ValueError) as error:
            problems.append(f"record {record.partition}:{record.offset} can't be read: {error}")
            continue
        if event is None:
            continue  # a heartbeat
        if event.origin is None:
            without += 1
            continue
        first = by_origin.setdefault(event.origin, (record.value, event))
        if first[0] != record.value:
            problems.append(f"origin {event.origin} has brought two different events")
    if without:
        problems.append(f"{without} events have no origin")
    ours = collections.Counter((event.account.decode(errors="replace"), event.time_ms, event.kind) for _, event in by_origin.values())
    theirs = collections.Counter((e["account"], millis(e["time"]), KIND_FIELDS[e["kind"]]) for e in parsed
                                 if e["kind"] in KIND_FIELDS and e.get("account"))
    problems += _some("events of the source logs that never arrived", (missing for missing in theirs - ours))
    problems += _some("events that no source log holds", (extra for extra in ours - theirs))
    return problems, len(by_origin)


def events_folded(summary, records, distinct, committed, all_taken):
    """(c), second half: the fold took each of the distinct events once. `summary`: of the refold, a line a partition; `records`:
    of the topic events; `committed`: the group's offsets; `all_taken`: nothing may have been refused as too late or too early."""
    problems = []
    # A batch of judgements that a death had doubled is a repeat, too, and no event.
    batches = collections.Counter((r.partition, r.value) for r in records if wire.control_of(r.value or b"") == "judgements")
    doubled = sum(n - 1 for n in batches.values())
    taken = sum(part["events"] - part["repeats"] for part in summary) + doubled
    if taken != distinct:
        problems.append(f"{taken} events were folded, {distinct} distinct ones are in the log")
    refused = sum(part["late"] + part["future"] + part["invalid"] for part in summary)
    if all_taken and refused:
        problems.append(f"{refused} events were refused as late, early or invalid")
    # What came after the engines had stopped can only be what they themselves had appended at the last moment.
    left = [r for r in records if r.offset >= committed[r.partition] and wire.control_of(r.value or b"") not in ("heartbeat", "judgements")]
    problems += _some("records that the group has not come to", (f"{r.partition}:{r.offset}" for r in left))
    return problems


def dead_letters_follow(published, summary):
    """As many dead letters as an offline fold sets aside."""
    wanted = sum(part["dead_letters"] for part in summary)
    found = len(published.dead_letters)
    return [] if found == wanted else [f"{found} dead letters were published, {wanted} should have been"]


def states_follow(snapshots, records, summary):
    """The engines' own last word on each partition (time, timers, counters of events and actions, how far each stream was
    seen) is what an offline fold comes to. `snapshots`: records of that topic; `records`: of events."""
    last = {}
    for record in snapshots:
        if record.key == b"m" and record.value is not None:
            last[record.partition] = record
    problems = []
    for part in summary:
        number = part["partition"]
        if number not in last:
            problems.append(f"partition {number} has no snapshot")
            continue
        marker = wire.ShardMarker(last[number].value)
        rest = [r for r in records if r.partition == number and r.offset >= marker.offset]
        behind = [r.offset for r in rest if wire.control_of(r.value or b"") not in ("heartbeat", "judgements")]
        if any(wire.control_of(r.value or b"") == "judgements" for r in rest):
            continue  # the refold has folded more than the engines
        if behind:
            problems.append(f"the last snapshot of partition {number} stands for offset {marker.offset}, though the engines stopped in order behind {max(behind)}")
        elif marker.globals.hex() != part["globals"]:
            problems.append(f"the last snapshot of partition {number} holds another state than the refold")
        elif marker.marks != part["marks"]:
            problems.append(f"the last snapshot of partition {number} has seen streams up to {marker.marks}, the refold up to {part['marks']}")
    return problems
