"""A cluster of three real nodes (bench/cluster) for the tests of commands. Loopback only."""
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOLITON = pathlib.Path(os.environ.get("SOLITON_BUILD", ROOT / "build")) / "soliton"
DEADLINE_S = 60


def poll(ready, what, deadline_s=DEADLINE_S):
    """Waits until ready() is true; returns what it gave."""
    end = time.monotonic() + deadline_s
    while not (value := ready()):
        if time.monotonic() > end:
            raise AssertionError(f"not in time: {what() if callable(what) else what}")
        select.select([], [], [], 0.05)
    return value


def free_port_base():
    """A base whose ports for three nodes are free, below the range that outgoing connections use."""
    for base in range(23000, 31000, 40):
        sockets = []
        try:
            for port in list(range(base, base + 3)) + list(range(base + 8, base + 11)) + list(range(base + 21, base + 24)):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise RuntimeError("no free ports")


class Cluster:
    def __init__(self, script="bench/cluster", settings=()):
        """settings: "key=value". In a value {node} is each node's number, and {proxy}{node} a port beside the node's
        that is kept free for it."""
        self.dir = tempfile.mkdtemp(prefix="soliton-commands-")
        self.script = ROOT / script
        self.port = free_port_base()
        self.env = dict(os.environ, PORT_BASE=str(self.port), SOLITON_CLUSTER_DIR=self.dir, KAFKA_DIR=self.dir)
        try:
            self.run("up", *[word for each in settings for word in ("--set", each.replace("{proxy}", str(self.port // 10 + 2)))])
        except BaseException:
            self.close()
            raise
        self.bootstrap = self.run("bootstrap")
        self.env["SOLITON_BROKERS"] = self.bootstrap

    def close(self):
        """Fails when a node that was built with a sanitizer reported something."""
        self.run("down")
        reports = [path.read_text(errors="replace") for path in pathlib.Path(self.dir).glob("node-*.log")]
        shutil.rmtree(self.dir, ignore_errors=True)
        for text in reports:
            if "Sanitizer:" in text or "runtime error:" in text:
                raise AssertionError("a node reported: " + text[-8000:])

    def run(self, *words):
        done = subprocess.run([self.script, *words], env=self.env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE_S)
        if done.returncode != 0:
            raise RuntimeError(f"{self.script.name} {words}: {done.stderr}")
        return done.stdout.strip()

    def log(self, node):
        return (pathlib.Path(self.dir) / f"node-{node}.log").read_text(errors="replace")

    def soliton(self, *words, stdin="", code=0, brokers=None):
        """Runs a command; it must end with `code`, unless that is None."""
        env = dict(self.env, SOLITON_BROKERS=brokers) if brokers else self.env
        done = subprocess.run([SOLITON, *map(str, words)], input=stdin, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=2 * DEADLINE_S, env=env)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{words}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *words, code=0, brokers=None):
        return json.loads(self.soliton(*words, "-o", "json", code=code, brokers=brokers).stdout)

    def healthy(self):
        self.soliton("cluster", "health", "--wait", f"{DEADLINE_S}s")


class Running:
    """A command that goes on: what it prints so far, and its end."""

    def __init__(self, cluster, *words):
        self.path = tempfile.mkstemp(prefix="soliton-said-", dir=cluster.dir)[1]
        with open(self.path, "w") as out:
            self.process = subprocess.Popen([SOLITON, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env=cluster.env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self):
        with open(self.path) as file:
            return file.read()

    def objects(self):
        """The lines of JSON that are complete."""
        return [json.loads(line) for line in self.said().splitlines(keepends=True)
                if line.startswith("{") and line.endswith("}\n")]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)
