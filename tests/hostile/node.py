"""One controller and one broker as real processes, and what the tests ask of them. Loopback only."""
import os
import pathlib
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOLITON = pathlib.Path(os.environ.get("SOLITON_BUILD", ROOT / "build")) / "soliton"
DEADLINE_S = 60


def poll(ready, what, deadline_s=DEADLINE_S):
    """Waits until ready() is true; returns what it gave."""
    end = time.monotonic() + deadline_s
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not in time: {what}")
        select.select([], [], [], 0.05)


class Process:
    def __init__(self, directory, role, node_id, settings, preexec=None):
        self.log_path = os.path.join(directory, f"{role}-{node_id}.log")
        self.begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        words = [str(SOLITON), role, "--set", f"node.id={node_id}"]
        for key, value in settings.items():
            words += ["--set", f"{key}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=preexec)
        self.port = int(poll(self._port, f"{role} {node_id} ready:\n{self.log()}"))

    def _port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.log()}")
        found = re.search(r"ready in .*listening on [^,\s]*:(\d+)", self.log())
        return found and found.group(1)

    def log(self):
        with open(self.log_path, "rb") as file:
            file.seek(self.begin)
            return file.read().decode(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024

    def sockets(self):
        folder = f"/proc/{self.process.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(os.path.join(folder, name)).startswith("socket:")
            except FileNotFoundError:  # closed meanwhile
                pass
        return count

    def kill(self):
        if self.alive():
            self.process.kill()
        self.process.wait()


class Node:
    """settings are the broker's."""

    def __init__(self, settings=None, data=None):
        self.directory = tempfile.mkdtemp(prefix="soliton-hostile-")
        self.controller = self.broker = None
        self.data = data or os.path.join(self.directory, "broker")
        self.settings = settings or {}
        try:
            self.controller = Process(self.directory, "controller", 100, {
                "listeners": "CONTROLLER://127.0.0.1:0",
                "log.dirs": os.path.join(self.directory, "controller")})
            self.start_broker()
        except BaseException:
            self.close()
            raise

    def start_broker(self):
        self.broker = Process(self.directory, "broker", 1, {
            "listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": self.data, "shards": 2,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller.port}",
            **self.settings})

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.broker.port}"

    def close(self):
        for process in (self.broker, self.controller):
            if process:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self):
        peer = socket.create_connection(("127.0.0.1", self.broker.port), timeout=DEADLINE_S)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def soliton(self, *words, stdin=b"", check=True):
        done = subprocess.run([str(SOLITON), *words, "--brokers", self.bootstrap], input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
        return done

    def kcat(self, *words, stdin=b"", check=True):
        done = subprocess.run(["kcat", "-b", self.bootstrap, *words], input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
        if check and done.returncode != 0:
            raise AssertionError(f"kcat {words}: exit {done.returncode}: {done.stderr.decode()}")
        return done


def frame(body):
    return struct.pack(">i", len(body)) + body


def header(api_key, version, correlation_id=7, client_id=b"hostile"):
    return struct.pack(">hhih", api_key, version, correlation_id, len(client_id)) + client_id


def api_versions():
    return frame(header(18, 0))


def metadata_of_all():
    return frame(header(3, 1) + struct.pack(">i", -1))


def read_frame(peer):
    """The next whole frame, b"" when the peer has closed."""
    def exactly(count):
        data = b""
        while len(data) < count:
            try:
                part = peer.recv(count - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                return b""
            data += part
        return data
    length = exactly(4)
    return length and exactly(struct.unpack(">i", length)[0])
