"""Reads topics with kcat: a client that nobody here wrote. Committed records only."""
import secrets
import subprocess
import tempfile

# Lengths first, so that any bytes can be read: partition, offset, lengths of key and value (-1: none), headers.
_FORM = "%p %o %K %S %h\n%k%s\n"
SECONDS_MAX = 60
READ_SECONDS_MAX, READ_TRIES = 15, 4


class ReadError(Exception):
    pass


class Record:
    __slots__ = ("partition", "offset", "key", "value", "headers")

    def __init__(self, partition, offset, key, value, headers):
        self.partition, self.offset, self.key, self.value, self.headers = partition, offset, key, value, headers


def parse(data):
    """kcat's output in _FORM."""
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        partition, offset, key_length, value_length, headers = data[at:end].decode().split(" ", 4)
        at = end + 1
        parts = []
        for length in (int(key_length), int(value_length)):
            parts.append(None if length < 0 else data[at:at + length])
            at += max(0, length)
        if data[at:at + 1] != b"\n":
            raise ReadError(f"kcat's output can't be read at byte {at}")
        at += 1
        named = dict(header.split("=", 1) for header in headers.split(",") if "=" in header)
        yield Record(int(partition), int(offset), *parts, named)


def read(bootstrap, topic, partition=None):
    """Every record that stands in a topic, or in one of its partitions, now."""
    one = [] if partition is None else ["-p", str(partition)]
    command = ["kcat", "-C", "-q", "-e", "-t", topic, *one, "-o", "beginning", "-b", bootstrap, "-f", _FORM,
               "-X", "isolation.level=read_committed", "-X", "check.crcs=true"]
    for tries_left in range(READ_TRIES - 1, -1, -1):
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            # Now and then kcat misses a partition's end, and waits for ever.
            continue
        if done.returncode == 0:
            return list(parse(done.stdout))
        if tries_left == 0:
            raise ReadError(f"kcat can't read {topic}: {done.stderr.decode(errors='replace')}")
    raise ReadError(f"kcat did not come to the end of {topic} within {READ_SECONDS_MAX} s, {READ_TRIES} times")


def write(bootstrap, topic, partition, value, key=b""):
    """Appends one record of any bytes to one partition."""
    if not value:  # kcat leaves an empty file out
        write_many(bootstrap, topic, partition, [Record(partition, 0, key.encode() if isinstance(key, str) else key, b"", {})])
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(value)
        file.flush()
        done = subprocess.run(["kcat", "-P", "-t", topic, "-p", str(partition), "-b", bootstrap, "-X", "acks=all",
                               "-X", "message.max.bytes=10000000", *(["-k", key] if key else []), file.name],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise ReadError(f"kcat can't write to {topic}: {done.stderr.decode(errors='replace')}")


def write_many(bootstrap, topic, partition, records):
    """Appends records with their keys and values to one partition, in this order."""
    if not records:
        return
    between, behind = (f"<{secrets.token_hex(16)}>" for _ in range(2))
    data = b"".join(r.key + between.encode() + r.value + behind.encode() for r in records)
    done = subprocess.run(["kcat", "-P", "-t", topic, "-p", str(partition), "-b", bootstrap, "-X", "acks=all", "-K", between, "-D", behind],
                          input=data, capture_output=True, timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise ReadError(f"kcat can't write to {topic}: {done.stderr.decode(errors='replace')}")
