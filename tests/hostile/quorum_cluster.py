"""Three controllers and three brokers, combined or apart, as real processes; and whatever else is started beside them."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from node import DEADLINE_S, SOLITON, poll

PORTS = iter(range(26000, 32000))


def free_ports(count):
    """Below those that the system gives to connections, so that none of them takes one meanwhile."""
    found = []
    while len(found) < count:
        port = next(PORTS)
        try:
            with socket.socket() as each:
                each.bind(("127.0.0.1", port))
            found.append(port)
        except OSError:
            continue
    return found


class Member:
    """One process, started by its settings and told apart by its name."""

    def __init__(self, cluster, name, role, settings):
        self.log_path = os.path.join(cluster.directory, name + ".log")
        self.role, self.settings = role, settings
        self.process = None

    def start(self, **changes):
        words = [str(SOLITON), self.role]
        for key, value in {**self.settings, **{k.replace("_", "."): v for k, v in changes.items()}}.items():
            words += ["--set", f"{key}={value}"]
        self.begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def log(self):
        with open(self.log_path, "rb") as file:
            file.seek(self.begin)
            return file.read().decode(errors="replace")

    def says(self, pattern):
        try:
            return poll(lambda: re.search(pattern, self.log()), pattern)
        except AssertionError as late:
            raise AssertionError(f"{late}, in:\n{self.log()}") from None

    def ready(self):
        self.says(r" ready in ")

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(DEADLINE_S) if self.process else None


class Cluster:
    def __init__(self, separate=False):
        self.directory = tempfile.mkdtemp(prefix="soliton-quorum-")
        self.kafka, self.control = free_ports(3), free_ports(3)
        first = 101 if separate else 1
        self.voters = ",".join(f"{first + i}@127.0.0.1:{self.control[i]}" for i in range(3))
        common = {"min.insync.replicas": 2, "default.replication.factor": 3, "shards": 1}
        self.nodes, self.controllers = [], []
        for i in range(3):
            if separate:
                self.controllers.append(Member(self, f"controller-{i}", "controller", {
                    "node.id": first + i, "process.roles": "controller",
                    "listeners": f"CONTROLLER://127.0.0.1:{self.control[i]}",
                    "controller.quorum.voters": self.voters, "log.dirs": self.data(f"controller-{i}")}))
                role = {"process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{self.kafka[i]}",
                        "controller.quorum.bootstrap.servers":
                            ",".join(f"127.0.0.1:{port}" for port in self.control)}
            else:
                role = {"process.roles": "broker,controller", "controller.quorum.voters": self.voters,
                        "listeners": f"PLAINTEXT://127.0.0.1:{self.kafka[i]},"
                                     f"CONTROLLER://127.0.0.1:{self.control[i]}"}
            self.nodes.append(Member(self, f"node-{i}", "broker", {
                "node.id": 1 + i, "log.dirs": self.data(f"node-{i}"), **common, **role}))
        self.others = []

    def data(self, name):
        return os.path.join(self.directory, name)

    def other(self, name, settings):
        self.others.append(Member(self, name, "broker", settings))
        return self.others[-1]

    def more_controllers(self, node_id):
        """One more, that knows the first voters."""
        port = free_ports(1)[0]
        self.controllers.append(Member(self, f"controller-{node_id}", "controller", {
            "node.id": node_id, "process.roles": "controller", "listeners": f"CONTROLLER://127.0.0.1:{port}",
            "controller.quorum.voters": self.voters, "log.dirs": self.data(f"controller-{node_id}")}))
        return self.controllers[-1]

    def start(self):
        for member in self.controllers + self.nodes:
            member.start()
        for member in self.controllers + self.nodes:
            member.ready()
        return self

    def ask(self, *words, stdin=""):
        return subprocess.run([str(SOLITON), *words], input=stdin, text=True, timeout=DEADLINE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, SOLITON_BROKERS=",".join(f"127.0.0.1:{p}" for p in self.kafka)))

    def soliton(self, *words, stdin="", code=0):
        done = self.ask(*words, stdin=stdin)
        if done.returncode != code:
            raise AssertionError(f"{words}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done

    def create_topic(self, name, partitions, by=0, replicas=3):
        """Again when the controller moved meanwhile and nobody can say whether it was created."""
        def created():
            done = subprocess.run([str(SOLITON), "topic", "create", name, "-p", str(partitions), "-r", str(replicas), "-b",
                                   f"127.0.0.1:{self.kafka[by]}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, timeout=DEADLINE_S)
            return done.returncode == 0 or "TOPIC_ALREADY_EXISTS" in done.stderr
        poll(created, f"topic {name}")

    def healthy(self):
        self.soliton("cluster", "health", "--wait", f"{DEADLINE_S - 5}s")

    def close(self):
        for member in self.nodes + self.controllers + self.others:
            member.end(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
