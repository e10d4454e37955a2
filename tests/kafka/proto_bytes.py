# Protobuf by hand, for tests that want to say or to see what is on the wire without any of our code.


class WireError(ValueError):
    """The bytes are no message."""


def fields(message):
    """A message's fields: [(number, value)], bytes for length-delimited ones, numbers for all others."""
    found, at = [], 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            if at >= len(message) or shift > 63:
                raise WireError("a number is cut short")
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = read_varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            found.append((number, read_varint()))
            continue
        if kind not in (1, 2, 5):
            raise WireError(f"wire type {kind}")
        size = read_varint() if kind == 2 else {1: 8, 5: 4}[kind]
        if at + size > len(message):
            raise WireError("a field is cut short")
        value = message[at:at + size]
        at += size
        found.append((number, value if kind == 2 else int.from_bytes(value, "little")))
    return found


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number_field(number, value):
    return varint(number << 3) + varint(value)


def fixed64_field(number, value):
    return varint(number << 3 | 1) + value.to_bytes(8, "little")


def bytes_field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def murmur2_partition(key, partitions):
    """The partition of a key as Kafka's own producers choose it (Java's default)."""
    m, mask = 0x5bd1e995, 0xffffffff
    h = 0x9747b28c ^ len(key)
    whole = len(key) - len(key) % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7fffffff) % partitions
