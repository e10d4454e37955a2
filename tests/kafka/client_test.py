#!/usr/bin/env python3
# Starts a broker for kafka_client_test, and runs it. Usage: client_test.py KAFKA_CLIENT_TEST [its own arguments]
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Cluster  # noqa: E402

with Cluster() as kafka:
    sys.exit(subprocess.run([os.path.abspath(sys.argv[1]), kafka.bootstrap, *sys.argv[2:]], stdin=subprocess.DEVNULL).returncode)
