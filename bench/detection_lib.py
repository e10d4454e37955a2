# What bench/detection and bench/fit share: which seeds are for what, running seeds side by side, adding results up, and the
# statistics. Standard library only.
import concurrent.futures
import hashlib
import json
import math
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Whoever tunes looks at development seeds alone. Measuring seeds are for the figures that are published, and nothing may be
# changed because of what they show. bench/README.md says so in words; the functions below say so to programs.
DEVELOPMENT = range(1, 100)
MEASURING = range(1000, 1_000_000)


class Refused(Exception):
    """What was asked for is against a rule; the message says which, and what to do."""


def parse_seeds(text):
    """"1-8,12" as a sorted list."""
    seeds = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise Refused(f"--seeds: \"{text}\" is no list such as 1-8,12")
        seeds.update(range(int(first), int(last or first) + 1))
    return sorted(seeds)


def kind_of_seeds(seeds):
    """"development" or "measuring": never both in one run."""
    if all(s in DEVELOPMENT for s in seeds):
        return "development"
    if all(s in MEASURING for s in seeds):
        return "measuring"
    raise Refused("seeds must be all for development (1-99) or all for measuring (1000 and up)")


def refuse_measuring(seeds):
    """For everything that tunes."""
    if kind_of_seeds(seeds) != "development":
        raise Refused("fitting may look at development seeds (1-99) only: what was tuned on measuring seeds proves nothing")


def wilson(hits, trials):
    """Wilson's score interval at 95%, in shares of 1 (Wilson 1927)."""
    if trials <= 0:
        return 0.0, 1.0
    z = 1.959963985
    share = hits / trials
    denominator = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def quantile(values, share):
    """Nearest rank; nan of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Score:
    """One rule at one setting, over any number of seeds."""

    def __init__(self, rule, at_least):
        self.rule, self.at_least = rule, at_least
        self.attacks = {}  # name: {"stolen", "suspended", "by_second_day", "escaped": [], "seconds": []}
        self.owners = {}   # kind: {"accounts", "days", "suspended", "suspensions", "throttled", "notified"}

    def add(self, one):
        for into, these in ((self.attacks, one["attacks"]), (self.owners, one["owners"])):
            for name, values in these.items():
                held = into.setdefault(name, {})
                for key, value in values.items():
                    if isinstance(value, list):
                        held.setdefault(key, []).extend(value)
                    else:
                        held[key] = held.get(key, 0) + value

    @staticmethod
    def _together(table):
        total = {}
        for values in table.values():
            for key, value in values.items():
                if isinstance(value, list):
                    total.setdefault(key, []).extend(value)
                else:
                    total[key] = total.get(key, 0) + value
        return total

    def all_attacks(self):
        return self._together(self.attacks) or {"stolen": 0, "suspended": 0, "by_second_day": 0, "escaped": [], "seconds": []}

    def all_owners(self):
        return self._together(self.owners)

    def recall(self, attack=None):
        row = self.all_attacks() if attack is None else self.attacks.get(attack, {"stolen": 0, "suspended": 0})
        return row["suspended"] / row["stolen"] if row["stolen"] else math.nan

    def worst(self):
        """(recall, attack) of the attack found least."""
        recalls = [(self.recall(a), a) for a, row in self.attacks.items() if row["stolen"]]
        return min(recalls) if recalls else (math.nan, "")

    def per_million(self, what="suspended"):
        row = self.all_owners()
        return 1e6 * row[what] / row["days"] if row.get("days") else math.nan

    def f1(self):
        attacks, owners = self.all_attacks(), self.all_owners()
        found = attacks["suspended"]
        return 2 * found / max(1, found + attacks["stolen"] + owners.get("suspended", 0))


def add_up(results):
    """Scores by (rule, at_least), in the order of the first result."""
    scores = {}
    for result in results:
        for one in result["scores"]:
            key = (one["rule"], one["at_least"])
            scores.setdefault(key, Score(*key)).add(one)
    return scores


def table(rows, gap=2):
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(str(row[i])) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    lines = []
    for row in rows:
        cells = [str(c).ljust(widths[0]) if i == 0 else str(c).rjust(widths[i]) for i, c in enumerate(row)]
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)


def program(build):
    path = os.path.join(os.path.abspath(build), "detection_bench")
    if not os.access(path, os.X_OK):
        raise Refused(f"{path} isn't there: cmake --preset release && cmake --build --preset release --target detection_bench")
    return path


def digest(*parts):
    """Names what a result depends on."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part if isinstance(part, bytes) else str(part).encode())
        sha.update(b"\0")
    return sha.hexdigest()[:12]


def file_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def run_each(jobs, processes, progress):
    """Runs the commands `jobs` yields as (name, function); calls `progress` after each. Ends with the first error."""
    with concurrent.futures.ThreadPoolExecutor(processes) as pool:
        pending = {pool.submit(function): name for name, function in jobs}
        done = 0
        try:
            for future in concurrent.futures.as_completed(pending):
                future.result()
                done += 1
                progress(done, len(pending), pending[future])
        except BaseException:
            for future in pending:
                future.cancel()
            raise


def run_seed(command, path, beside=None):
    """Runs a seed whose answer isn't there yet, or what it writes `beside`, and keeps the answer under `path`: whole, or not at all."""
    if os.path.exists(path) and (beside is None or os.path.exists(beside)):
        return
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)} ended with {done.returncode}")
    json.loads(done.stdout)
    with open(path + ".part", "wb") as f:
        f.write(done.stdout)
    os.replace(path + ".part", path)


def machine():
    model = memory = "unknown"
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), model)
        with open("/proc/meminfo", encoding="ascii") as f:
            memory = f"{int(f.readline().split()[1]) / 1e6:.1f} GB"
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {model}, {memory}, {os.uname().sysname} {os.uname().release}"


def commit():
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True)
    head = git("rev-parse", "--short=12", "HEAD").stdout.strip() or "unknown"
    return head + (" with changes" if git("diff", "--quiet", "HEAD").returncode == 1 else "")


def complain(error):
    print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
    return 1
