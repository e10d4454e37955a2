#!/usr/bin/env python3
# The benchmarks against a real broker still run and print their figures; what the figures are is no matter here.
# Usage: smoke_test.py BUILD_FOLDER
import os
import subprocess
import sys
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
HERE = os.path.dirname(os.path.abspath(__file__))


def run(name, *arguments):
    done = subprocess.run([sys.executable, os.path.join(HERE, name), "--quick", "--build", BUILD, *arguments], capture_output=True,
                          text=True, timeout=200, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Smoke(unittest.TestCase):
    # Goal: each benchmark comes to its end with its figures in it. Method: the small inputs of --quick.
    def test_cluster(self):
        text = run("cluster", "--workers", "1")
        self.assertRegex(text, r"catching up, 1 worker: [\d,]+ events/s .* us of CPU an event")
        self.assertRegex(text, r"steady, 1 worker: 2,000 events/s .* lag [\d,]+ to")

    def test_latency(self):
        self.assertRegex(run("latency"), r"from meant +p50 +[\d.]+ +p99 +[\d.]+ +p99.9 +[\d.]+")

    def test_recovery(self):
        text = run("recovery", "restart", "restore")
        self.assertRegex(text, r"restart +live +[\d.]+ s, action +[\d.]+ s, lag +[\d.]+ s")
        self.assertRegex(text, r"restore +live +[\d.]+ s from an empty disk")

    def test_accounts(self):
        done = subprocess.run([os.path.join(BUILD, "accounts_bench"), "--quick", "--accounts", "20000", "--events", "20000", "--memory-mib", "8"],
                              capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout, r"uniformly cold: \d+ events/s")
        self.assertRegex(done.stdout, r"disk: [\d.]+ GB")


if __name__ == "__main__":
    unittest.main(verbosity=2)
