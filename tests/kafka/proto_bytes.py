# Protobuf by hand, for tests that want to say or to see what is on the wire without any of our code.


def fields(message):
    """A message's fields: [(number, value)], values being numbers or bytes."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            found.append((number, varint()))
        elif kind == 1:
            found.append((number, int.from_bytes(message[at:at + 8], "little")))
            at += 8
        elif kind == 2:
            size = varint()
            found.append((number, message[at:at + size]))
            at += size
        else:
            raise ValueError(f"wire type {kind}")
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
