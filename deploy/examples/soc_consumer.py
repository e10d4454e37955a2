#!/usr/bin/env python3
"""Prints Sekisho's findings, one a line: an example of a consumer in a security operations centre.

  soc_consumer.py --brokers kafka1:9092                     from now on, until Ctrl-C
  soc_consumer.py --brokers kafka1:9092 --from beginning --until-end
  soc_consumer.py --brokers kafka1:9093 -X security.protocol=SASL_SSL -X sasl.mechanism=PLAIN -X …
  kcat -C -q -b kafka1:9092 -t findings | soc_consumer.py   or from anything else that gives a line of JSON each

Reads by kcat (Debian's package of that name) what transactions committed. A finding that comes twice is printed once. Names are
the choice of whoever tried to log in: they are printed as ASCII in quotes, so they can't pass for anything else.
"""
import argparse
import collections
import datetime
import json
import signal
import subprocess
import sys

REMEMBERED = 100_000  # findings' ids


def line_of(finding):
    """One line of ASCII. Raises what a finding of another shape raises: KeyError, TypeError and the like."""
    when = datetime.datetime.fromtimestamp(finding["time"] / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    more = finding["unmapped"]
    source = next((e["src_endpoint"]["ip"] for e in finding.get("evidences", []) if "src_endpoint" in e), "-")
    detectors = [a["uid"] for a in (finding["finding_info"]["analytic"], *finding["finding_info"].get("related_analytics", []))]
    words = [when, finding["severity"], more["action"] + ("" if more["mode"] == "enforce" else f"({more['mode']})"),
             f"risk={finding['risk_score']:d}", f"by={','.join(detectors)}", f"source={source}", f"uid={finding['finding_info']['uid']}",
             "account=" + json.dumps(finding["resources"][0]["name"])]
    return " ".join(words).encode("ascii", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")


def print_findings(lines):
    seen = collections.OrderedDict()
    for raw in lines:
        try:
            finding = json.loads(raw)
            uid, line = str(finding["finding_info"]["uid"]), line_of(finding)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, OSError, RecursionError) as error:
            print(f"not a finding ({type(error).__name__}): {raw[:80]!r}", file=sys.stderr, flush=True)
            continue
        if uid in seen:
            continue
        seen[uid] = True
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", help="HOST:PORT, several with commas; without it, standard input is read")
    parser.add_argument("--topic", default="findings")
    parser.add_argument("--from", dest="start", choices=("beginning", "end"), default="end")
    parser.add_argument("--until-end", action="store_true", help="stop at the end of the topic")
    parser.add_argument("-X", dest="settings", metavar="KEY=VALUE", action="append", default=[], help="a setting of librdkafka")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if arguments.brokers is None:
            print_findings(sys.stdin.buffer)
            return 0
        command = ["kcat", "-C", "-q", "-u", "-b", arguments.brokers, "-t", arguments.topic, "-o", arguments.start,
                   "-X", "isolation.level=read_committed", *(["-e"] if arguments.until_end else [])]
        for setting in arguments.settings:
            command += ["-X", setting]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as kcat:
            try:
                print_findings(kcat.stdout)
            except BaseException:
                kcat.terminate()
                raise
        return kcat.returncode
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
