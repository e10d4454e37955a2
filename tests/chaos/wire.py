"""Reads and writes the few protobuf messages that the harness needs, by hand (tests/kafka/proto_bytes.py): what the engine wrote is to be read by code that
shares nothing with it. Field numbers are those of proto/sekisho/v1."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kafka"))
from proto_bytes import WireError, bytes_field, fields, fixed64_field, number_field  # noqa: E402, F401


def field(number, value):
    return bytes_field(number, value) if isinstance(value, bytes) else number_field(number, value)


def heartbeat(at_ms):
    """A Record that says: it is this time."""
    return field(2, field(2, field(1, at_ms)))


def control_of(record):
    """Which control record this is: "order", "heartbeat" or "judgements"; empty: none of these."""
    try:
        (number, value), = fields(record)
        (inner, _), = fields(value)
    except (WireError, TypeError, ValueError):
        return ""
    return {1: "order", 2: "heartbeat", 3: "judgements"}.get(inner, "") if number == 2 else ""


def newer_event(account, at_ms):
    """A Record whose event wants a reader of a schema that doesn't exist yet."""
    return field(1, field(1, account.encode()) + field(3, at_ms) + field(12, 1000) + field(24, b""))


class Event:
    """What matters of an Event: whose it is, when, and its origin (none: not from a connector)."""

    __slots__ = ("account", "time_ms", "kind", "origin")

    def __init__(self, data):
        self.account, self.time_ms, self.kind, self.origin = b"", 0, 0, None
        for number, value in fields(data):
            if number == 1:
                self.account = value
            elif number == 3:
                self.time_ms = value
            elif number == 5:
                origin = {1: b"", 2: 0, 3: 0, 4: 0, 5: 0}
                origin.update(fields(value))
                self.origin = (origin[1].decode(), origin[2], origin[3], origin[4], origin[5])
            elif 20 <= number <= 27:
                self.kind = number


def event_of(record):
    """The event that a Record carries; none if it is a control record. WireError: it is no Record."""
    event = None
    for number, value in fields(record):
        if number == 1:
            if not isinstance(value, bytes):
                raise WireError("an event of a wrong type")
            event = Event(value)
    return event


ACTION_KINDS = {1: "observe", 2: "notify", 3: "throttle", 4: "suspend", 5: "release"}


class Action:
    __slots__ = ("id", "account", "kind", "time_ms", "signals", "generation")

    def __init__(self, data):
        self.id, self.account, self.kind, self.time_ms, self.generation, signals = "", "", "", 0, 0, []
        for number, value in fields(data):
            if number == 1:
                self.id = value.hex()
            elif number == 2:
                self.account = value.decode()
            elif number == 3:
                self.kind = ACTION_KINDS.get(value, f"kind {value}")
            elif number == 5:
                self.time_ms = value
            elif number == 8:
                self.generation = value
            elif number == 13:
                signals += [text.decode() for inner, text in fields(value) if inner == 1]
        self.signals = tuple(signals)


VERDICT_KINDS = {1: "release", 2: "throttle", 3: "suspend"}


class Verdict:
    __slots__ = ("account", "kind", "generation", "action_id")

    def __init__(self, data):
        self.account, self.kind, self.generation, self.action_id = "", "", 0, ""
        for number, value in fields(data):
            if number == 1:
                self.account = value.decode()
            elif number == 2:
                self.kind = VERDICT_KINDS.get(value, f"kind {value}")
            elif number == 4:
                self.generation = value
            elif number == 7:
                self.action_id = value.hex()


class ShardMarker:
    """Of the topic snapshots (key "m"): what is known of a partition beside its accounts, and for which offset that stands."""

    __slots__ = ("offset", "marks", "globals")

    def __init__(self, data):
        self.offset, self.marks, self.globals = 0, [], b""
        for number, value in fields(data):
            if number == 2:
                self.offset = value
            elif number == 7:
                mark = {1: b"", 2: 0, 3: 0, 4: 0, 5: 0}
                mark.update(fields(value))
                self.marks.append([mark[1].decode(), mark[2], mark[3], mark[4], mark[5]])
            elif number == 9:
                self.globals = value
