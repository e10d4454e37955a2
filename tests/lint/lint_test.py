#!/usr/bin/env python3
# Goal: each rule of lint.py catches what it is for, and nothing is found in the repository as it is. Method: a copy of the
# repository's sources is broken on purpose, one rule at a time, and the finding's file and rule are compared.
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))


def lint(root):
    done = subprocess.run([sys.executable, os.path.join(HERE, "lint.py"), root], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


class LintTest(unittest.TestCase):
    def setUp(self):
        self.root = os.path.join(tempfile.mkdtemp(prefix="sekisho_lint_"), "copy")
        ignore = shutil.ignore_patterns(".git", "build", "*.mmdb")
        for folder in ("cmake", "connectors", "deploy", "engine", "proto", "tests"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder), ignore=ignore)

    def tearDown(self):
        shutil.rmtree(os.path.dirname(self.root))

    def put(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def append(self, path, text):
        with open(os.path.join(self.root, path), "a", encoding="utf-8") as file:
            file.write(text)

    def expect(self, path, rule, says=""):
        code, out = lint(self.root)
        self.assertEqual(code, 1, out)
        found = [line for line in out.splitlines() if line.startswith(path + ":") and f": {rule}: " in line and says in line]
        self.assertTrue(found, f"wanted {path} {rule}, got:\n{out}")
        self.assertEqual(len(out.splitlines()), len(found), f"more than the one fault was found:\n{out}")

    def test_repository_is_clean(self):
        code, out = lint(ROOT)
        self.assertEqual((code, out), (0, ""))
        self.assertEqual(lint(self.root), (0, ""))

    def test_arrow_upwards(self):
        self.append("engine/base/ip.h", '#include "engine/model/event.h"\n')
        self.expect("engine/base/ip.h", "layer", "engine/base may not include engine/model/event.h")

    def test_arrow_sideways(self):
        self.append("engine/geo/geo.cc", '#include "engine/model/event.h"\n')
        self.expect("engine/geo/geo.cc", "layer")

    def test_arrow_between_connectors(self):
        for system in ("one", "two"):
            self.put(f"connectors/ingest/{system}/a.h",
                     f"// A.\n#ifndef SEKISHO_CONNECTORS_INGEST_{system.upper()}_A_H_\n"
                     f"#define SEKISHO_CONNECTORS_INGEST_{system.upper()}_A_H_\n#endif\n")
        self.append("connectors/ingest/one/a.h", '#include "connectors/ingest/two/a.h"\n')
        self.expect("connectors/ingest/one/a.h", "layer")

    def test_fakes_are_for_tests(self):
        self.append("engine/geo/geo.cc", '#include "engine/geo/testing/mmdb_writer.h"\n')
        self.expect("engine/geo/geo.cc", "layer", "for tests only")

    def test_model_must_not_know_protobuf(self):
        self.append("engine/model/action.h", '#include "sekisho/v1/action.pb.h"\n')
        code, out = lint(self.root)
        self.assertEqual(code, 1)
        self.assertIn("engine/model/action.h", out)
        self.assertIn(": home: ", out)
        self.assertIn(": layer: ", out)

    def test_folder_without_a_layer(self):
        self.put("engine/novel/a.cc", "// A.\n")
        self.put("engine/novel/CMakeLists.txt", "sekisho_library(x SRCS a.cc)\n")
        self.expect("engine/novel/a.cc", "layer", "no layer")

    def test_dependency_away_from_home(self):
        self.append("engine/model/action.cc", "#include <rocksdb/db.h>\n")
        self.expect("engine/model/action.cc", "home", "engine/state")
        self.setUp()
        self.append("engine/wire/event_codec.cc", "#include <maxminddb.h>\n")
        self.expect("engine/wire/event_codec.cc", "home", "engine/geo")

    def test_clock(self):
        self.append("engine/model/action.cc", "auto t = std::chrono::system_clock::now();\n")
        self.expect("engine/model/action.cc", "clock")

    def test_clock_in_a_comment_or_string_is_none(self):
        self.append("engine/model/action.cc", '// system_clock\nconst char* s = "system_clock";\n')
        self.assertEqual(lint(self.root)[0], 0)

    def test_randomness(self):
        self.append("engine/wire/event_codec.cc", "std::random_device d;\n")
        self.expect("engine/wire/event_codec.cc", "random")

    def test_seeded_randomness_in_the_fold(self):
        self.append("engine/model/action.cc", "std::mt19937 r(1);\n")
        self.expect("engine/model/action.cc", "random")

    def test_hash_that_differs_between_processes(self):
        self.append("engine/model/action.cc", "auto h = std::hash<int>{}(1);\n")
        self.expect("engine/model/action.cc", "hash")

    def test_sleeping_unit_test(self):
        self.append("engine/geo/geo_test.cc", "void f() { std::this_thread::sleep_for(x); }\n")
        self.expect("engine/geo/geo_test.cc", "sleep")

    def test_left_overs(self):
        self.append("engine/geo/geo.cc", "// TO" + "DO: later\n")
        self.expect("engine/geo/geo.cc", "left-over")

    def test_machine_path(self):
        self.append("deploy/geo/README.md", "see /wor" + "k/x\n")
        self.expect("deploy/geo/README.md", "machine")

    def test_first_lines(self):
        self.put("engine/geo/testing/a.h", "#ifndef SEKISHO_ENGINE_GEO_TESTING_A_H_\n#define SEKISHO_ENGINE_GEO_TESTING_A_H_\n#endif\n")
        self.expect("engine/geo/testing/a.h", "first-lines")

    def test_guard(self):
        self.put("engine/geo/a.h", "// A.\n#pragma once\n")
        self.expect("engine/geo/a.h", "guard")

    def test_unlisted_source(self):
        self.put("engine/geo/extra.cc", "// Extra.\n")
        self.expect("engine/geo/extra.cc", "listed")

    def test_glob(self):
        self.append("engine/geo/CMakeLists.txt", "file(GLOB x *.cc)\n")
        self.expect("engine/geo/CMakeLists.txt", "glob")

    def test_include_relative_to_the_file(self):
        self.append("engine/geo/geo.cc", '#include "mmdb_check.h"\n')
        self.expect("engine/geo/geo.cc", "include")


if __name__ == "__main__":
    unittest.main()
