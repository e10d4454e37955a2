#!/usr/bin/env python3
# Checks the rules of this repository that a compiler cannot: who may include whom (layers.txt beside this file), clocks and
# randomness, what every file begins with, what must not be left in one.
# Usage: tests/lint/lint.py [ROOT]. Prints one line a finding, "file:line: rule: what"; exit 0 clean, 1 findings, 2 usage.
import os
import re
import sys

SOURCE = (".h", ".cc")
SCRIPTS = ("tests/run", "tests/fuzz", ".ci/run", "bench/run", "bench/cluster", "bench/latency", "bench/recovery", "deploy/quickstart", "deploy/install_packages")
TEXT = SOURCE + (".proto", ".py", ".sh", ".txt", ".md", ".cmake", ".json", ".yaml", ".yml", ".tsv")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r"//.*$")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

WALL_CLOCK = re.compile(r"\b(system_clock|gettimeofday|clock_gettime|RealClock|absl::Now|localtime(_r)?|mktime)\b"
                        r"|\btime\s*\(\s*(nullptr|NULL|0|&)")
OTHER_CLOCK = re.compile(r"\b(steady_clock|high_resolution_clock)\b")
TRUE_RANDOM = re.compile(r"\b(random_device|srand|drand48|getrandom|getentropy|arc4random\w*|randombytes_\w+|absl::BitGen)\b"
                         r"|\brand\s*\(\s*\)")
SEEDED_RANDOM = re.compile(r"\b(mt19937(_64)?|minstd_rand0?|default_random_engine|uniform_int_distribution)\b")
UNPINNED_HASH = re.compile(r"\b(std::hash|absl::Hash|absl::HashOf)\b")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b")
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|NO" r"LINT\w*|DIS" r"ABLED_\w+)\b")
TEST = re.compile(r"_(test|fuzz|bench)\.cc$|_test_util\.(h|cc)$|/testing/|^(tests|bench)/")
MACHINE_PATH = re.compile(r"/wor[k]/|/roo[t]/|/tmp/b[-]|(registry\.npmjs|repo\.maven|proxy\.golang|static\.crates)\.")


class Layers:
    """What layers.txt says."""

    def __init__(self, path):
        self.may, self.may_in_tests, self.homes, self.lists = {}, {}, {}, {}
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            name, colon, rest = line.partition(":")
            if not colon:
                sys.exit(f"{path}:{number}: no colon")
            if name.startswith("home "):
                self.homes[name[5:]] = rest.split()
            elif name.startswith("test "):
                self.may_in_tests[name[5:]] = rest.split()
            elif name in ("clock", "fold"):
                self.lists[name] = rest.split()
            else:
                self.may[name] = rest.split()

    def layer_of(self, path):
        """(the layer's line, the folder it stands for) that holds `path`, or (None, None)."""
        folder = os.path.dirname(path)
        while folder:
            parent = os.path.dirname(folder)
            if parent + "/*" in self.may:
                return parent + "/*", folder
            if folder in self.may:
                return folder, folder
            folder = parent
        return None, None


def within(path, folders):
    return any(path == f or path.startswith(f + "/") for f in folders)


def all_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in (".git", "build", "__pycache__")
                            and not os.path.exists(os.path.join(folder, f, "CMakeCache.txt")))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


class Lint:
    def __init__(self, root):
        self.root = root
        self.layers = Layers(os.path.join(root, "tests/lint/layers.txt"))
        self.findings = []
        self.cmake = {}

    def find(self, path, line, rule, what):
        self.findings.append(f"{path}:{line}: {rule}: {what}")

    def run(self):
        for path in all_files(self.root):
            script = path in SCRIPTS
            if not (path.endswith(TEXT) or script):
                continue
            try:
                with open(os.path.join(self.root, path), encoding="utf-8", newline="\n") as file:
                    lines = file.read().split("\n")
            except UnicodeDecodeError:
                if path.endswith(SOURCE):
                    self.find(path, 1, "text", "not UTF-8")
                continue
            self.check_left_overs(path, lines)
            self.check_first_lines(path, lines, script)
            if path.endswith(SOURCE):
                self.check_includes(path, lines)
                self.check_code(path, lines)
                self.check_listed(path)
            if path.endswith(".h"):
                self.check_guard(path, lines)
            if os.path.basename(path) == "CMakeLists.txt":
                for number, line in enumerate(lines, 1):
                    if re.search(r"file\s*\(\s*GLOB", line):
                        self.find(path, number, "glob", "list the sources: a globbed library hides what belongs to it")
        return self.findings

    def check_left_overs(self, path, lines):
        for number, line in enumerate(lines, 1):
            for pattern, rule in ((LEFT_OVER, "left-over"), (MACHINE_PATH, "machine")):
                match = pattern.search(line)
                if match:
                    self.find(path, number, rule, f"'{match.group(0)}' does not belong in the repository")

    def check_first_lines(self, path, lines, script):
        if path.endswith(SOURCE + (".proto",)):
            # A source that opens with its own header has said it there.
            good = lines[0].startswith("// ") or lines[0] == f'#include "{path[:-3]}.h"'
        elif path.endswith((".py", ".sh")) or script:
            said = lines[1:2] if lines[0].startswith("#!") else lines[:1]
            good = any(line.startswith(("# ", '"""')) for line in said)
        else:
            return
        if not good:
            self.find(path, 1, "first-lines", "does not begin by saying what it is")

    def check_includes(self, path, lines):
        line_of, own = self.layers.layer_of(path)
        if own is None:
            self.find(path, 1, "layer", "no layer of tests/lint/layers.txt holds this folder")
            return
        allowed = self.layers.may[line_of]
        if TEST.search(path):
            allowed = allowed + self.layers.may_in_tests.get(line_of, [])
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(2)
            for prefix, homes in self.layers.homes.items():
                if header.startswith(prefix) and not within(path, homes) and "everything" not in allowed:
                    self.find(path, number, "home", f"{header} may be included in {', '.join(homes)} only")
            if match.group(1) == "<":
                continue
            if "/testing/" in header and not TEST.search(path):
                self.find(path, number, "layer", f"{header} is for tests only")
                continue
            target = "proto" if header.startswith("sekisho/v1/") else header
            if os.path.exists(os.path.join(self.root, os.path.dirname(path), header)) and "/" not in header:
                self.find(path, number, "include", f"{header}: write the path from the root")
                continue
            if not re.match(r"(proto|engine|connectors|tests|bench)(/|$)", target):
                continue
            if "everything" in allowed:
                continue
            _, folder = self.layers.layer_of(target)
            if target == "proto":
                folder = "proto"
            if folder != own and not within(folder or target, allowed):
                self.find(path, number, "layer", f"{own} may not include {header}; it may include "
                          f"{', '.join(allowed) or 'nothing of this project'}")

    def check_code(self, path, lines):
        test = TEST.search(path) is not None
        beside = test and not within(path, ["tests", "bench"])
        clock_home = within(path, self.layers.lists["clock"])
        fold = within(path, self.layers.lists["fold"])
        rules = []
        if not clock_home:
            rules += [(WALL_CLOCK, "clock", "time is data here"), (TRUE_RANDOM, "random", "a run must repeat itself")]
        if not clock_home and not test:
            rules.append((OTHER_CLOCK, "clock", "time is data here"))
        if fold and not test:
            rules += [(SEEDED_RANDOM, "random", "the fold draws no numbers"),
                      (UNPINNED_HASH, "hash", "use the pinned hashes of engine/base/hash.h")]
        if beside:
            rules.append((SLEEP, "sleep", "a unit test does not wait"))
        for number, line in enumerate(lines, 1):
            code = COMMENT.sub("", STRING.sub('""', line))
            for pattern, rule, why in rules:
                match = pattern.search(code)
                if match:
                    self.find(path, number, rule, f"{match.group(0)}: {why}")

    def check_listed(self, path):
        """A source that no CMakeLists.txt names is not built, and so not checked."""
        if not path.endswith(".cc"):
            return
        folder = os.path.dirname(path)
        while True:
            lists = os.path.join(folder, "CMakeLists.txt")
            if lists not in self.cmake:
                full = os.path.join(self.root, lists)
                self.cmake[lists] = open(full, encoding="utf-8").read() if os.path.exists(full) else None
            if self.cmake[lists] is not None:
                name = os.path.relpath(path, folder or ".")
                if not re.search(r"(?<![\w./-])" + re.escape(name) + r"(?![\w./-])", self.cmake[lists]):
                    self.find(path, 1, "listed", f"not named in {lists}")
                return
            if not folder:
                self.find(path, 1, "listed", "no CMakeLists.txt above it")
                return
            folder = os.path.dirname(folder)

    def check_guard(self, path, lines):
        guard = "SEKISHO_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"
        if f"#ifndef {guard}" not in lines or f"#define {guard}" not in lines:
            self.find(path, 1, "guard", f"the include guard is not {guard}")


def main():
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and not os.path.isdir(sys.argv[1])):
        print("usage: lint.py [ROOT]", file=sys.stderr)
        return 2
    root = sys.argv[1] if len(sys.argv) == 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    findings = Lint(os.path.normpath(root)).run()
    for finding in findings:
        print(finding)
    print(f"lint: {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
