"""Runs the binary under test; its path is the test's first argument."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SEKISHO = None
SANITIZED = False  # memory and speed say nothing then


class CliTest(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory(prefix="sekisho-cli-")
        self.addCleanup(self._directory.cleanup)
        self.dir = self._directory.name

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def run_sekisho(self, *args, stdin=b"", preexec=None, expect=None):
        done = subprocess.run([SEKISHO, *args], input=stdin, capture_output=True, timeout=300, preexec_fn=preexec)
        if expect is not None:
            self.assertEqual(done.returncode, expect, done.stderr.decode(errors="replace"))
        self.assertNotRegex(done.stderr, rb"[\x00-\x08\x0b-\x1f\x7f]", "control characters on standard error")
        return done

    def json_lines(self, data):
        """Strict: each line must be UTF-8 and JSON, or the test fails."""
        return [json.loads(line) for line in data.decode("utf-8").splitlines()]


def main():
    global SEKISHO, SANITIZED
    SEKISHO = os.path.abspath(sys.argv.pop(1))
    with open(SEKISHO, "rb") as binary:
        content = binary.read()
    SANITIZED = b"__asan_init" in content or b"__tsan_init" in content
    unittest.main()
