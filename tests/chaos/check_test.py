#!/usr/bin/env python3
# Goal: the checkers find what they are there for. Method: a small run whose published records are right; then each kind of
# damage is done to it by hand, and the check that must see it has to.
import unittest

import check
import fault_plan
import logs
import published as reader
import wire
from published import Record


def action(number, account, kind, time="2090-03-06T10:00:00.000+00:00", generation=1):
    return {"id": f"{number:032x}", "account": account, "action": kind, "time": time, "signals": ["send_rate", "country_velocity"],
            "generation": generation, "mode": "enforce"}


ACTIONS = [action(1, "a@x", "observe", generation=0), action(2, "a@x", "suspend"), action(3, "b@x", "throttle"),
           action(4, "a@x", "release", "2090-03-06T13:00:00.000+00:00", 2), action(5, "c@x", "notify", generation=0)]
KINDS = {name: number for number, name in wire.ACTION_KINDS.items()}
VERDICTS = {name: number for number, name in wire.VERDICT_KINDS.items()}


def encode_action(a):
    data = wire.field(1, bytes.fromhex(a["id"])) + wire.field(2, a["account"].encode()) + wire.field(3, KINDS[a["action"]])
    data += wire.field(5, check.millis(a["time"])) + wire.field(8, a["generation"])
    return data + b"".join(wire.field(13, wire.field(1, s.encode()) + wire.field(3, 40)) for s in a["signals"])


def encode_verdict(a):
    return (wire.field(1, a["account"].encode()) + wire.field(2, VERDICTS[a["action"]]) + wire.field(4, a["generation"]) +
            wire.field(7, bytes.fromhex(a["id"])))


def as_published(actions):
    suspend, notify, verdicts, findings = [], [], [], []
    for offset, a in enumerate(actions):
        key = a["account"].encode()
        headers = {"ce_id": a["id"], "ce_type": f"sekisho.v1.action.{a['action']}", "ce_source": "/sekisho/ab/0", "ce_time": a["time"],
                   "ce_specversion": "1.0", "content-type": "application/protobuf", "sekisho-owner": f"n1-0/{3 + offset}"}
        (suspend if a["action"] in check.SUSPEND_KINDS else notify).append(Record(0, offset, key, encode_action(a), headers))
        if a["action"] in check.SUSPEND_KINDS:
            verdicts.append(Record(0, offset, key, encode_verdict(a), {}))
        findings.append(Record(0, offset, a["id"].encode(), b"{}", {}))
    return check.Published(suspend, notify, verdicts, findings, [])


def encode_event(account, time_ms, position, connector=b"c1", mark=b""):
    origin = wire.field(1, connector) + wire.fixed64_field(2, 77) + wire.field(4, position)
    return wire.field(1, wire.field(1, account) + wire.field(3, time_ms) + wire.field(5, origin) + wire.field(9, mark) + wire.field(20, b""))


TIME = "2090-03-06T10:00:00.000+00:00"
PARSED = [{"account": "a@x", "time": TIME, "kind": "login"}, {"account": "b@x", "time": TIME, "kind": "login"},
          {"account": "b@x", "time": TIME, "kind": "rejected"}]


class Published(unittest.TestCase):
    def assertFinds(self, problems, words):
        self.assertTrue(any(words in problem for problem in problems), (words, problems))

    def test_a_right_run_has_no_problems(self):
        p = as_published(ACTIONS)
        self.assertEqual(check.actions_follow(p, ACTIONS), [])
        self.assertEqual(check.verdicts_follow(p, ACTIONS), [])
        self.assertEqual(check.same_as_replay(p, ACTIONS), [])

    # A zombie's action, an action in another account's partition, and headers that say something else.
    def test_envelopes(self):
        self.assertEqual(check.envelopes_are_right(as_published(ACTIONS), lambda account: 0), [])
        p = as_published(ACTIONS)
        p.suspend[-1].headers["sekisho-owner"] = "n2-0/3"
        self.assertFinds(check.envelopes_are_right(p, lambda account: 0), "generation 3 of n2-0 comes after 5")
        self.assertFinds(check.envelopes_are_right(as_published(ACTIONS), lambda account: 1), "the partition of a@x is 1")
        for name, value in (("ce_type", "x"), ("ce_source", "/sekisho/ab/1"), ("ce_time", "2090-03-06T10:00:00.001+00:00"), ("ce_specversion", "0.3"),
                            ("content-type", "text/plain"), ("sekisho-owner", "n1-0")):
            p = as_published(ACTIONS)
            p.notify[0].headers[name] = value
            self.assertFinds(check.envelopes_are_right(p, lambda account: 0), f"{name} is {value}")
            del p.notify[0].headers[name]
            self.assertFinds(check.envelopes_are_right(p, lambda account: 0), f"{name} is None")

    def test_lost(self):
        for i, a in enumerate(ACTIONS):
            problems = check.actions_follow(as_published(ACTIONS[:i] + ACTIONS[i + 1:]), ACTIONS)
            self.assertFinds(problems, f"1 lost from {'actions.suspend' if a['action'] in check.SUSPEND_KINDS else 'actions.notify'}: {a['id']}")
            self.assertFinds(problems, "1 lost from findings")
            self.assertFinds(check.same_as_replay(as_published(ACTIONS[:i] + ACTIONS[i + 1:]), ACTIONS), "the cluster hasn't")

    def test_doubled(self):
        for i, a in enumerate(ACTIONS):
            p = as_published(ACTIONS + [a])
            self.assertFinds(check.actions_follow(p, ACTIONS), f"2 × {a['id']}")
            self.assertFinds(check.same_as_replay(p, ACTIONS), "the replay hasn't")
            if a["action"] in check.SUSPEND_KINDS:
                self.assertFinds(check.verdicts_follow(p, ACTIONS), f"verdicts of {a['account']}")

    def test_foreign(self):
        p = as_published(ACTIONS + [action(9, "d@x", "suspend")])
        self.assertFinds(check.actions_follow(p, ACTIONS), f"1 foreign in actions.suspend: {9:032x}")
        self.assertFinds(check.actions_follow(p, ACTIONS), "1 foreign in findings")
        self.assertFinds(check.verdicts_follow(p, ACTIONS), "verdicts of d@x")

    # An id that is right does not make up for contents that are not; nor a finding for an action that is missing.
    def test_changed(self):
        changed = [dict(a) for a in ACTIONS]
        changed[1]["signals"] = ["send_rate"]
        self.assertFinds(check.actions_follow(as_published(changed), ACTIONS), "says something else")
        self.assertFinds(check.same_as_replay(as_published(changed), ACTIONS), "the cluster hasn't")
        p = as_published(ACTIONS)
        p.suspend[0].headers = {"ce_id": ACTIONS[2]["id"]}
        self.assertFinds(check.actions_follow(p, ACTIONS), "bears the header")
        p = as_published(ACTIONS)
        p.notify[0].key = b"z@x"
        self.assertFinds(check.actions_follow(p, ACTIONS), "has the key")
        p = as_published(ACTIONS)
        p.suspend[0].value = b"\xff"
        self.assertFinds(check.actions_follow(p, ACTIONS), "can't be read")

    def test_verdicts_out_of_order_or_missing(self):
        p = as_published(ACTIONS)
        p.verdicts[0].offset, p.verdicts[2].offset = p.verdicts[2].offset, p.verdicts[0].offset
        self.assertFinds(check.verdicts_follow(p, ACTIONS), "verdicts of a@x")
        p = as_published(ACTIONS)
        del p.verdicts[-1]
        self.assertFinds(check.verdicts_follow(p, ACTIONS), "verdicts of a@x")

    def test_a_refold_that_repeats_itself_is_no_witness(self):
        self.assertFinds(check.actions_follow(as_published(ACTIONS), ACTIONS + [ACTIONS[0]]), "the refold itself")

    def test_dead_letters(self):
        p = as_published(ACTIONS)
        self.assertEqual(check.dead_letters_follow(p, [{"dead_letters": 0}]), [])
        self.assertFinds(check.dead_letters_follow(p, [{"dead_letters": 2}]), "0 dead letters")


class Events(unittest.TestCase):
    def arrived(self, *values):
        return check.events_arrived([Record(0, i, b"k", v, {}) for i, v in enumerate(values)], PARSED, lambda record: False)

    def setUp(self):
        at = check.millis(TIME)
        self.a, self.b = encode_event(b"a@x", at, 100), encode_event(b"b@x", at, 200)

    def test_each_event_and_repeats_of_it(self):
        self.assertEqual(self.arrived(self.a, self.b, wire.heartbeat(5)), ([], 2))
        self.assertEqual(self.arrived(self.a, self.b, self.a), ([], 2))

    def test_lost_doubled_foreign(self):
        at = check.millis(TIME)
        self.assertIn("never arrived", self.arrived(self.a)[0][0])
        self.assertIn("no source log holds", self.arrived(self.a, self.b, encode_event(b"b@x", at, 300))[0][0])
        self.assertIn("no source log holds", self.arrived(self.a, self.b, encode_event(b"b@x", at, 200, b"c2"))[0][0])
        self.assertIn("no source log holds", self.arrived(self.a, self.b, encode_event(b"c@x", at, 300))[0][0])

    def test_one_origin_two_events(self):
        at = check.millis(TIME)
        self.assertIn("two different events", self.arrived(self.a, self.b, encode_event(b"b@x", at, 200, mark=b"!"))[0][0])

    def test_rubbish(self):
        self.assertIn("can't be read", self.arrived(self.a, self.b, b"\x0a\xff")[0][0])

    def test_folded(self):
        part = {"partition": 0, "events": 7, "repeats": 2, "late": 0, "future": 0, "invalid": 0}
        records = [Record(0, 7, b"k", self.a, {}), Record(0, 8, None, wire.heartbeat(5), {})]
        self.assertEqual(check.events_folded([part], records, 5, [8], True), [])
        self.assertIn("5 events were folded, 6", check.events_folded([part], records, 6, [8], True)[0])
        batch = Record(0, 9, None, wire.field(2, wire.field(3, b"x")), {})
        self.assertEqual(check.events_folded([dict(part, repeats=3)], [*records, batch, batch], 5, [8], True), [], "a batch of judgements came twice")
        self.assertIn("has not come to: 0:7", check.events_folded([part], records, 5, [7], True)[0])
        self.assertIn("were refused", check.events_folded([dict(part, late=1)], records, 5, [8], True)[0])
        self.assertEqual(check.events_folded([dict(part, late=1)], records, 5, [8], False), [])


    # The marker by hand, as an engine would have written it.
    def test_states(self):
        mark = wire.field(1, b"c1") + wire.fixed64_field(2, 77) + wire.field(4, 200)
        def snapshot(offset=2, state=b"state", marks=mark):
            value = wire.field(1, 0) + wire.field(2, offset) + wire.field(7, marks) + wire.field(9, state)
            return [Record(0, 5, b"m", b"\xff", {}), Record(0, 7, b"m", value, {}), Record(0, 8, b"a" * 17, b"", {})]
        records = [Record(0, 0, b"k", self.a, {}), Record(0, 1, b"k", self.b, {}), Record(0, 2, None, wire.heartbeat(5), {})]
        summary = [{"partition": 0, "globals": b"state".hex(), "marks": [["c1", 77, 0, 200, 0]]}]
        self.assertEqual(check.states_follow(snapshot(), records, summary), [])
        self.assertIn("stands for offset 1", check.states_follow(snapshot(offset=1), records, summary)[0])
        self.assertIn("another state", check.states_follow(snapshot(state=b"other"), records, summary)[0])
        self.assertIn("has seen streams", check.states_follow(snapshot(marks=mark + wire.field(5, 1)), records, summary)[0])
        self.assertIn("no snapshot", check.states_follow([], records, summary)[0])
        # The refold went over a judgement that came too late for the engines: nothing to compare.
        late = records + [Record(0, 3, None, wire.field(2, wire.field(3, b"")), {})]
        self.assertEqual(check.states_follow(snapshot(state=b"other"), late, summary), [])


class Tools(unittest.TestCase):
    # Known values of Kafka's own tests (UtilsTest.testMurmur2).
    def test_murmur2(self):
        for text, value in ((b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
                            (b"a-little-bit-longer-string", -1486304829), (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)):
            self.assertEqual(logs.murmur2(text), value & 0xFFFFFFFF)

    def test_kcat_output_with_any_bytes(self):
        data = b"3 17 2 4 ce_id=ab,ce_type=x\nk\n\x00\n\xff\n\n0 18 -1 -1 \n\n"
        first, second = reader.parse(data)
        self.assertEqual((first.partition, first.offset, first.key, first.value, first.headers),
                         (3, 17, b"k\n", b"\x00\n\xff\n", {"ce_id": "ab", "ce_type": "x"}))
        self.assertEqual((second.key, second.value, second.headers), (None, None, {}))

    # The same seed must always give the same faults, or a failure can't be looked at again.
    def test_plan_is_a_function_of_the_seed(self):
        for seed in range(50):
            self.assertEqual(list(fault_plan.plan(seed).lines()), list(fault_plan.plan(seed).lines()))
        self.assertNotEqual(list(fault_plan.plan(1).lines()), list(fault_plan.plan(2).lines()))

    # Goal: a campaign meets every kind of fault. Method: the plans of the seeds that a short campaign has.
    def test_every_fault_is_planned(self):
        planned = {fault.kind for seed in range(200) for fault in fault_plan.plan(seed).faults}
        self.assertEqual(planned, set(fault_plan.KINDS))


if __name__ == "__main__":
    unittest.main()
