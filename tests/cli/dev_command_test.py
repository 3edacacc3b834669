#!/usr/bin/env python3
"""`soliton dev` with real processes: it serves, survives, refuses what cannot work, and stops."""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOLITON = pathlib.Path(os.environ.get("SOLITON_BUILD", ROOT / "build")) / "soliton"
DEADLINE_S = 60


def poll(ready, what):
    end = time.monotonic() + DEADLINE_S
    while not (value := ready()):
        if time.monotonic() > end:
            raise AssertionError(f"not in time: {what}")
        select.select([], [], [], 0.02)
    return value


def gone(pid):
    """Ended, though perhaps nobody has reaped it: it is nobody's child here."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def free_port():
    for base in range(24000, 32000, 10):
        try:
            for port in list(range(base, base + 5)) + list(range(base + 100, base + 105)):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="soliton-dev-")
        self.port = free_port()
        self.process = None

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if os.path.exists(os.path.join(self.folder, "data", "dev.properties")):
            for node in self.status():
                if node["pid"]:
                    os.kill(node["pid"], signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self):
        with open(os.path.join(self.folder, "said")) as file:
            return file.read()

    def start(self, *words, ready=True):
        with open(os.path.join(self.folder, "said"), "w") as file:
            self.process = subprocess.Popen(
                [SOLITON, "dev", "--data", "data", "--port", str(self.port), *words], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        if ready:
            poll(lambda: "Ctrl-C stops it" in self.said() or self.process.poll() is not None, "ready")
            self.assertIsNone(self.process.poll(), self.said())

    def soliton(self, *words, stdin="", code=0):
        done = subprocess.run([SOLITON, *words], cwd=self.folder, input=stdin, text=True, timeout=DEADLINE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, SOLITON_BROKERS=f"127.0.0.1:{self.port}"))
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done

    def status(self):
        return json.loads(self.soliton("dev", "status", "--data", "data", "-o", "json").stdout)["nodes"]

    def pid(self, node):
        return self.status()[node - 1]["pid"]

    def test_serves_and_keeps_its_data(self):
        self.start()
        self.assertRegex(self.said(), r"ready in [\d.]+ ms  \(write \+ read round trip on 1 replica: [\d.]+ ms, fsync on")
        self.soliton("produce", "greetings", stdin="hello\n")
        # The topic of the proof is gone, and nothing else was left behind.
        self.assertEqual(self.soliton("topic", "list", "-o", "csv").stdout.count("\n"), 2)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(DEADLINE_S), 0)
        self.assertIn("again with: soliton dev --data data", self.said())
        self.assertEqual([node["state"] for node in self.status()], ["stopped"])
        self.start()
        self.assertEqual(self.soliton("consume", "greetings", "--from", "start", "-e", "-f", "%v\\n").stdout, "hello\n")

    def test_three_nodes_survive(self):
        self.start("--nodes", "3", "--restart-after", "100ms")
        self.soliton("topic", "create", "orders", "-p", "6", "-r", "3")
        before = self.pid(2)
        self.soliton("dev", "kill", "2", "--data", "data")
        poll(lambda: "node 2 serves again" in self.said(), "node 2 again")
        self.assertNotEqual(self.pid(2), before)
        self.assertIn("node 2 killed by signal 9", self.said())
        self.soliton("cluster", "health", "--wait", "60s")
        pause = subprocess.Popen([SOLITON, "dev", "pause", "3", "--for", "1h", "--data", "data"], cwd=self.folder,
                                 stderr=subprocess.DEVNULL)
        poll(lambda: self.status()[2]["state"] == "paused", "paused")
        pause.send_signal(signal.SIGINT)
        self.assertEqual(pause.wait(DEADLINE_S), 130)
        poll(lambda: self.status()[2]["state"] == "running", "goes on")
        self.assertIn("no node 4", self.soliton("dev", "kill", "4", "--data", "data", code=6).stderr)
        self.soliton("dev", "stop", "--data", "data")
        self.assertEqual(self.process.wait(DEADLINE_S), 0)

    def test_leaders_are_killed_again_and_again(self):
        self.start("--nodes", "3")
        self.soliton("topic", "create", "orders", "-p", "6", "-r", "3")
        self.soliton("dev", "stop", "--data", "data")
        self.process.wait()
        self.start("--restart-after", "100ms", "--kill-leader-every", "300ms")
        poll(lambda: len(re.findall(r"serves again", self.said())) >= 3, "three kills")
        self.assertRegex(self.said(), r"killing node \d, leader of [1-6] of 6 partitions")

    def test_the_second_signal_ends_at_once(self):
        self.start("--nodes", "3")
        pids = [node["pid"] for node in self.status()]
        # Frozen in a way that stopping cannot undo, so that there is time for the second signal.
        tracer = subprocess.Popen([sys.executable, "-c", """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
pid = int(sys.argv[1])
if libc.ptrace(PTRACE_SEIZE, pid, None, None) or libc.ptrace(PTRACE_INTERRUPT, pid, None, None): sys.exit(77)
os.waitpid(pid, 0x40000000)
print("held", flush=True)
sys.stdin.read()
""", str(pids[0])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        held = tracer.stdout.readline() == "held\n"
        try:
            self.process.send_signal(signal.SIGINT)
            poll(lambda: "stopping" in self.said(), "stopping")
            if not held:
                self.skipTest("processes may not be traced here")
            self.process.send_signal(signal.SIGINT)
            self.assertEqual(self.process.wait(DEADLINE_S), 130)
        finally:
            tracer.stdin.close()
            tracer.wait()
            tracer.stdout.close()
        for pid in pids:
            poll(lambda: gone(pid), f"process {pid} gone")

    def test_what_a_killed_supervisor_left(self):
        self.start()
        self.process.kill()
        self.process.wait()
        self.start(ready=False)
        self.assertEqual(self.process.wait(DEADLINE_S), 1)
        self.assertRegex(self.said(), r"node 1 still runs, process \d+.*\n.*\n  hint: soliton dev stop --data data")
        self.soliton("dev", "stop", "--data", "data")
        self.start()

    def test_it_runs_once(self):
        self.start()
        twice = self.soliton("dev", "--data", "data", code=1)
        self.assertIn("this cluster runs already", twice.stderr)
        self.assertIn(f"locked by process {self.process.pid}", twice.stderr)
        other = self.soliton("dev", "--data", "other", "--port", str(self.port), code=1)
        self.assertRegex(other.stderr, rf"port {self.port} is held by process {self.pid(1)} \(soliton\)")
        self.assertIn("soliton dev --port", other.stderr)

    def test_another_number_of_nodes(self):
        self.start()
        self.soliton("dev", "stop", "--data", "data")
        self.process.wait()
        self.assertIn("holds a cluster of 1, not of 3", self.soliton("dev", "--data", "data", "-n", "3", code=2).stderr)

    def test_a_node_that_cannot_start(self):
        self.start("--nodes", "3")
        self.soliton("dev", "stop", "--data", "data")
        self.process.wait()
        with open(os.path.join(self.folder, "data", "node-2", "data", "meta.properties"), "w") as file:
            file.write("nothing of ours\n")
        self.start(ready=False)
        self.assertEqual(self.process.wait(DEADLINE_S), 1)
        self.assertRegex(self.said(), r"cause: \S*/node-2/data/meta.properties: line 1 should be key=value")
        self.assertIn("error: node 2 ended with exit code 1", self.said())
        poll(lambda: [node["state"] for node in self.status()] == ["stopped"] * 3, "the others are gone too")


if __name__ == "__main__":
    unittest.main(verbosity=2)
