#!/usr/bin/env python3
# Installs the build into an empty prefix and looks at it as an operator would: programs start, examples are right, units are.
# Usage: install_test.py CMAKE BUILD_FOLDER [--engine]. With --engine, the build has "sekisho engine".
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD = sys.argv.pop(1), os.path.abspath(sys.argv.pop(1))
ENGINE = "--engine" in sys.argv
if ENGINE:
    sys.argv.remove("--engine")
# Of 10 for a daemon without any protection; below 2 systemd calls it "OK" and the rest is what a network client can't do without.
EXPOSURE_MAX = 15  # tenths
UNITS = ("sekisho-connect.service", "sekisho-engine.service")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **more)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sekisho-install-")
        cls.prefix = os.path.join(cls.folder, "usr")
        done = run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        if done.returncode != 0:
            shutil.rmtree(cls.folder)
            raise AssertionError(done.stdout + done.stderr)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.prefix, name)

    # Goal: everything is where Debian's hierarchy wants it.
    def test_places(self):
        for name in ("bin/sekisho", "bin/sekisho-connect", "lib/sysusers.d/sekisho.conf", "share/sekisho/country.mmdb",
                     "share/sekisho/topics.yaml", "share/sekisho/policy.yaml", "share/sekisho/examples/connect.yaml",
                     "share/sekisho/examples/engine.yaml", *("lib/systemd/system/" + unit for unit in UNITS)):
            self.assertTrue(os.path.isfile(self.path(name)), name)

    # Goal: the installed programs run, find what came with them, and find the examples right.
    def test_programs_and_examples(self):
        daemons = [([self.path("bin/sekisho-connect")], "connect.yaml")]
        if ENGINE:
            daemons.append(([self.path("bin/sekisho"), "engine"], "engine.yaml"))
        for command, example in daemons:
            done = run(*command, "--help")
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("--config", done.stdout)
            done = run(*command, "--config", self.path("share/sekisho/examples/" + example), "--check")
            self.assertEqual(done.returncode, 0, done)
            # A key that isn't there is refused: the check reads the file.
            wrong = os.path.join(self.folder, example)
            shutil.copyfile(self.path("share/sekisho/examples/" + example), wrong)
            with open(wrong, "a", encoding="utf-8") as file:
                file.write("nmae: x\n")
            done = run(*command, "--config", wrong, "--check")
            self.assertEqual(done.returncode, 2, done)
            self.assertRegex(done.stderr, re.escape(example) + r":\d+:1: nmae: unknown key")
        done = run(self.path("bin/sekisho"), "policy", "check", self.path("share/sekisho/policy.yaml"))
        self.assertEqual(done.returncode, 0, done)

    # Goal: what an example shows as commented out is right too, once it is taken out of its comment.
    # Method: every line "# key: value" becomes one of the file; files that it names are made.
    def test_commented_out_keys(self):
        daemons = [([self.path("bin/sekisho-connect")], "connect.yaml")]
        if ENGINE:
            daemons.append(([self.path("bin/sekisho"), "engine"], "engine.yaml"))
        for command, example in daemons:
            secret = os.path.join(self.folder, "secret")
            with open(secret, "w", encoding="ascii") as file:
                file.write("0123456789abcdef0123456789abcdef\n")
            with open(self.path("share/sekisho/examples/" + example), encoding="utf-8") as file:
                text = re.sub(r"^( *)# ([a-z_.]+: )", r"\1\2", file.read(), flags=re.M)
            text = re.sub(r"/etc/sekisho/[a-z0-9]+\.key", secret, text)
            text = re.sub(r"^ *(ssl\.ca\.location|geo|asn): .*\n", "", text, flags=re.M)
            text = text.replace("/etc/sekisho/policy.yaml", self.path("share/sekisho/policy.yaml"))
            whole = os.path.join(self.folder, "whole-" + example)
            with open(whole, "w", encoding="utf-8") as file:
                file.write(text)
            done = run(*command, "--config", whole, "--check")
            self.assertEqual(done.returncode, 0, f"{done}\n{text}")

    # Goal: systemd takes the units without a word, they name this installation, and they are shut off from the system.
    def test_units(self):
        for unit in UNITS:
            path = self.path("lib/systemd/system/" + unit)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertIn(f"ExecStart={self.prefix}/bin/sekisho", text)
            self.assertNotRegex(text, r"@[A-Z]+@")
            done = run("systemd-analyze", "verify", path)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), done)
            done = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", path)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        done = run("systemd-sysusers", "--dry-run", self.path("lib/sysusers.d/sekisho.conf"))
        self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    unittest.main(verbosity=2)
