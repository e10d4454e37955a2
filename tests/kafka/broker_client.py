"""What tests ask of brokers (how far a log and a group are; topics and access lists to be made), spoken by hand: starting a program for
each question would take most of the machine. What was published is read by kcat."""
import socket
import struct

SECONDS_MAX = 5


class KafkaRefused(Exception):
    """A broker answered with an error, or none answered."""


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        length = self.take("h")
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def many(self, read):
        return [read() for _ in range(self.take("i"))]


def text(value):
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


def many(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class BrokerClient:
    """Asks the brokers at `addresses` ("host:port", plain). Any of them may be away. Not thread-safe."""

    def __init__(self, addresses, seconds_max=SECONDS_MAX):
        self.addresses, self.seconds_max = list(addresses), seconds_max
        self.links = {}
        self.leaders = {}  # topic → {partition: address}
        self.coordinators = {}
        self.correlation = 0

    def close(self):
        for link in self.links.values():
            link.close()
        self.links.clear()

    # Each of these raises KafkaRefused (or OSError) if it can't be told now; asking again later is all that is to be done.

    def ends(self, topic, partitions, committed_only=False):
        """The offset behind the last record of each partition."""
        return self._offsets(topic, partitions, -1, committed_only)

    def begins(self, topic, partitions):
        return self._offsets(topic, partitions, -2, False)

    def _offsets(self, topic, partitions, which, committed_only):
        leaders = self.leaders.get(topic) or self._find_leaders(topic)
        found = {}
        try:
            for address in sorted(set(leaders.values())):
                mine = [p for p in range(partitions) if leaders.get(p) == address]
                body = struct.pack(">ib", -1, 1 if committed_only else 0)
                body += many([text(topic) + many([struct.pack(">iq", p, which) for p in mine])])
                answer = self.ask(address, 2, 2, body)
                answer.take("i")
                for _, parts in answer.many(lambda: (answer.text(), answer.many(lambda: answer.take("ihqq")))):
                    for partition, error, _, offset in parts:
                        if error:
                            raise KafkaRefused(f"{topic} {partition}: error {error}")
                        found[partition] = offset
        except (KafkaRefused, OSError):
            self.leaders.pop(topic, None)
            raise
        if len(found) != partitions:
            self.leaders.pop(topic, None)
            raise KafkaRefused(f"{topic}: not every partition has a leader")
        return [found[p] for p in range(partitions)]

    def committed(self, group, topic, partitions):
        """The group's committed offset of each partition; -1: none yet."""
        address = self.coordinators.get(group) or self._find_coordinator(group)
        try:
            answer = self.ask(address, 9, 2, text(group) + many([text(topic) + many([struct.pack(">i", p) for p in range(partitions)])]))
            def part():
                number, offset = answer.take("iq")
                answer.text()
                return number, offset, answer.take("h")
            found = {}
            for _, parts in answer.many(lambda: (answer.text(), answer.many(part))):
                for number, offset, error in parts:
                    if error:
                        raise KafkaRefused(f"offset of {topic} {number}: error {error}")
                    found[number] = offset
            error = answer.take("h")
            if error:
                raise KafkaRefused(f"offsets of {group}: error {error}")
            return [found[p] for p in range(partitions)]
        except (KafkaRefused, OSError):
            self.coordinators.pop(group, None)
            raise

    def delete_topics(self, names):
        """Best effort: what isn't deleted only takes room until the broker is thrown away."""
        body = many([text(name) for name in names]) + struct.pack(">i", 5000)
        for address in self.addresses:
            try:
                self.ask(address, 20, 1, body)
                return
            except (KafkaRefused, OSError):
                continue

    def _find_leaders(self, topic):
        for address in self.addresses:
            try:
                answer = self.ask(address, 3, 1, many([text(topic)]))
            except OSError:
                continue
            def broker():
                node, host, port, _ = answer.take("i"), answer.text(), answer.take("i"), answer.text()
                return node, f"{host}:{port}"
            nodes = dict(answer.many(broker))
            answer.take("i")
            def partition():
                error, number, leader = answer.take("hii")
                answer.many(lambda: answer.take("i"))
                answer.many(lambda: answer.take("i"))
                return error, number, leader
            topics = answer.many(lambda: (answer.take("h"), answer.text(), answer.take("b"), answer.many(partition)))
            self.leaders[topic] = {number: nodes[leader] for error, number, leader in topics[0][3] if leader in nodes}
            return self.leaders[topic]
        raise KafkaRefused("no broker answers")

    def _find_coordinator(self, group):
        for address in self.addresses:
            try:
                answer = self.ask(address, 10, 1, text(group) + struct.pack(">b", 0))
            except OSError:
                continue
            _, error = answer.take("ih")
            answer.text()
            _, host, port = answer.take("i"), answer.text(), answer.take("i")
            if error:
                raise KafkaRefused(f"coordinator of {group}: error {error}")
            self.coordinators[group] = f"{host}:{port}"
            return self.coordinators[group]
        raise KafkaRefused("no broker answers")

    def ask(self, address, api, version, body):
        """One request; returns the answer behind its correlation id."""
        self.correlation += 1
        request = struct.pack(">hhi", api, version, self.correlation) + text("tests") + body
        try:
            if address not in self.links:
                host, port = address.rsplit(":", 1)
                self.links[address] = socket.create_connection((host, int(port)), timeout=self.seconds_max)
            link = self.links[address]
            link.sendall(struct.pack(">i", len(request)) + request)
            return _Reader(self._receive(link, struct.unpack(">i", self._receive(link, 4))[0])[4:])
        except OSError:
            link = self.links.pop(address, None)
            if link:
                link.close()
            raise

    @staticmethod
    def _receive(link, size):
        data = b""
        while len(data) < size:
            part = link.recv(size - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data
