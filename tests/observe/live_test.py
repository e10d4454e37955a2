#!/usr/bin/env python3
# Goal: what deploy/ shows and alerts on is really there. Method: a real broker, a connector and an engine that find a real theft, a
# real Prometheus that scrapes both, and every query of the dashboard and of the rules put to it; then the findings, as the example
# consumer prints them.
# Usage: live_test.py SEKISHO SEKISHO_CONNECT MAKE_INCIDENT [TEST…]
import datetime
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deployed  # noqa: E402
sys.path.insert(0, os.path.join(deployed.ROOT, "tests/kafka"))
from broker import Cluster, Port, wait_until  # noqa: E402

SEKISHO, CONNECT, MAKE_INCIDENT = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
CONSUMER = os.path.join(deployed.ROOT, "deploy/examples/soc_consumer.py")
PARTITIONS = 4
HISTORY = datetime.timedelta(hours=20)  # of the owner; a partition doesn't take events a day behind its clock
ACCOUNT = "owner@isp.example.jp"


def incident(folder):
    """The published theft, as if it had ended just now: (log lines, country database)."""
    subprocess.run([MAKE_INCIDENT, os.path.join(deployed.ROOT, "tests/data/rotating-addresses-2014.tsv"), folder], check=True,
                   stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "mail.log"), encoding="utf-8") as file:
        told = [(datetime.datetime.fromisoformat(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in file]
    last = told[-1][0]
    shift = datetime.datetime.now(datetime.timezone.utc) - last
    lines = [(at + shift).isoformat(timespec="milliseconds") + " " + rest for at, rest in told if last - at < HISTORY]
    return "".join(lines), os.path.join(folder, "country.mmdb")


class Daemon:
    """A process with its log, ended by its own pid."""

    def __init__(self, name, folder, command):
        self.name, self.log_path = name, os.path.join(folder, name + ".log")
        environment = dict(os.environ)
        environment.pop("JOURNAL_STREAM", None)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check(self):
        assert self.process.poll() is None, f"{self.name} has ended with {self.process.returncode}:\n{self.log()[-3000:]}"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def get(address):
    with urllib.request.urlopen("http://" + address, timeout=10) as page:
        return page.read().decode()


class Prometheus(Daemon):
    def __init__(self, folder, engine, connector):
        self.port = Port()
        self.address = f"127.0.0.1:{self.port.number}"
        # The example as it is, but for addresses, and quicker.
        with open(deployed.PROMETHEUS, encoding="utf-8") as file:
            text = file.read()
        for job, target in (("sekisho-engine", engine), ("sekisho-connect", connector)):
            text, n = re.subn(rf"(job_name: {job}\n +static_configs:\n +- targets: )\[.*\]", rf'\1["{target}"]', text)
            assert n == 1, job
        text, n = re.subn(r"_interval: 15s", "_interval: 1s", text)
        assert n == 2, text
        text = text.replace("- sekisho.rules.yml", "- " + deployed.RULES)
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        super().__init__("prometheus", folder, ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb",
                                                f"--web.listen-address={self.address}"])

    def api(self, path, **parameters):
        """What the API gives. AssertionError: it says that something is wrong."""
        url = f"{self.address}/api/v1/{path}?" + urllib.parse.urlencode(parameters, doseq=True)
        try:
            answer = json.loads(get(url))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        assert answer["status"] == "success", answer
        return answer["data"]

    def ready(self):
        self.check()
        try:
            return "Ready" in get(self.address + "/-/ready")
        except OSError:
            return False

    def query(self, expression):
        return [(sample["metric"], float(sample["value"][1])) for sample in self.api("query", query=expression)["result"]]

    def number(self, expression):
        found = self.query(expression)
        return found[0][1] if found else None


class Live(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sekisho-observe-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.kafka = cls.enterClassContext(Cluster())
        subprocess.run([SEKISHO, "topics", "create", "--brokers", cls.kafka.bootstrap, "--replication", "1", "--partitions",
                        f"accounts={PARTITIONS}", "--config", os.path.join(deployed.ROOT, "deploy/topics.yaml")], check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
        lines, geo = incident(cls.folder)
        log = os.path.join(cls.folder, "mail-live.log")
        open(log, "w", encoding="utf-8").close()
        cls.ports = [Port(), Port()]
        cls.engine_address, cls.connector_address = (f"127.0.0.1:{port.number}" for port in cls.ports)
        for port in cls.ports:
            cls.addClassCleanup(port.release)
        with open(os.path.join(cls.folder, "engine.yaml"), "w", encoding="utf-8") as file:
            file.write(f"name: n1\nstate: {cls.folder}/engine\nkafka: {{bootstrap.servers: \"{cls.kafka.bootstrap}\"}}\nworkers: 2\n"
                       f"memory: 64MiB\ngeo: {geo}\nmetrics: {cls.engine_address}\n")
        with open(os.path.join(cls.folder, "connect.yaml"), "w", encoding="utf-8") as file:
            file.write(f"name: mx1\nstate: {cls.folder}/connect\nkafka: {{bootstrap.servers: \"{cls.kafka.bootstrap}\"}}\n"
                       f"files: [{log}]\nmetrics: {cls.connector_address}\n")
        cls.prometheus = Prometheus(cls.folder, cls.engine_address, cls.connector_address)
        cls.addClassCleanup(cls.prometheus.stop)
        cls.engine = Daemon("engine", cls.folder, [SEKISHO, "engine", "--config", os.path.join(cls.folder, "engine.yaml")])
        cls.addClassCleanup(cls.engine.stop)
        cls.connector = Daemon("connect", cls.folder, [CONNECT, "--config", os.path.join(cls.folder, "connect.yaml")])
        cls.addClassCleanup(cls.connector.stop)
        cls.wait(cls.prometheus.ready, "Prometheus is ready")
        # A rise can only be seen from where it began.
        cls.wait(lambda: cls.prometheus.number('sum(sekisho_partitions{state="live"})') == PARTITIONS, "all partitions are live")
        cls.wait(lambda: len(cls.prometheus.query("count_over_time(sekisho_connect_lines_total[1m]) > 2")) == 1 and
                 len(cls.prometheus.query('count_over_time(sekisho_records_total{pass="live"}[1m]) > 2')) == 1, "a few scrapes of both")
        with open(log, "a", encoding="utf-8") as file:
            file.write(lines + lines.splitlines()[-1].split(" ", 1)[0] + " mx1 cron[1]: ran\n")
        cls.wait(lambda: (cls.prometheus.number('sum(sekisho_actions_total{kind="suspend",mode="enforce"})') or 0) > 0, "a suspension")

    @classmethod
    def wait(cls, condition, what):
        def look():
            for daemon in (cls.prometheus, cls.engine, cls.connector):
                daemon.check()
            return condition()

        wait_until(look, what, 90)

    def page(self, address):
        return get(address + "/metrics")

    def test_pages_are_as_prometheus_wants_them(self):
        for address in (self.engine_address, self.connector_address):
            done = subprocess.run(["promtool", "check", "metrics"], input=self.page(address), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (0, ""), address)

    # The table in deploy/README.md is complete, and right about labels.
    def test_pages_are_as_documented(self):
        found = {}
        for address in (self.engine_address, self.connector_address):
            for line in self.page(address).splitlines():
                match = re.fullmatch(r"(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+", line)
                if line.startswith("#") or not match:
                    continue
                found.setdefault(match[1], set()).update(set(re.findall(r'(\w+)="', match[2] or "")) - {"le"})
        # The HTTP server's own, which come with the library.
        found = {name: labels for name, labels in found.items() if not name.startswith("exposer_")}
        documented = deployed.documented_metrics()
        self.assertEqual({name: labels for name, labels in documented.items() if found.get(name) != labels}, {})
        self.assertEqual(set(found) - set(documented), set())

    def test_nothing_names_an_account_or_an_address(self):
        for address in (self.engine_address, self.connector_address):
            page = self.page(address)
            self.assertNotIn(ACCOUNT.split("@", maxsplit=1)[0], page)
            self.assertNotRegex(page, r'"\d+\.\d+\.\d+\.\d+')

    def test_every_query_answers(self):
        values = {}
        for name, selector, label in deployed.variable_queries():
            values[name] = "|".join(self.prometheus.api(f"label/{label}/values", **{"match[]": selector}))
            self.assertTrue(values[name], name)
        queries = deployed.panel_queries() + [(alert, part) for alert, expression in deployed.rules()
                                              for part in deployed.without_conditions(expression)]
        silent = {}

        def all_answer():
            silent.clear()
            for where, expression in queries:
                if expression in deployed.MAY_BE_SILENT:
                    self.prometheus.query(deployed.substitute(expression, "2m", **values))
                    continue
                found = self.prometheus.query(deployed.substitute(expression, "2m", **values))
                if not found or any(math.isnan(value) for _, value in found):
                    silent[where] = (expression, found)
            return not silent

        try:
            self.wait(all_answer, "every query answers")
        finally:
            self.assertEqual(silent, {})
        self.assertGreater(len(queries), 100)
        # The conditions themselves.
        for _, expression in deployed.rules():
            self.prometheus.query(expression)

    def test_numbers_are_plausible(self):
        ask = self.prometheus.number
        self.wait(lambda: ask("sum(sekisho_lag_records)") == 0, "everything is folded")
        self.assertEqual(ask('sum(sekisho_events_total{kind="submission"})'), 84)
        self.assertEqual(ask('sum(sekisho_action_signals_total{kind="suspend",detector="source_rotation"})'), 1)
        self.assertEqual(ask("sum(sekisho_accounts_in_memory)"), 1)
        self.wait(lambda: ask("sum(sekisho_accounts_on_disk)") == 1, "the account is on the disk")
        self.assertEqual(ask("sum(sekisho_connect_events_acknowledged_total)"), ask("sum(sekisho_connect_events_total)"))
        self.assertEqual(ask("sum(sekisho_policy_partitions)"), PARTITIONS)
        self.assertGreater(ask("sum(sekisho_detection_latency_seconds_count)"), 0)
        self.assertLess(ask("sum(sekisho_detection_latency_seconds_sum) / sum(sekisho_detection_latency_seconds_count)"), 60)
        self.assertGreater(ask("sum(sekisho_commit_seconds_count)"), 0)
        # Partitions without an account live in the present too.
        self.wait(lambda: ask("max(sekisho_event_time_lag_seconds)") < 60, "heartbeats bring time on")

    def test_rules_are_healthy_and_silent(self):
        def evaluated():
            groups = self.prometheus.api("rules")["groups"]
            found = [rule for group in groups for rule in group["rules"]]
            return found if found and all(rule["health"] != "unknown" for rule in found) else None

        self.wait(evaluated, "all rules were evaluated")
        found = evaluated()
        self.assertEqual({rule["name"] for rule in found}, {alert for alert, _ in deployed.rules()})
        for rule in found:
            self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule["name"])
        self.assertEqual(self.prometheus.query('ALERTS{alertstate="firing"}'), [])

    def test_the_example_consumer_prints_the_finding(self):
        def printed():
            done = subprocess.run([sys.executable, CONSUMER, "--brokers", self.kafka.bootstrap, "--from", "beginning", "--until-end"],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return [line for line in done.stdout.splitlines() if " suspend " in line]

        wait_until(printed, "a finding about the suspension", 30)
        [line] = printed()
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ High suspend risk=\d+ by=country_velocity,source_rotation source=[0-9.]+ "
                               rf'uid=[0-9a-f]{{32}} account="{re.escape(ACCOUNT)}"$')
        findings = [json.loads(record["payload"]) for record in self.kafka.read("findings")]
        for finding in findings:
            self.assertEqual((finding["class_uid"], finding["metadata"]["version"]), (2004, "1.8.0"))
            self.assertEqual(finding["resources"][0]["name"], ACCOUNT)
        self.assertEqual(len({finding["metadata"]["uid"] for finding in findings}), len(findings))


if __name__ == "__main__":
    unittest.main(verbosity=2)
