#!/usr/bin/env python3
"""`soliton bench failover` on real processes: every fault once, and the chart on a terminal. Each run checks by itself
that nothing that was acknowledged is lost, duplicated or out of order (else exit code 8); how long it took is not
judged here."""
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import unittest

from processes import ROOT, SOLITON, Cluster, poll

SHORT = ["--rate", "1000", "--warm-up", "200ms", "--fault-at", "500ms", "--settle", "200ms", "--runs", "1"]


class WithCluster(unittest.TestCase):
    settings = []

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(settings=cls.settings)
        cls.addClassCleanup(cls.cluster.close)

    def run_with(self, *words, brokers=None):
        """The figures of one run."""
        path = pathlib.Path(self.cluster.dir) / "figures.json"
        done = self.cluster.soliton("bench", "failover", *SHORT, *words, "--json", path, brokers=brokers)
        [run] = json.loads(path.read_text())["runs"]
        self.assertTrue(run["ok"], done.stdout)
        verdict = run["verdict"]
        self.assertGreater(verdict["acked"], 0)
        self.assertEqual(verdict["acked"], verdict["sent"])
        self.assertEqual((verdict["failed"], verdict["lost"], verdict["duplicated"], verdict["out_of_order"]), (0, 0, 0, 0))
        self.assertGreaterEqual(verdict["read"], verdict["acked"])
        return run

    def told(self, run, word):
        events = [event["text"] for event in run["events"]]
        self.assertTrue(any(word in text for text in events), events)


class Faults(WithCluster):
    def setUp(self):
        self.cluster.healthy()

    def break_one(self, fault, *words):
        run = self.run_with("--fault", fault, "--cluster", f"{ROOT}/bench/cluster", *words)
        self.assertIsNotNone(run["fault_at_us"])
        self.assertIsNotNone(run["rejoined_after_us"])
        self.assertTrue(all(outage["ended"] for outage in run["outages"]))
        return run

    def test_killed_leader(self):
        run = self.break_one("kill-leader")
        self.assertFalse(run["victim_led_quorum"])
        self.assertEqual(len([o for o in run["outages"] if o["led_by_victim"]]), run["led_by_victim"])
        self.assertTrue(all(o["parts"] for o in run["outages"] if o["led_by_victim"]))
        self.told(run, "SIGKILL")

    def test_killed_leader_with_librdkafka(self):
        self.break_one("kill-leader", "--driver", "librdkafka")

    def test_terminated_leader(self):
        self.told(self.break_one("term-leader"), "SIGTERM")

    def test_stopped_leader(self):
        run = self.break_one("stop-leader")
        self.told(run, "SIGSTOP")
        self.told(run, "SIGCONT")

    def test_killed_leader_and_controller(self):
        run = self.break_one("kill-leader-controller")
        self.assertTrue(run["victim_led_quorum"])
        self.assertGreater(run["led_by_victim"], 0)
        self.assertIsNotNone(run["quorum_elected_after_us"])

    def test_killed_controller_that_leads_nothing(self):
        controller = int(self.cluster.run("controller"))
        self.cluster.soliton("topic", "create", "elsewhere", "-p", "6", "-r", "3")
        self.cluster.soliton("cluster", "drain", controller)
        run = self.break_one("kill-controller", "--topic", "elsewhere")
        self.assertEqual((run["victim"], run["victim_led_quorum"], run["led_by_victim"]), (controller, True, 0))
        self.assertIsNotNone(run["quorum_elected_after_us"])
        self.assertNotEqual(int(self.cluster.run("controller")), controller)
        self.cluster.soliton("topic", "delete", "elsewhere", "--yes")

    def test_moved_leader(self):
        run = self.run_with("--fault", "move-leader")
        self.assertGreater(run["led_by_victim"], 0)
        self.assertTrue(all(outage["ended"] for outage in run["outages"]))

    def test_rolling_restart(self):
        before = {line.split()[0]: line.split()[1] for line in self.cluster.run("pids").splitlines()}
        last = self.cluster.run("controller")
        run = self.run_with("--fault", "rolling-restart", "--cluster", f"{ROOT}/bench/cluster")
        after = {line.split()[0]: line.split()[1] for line in self.cluster.run("pids").splitlines()}
        self.assertEqual(sorted(after), ["1", "2", "3"])
        for node in after:
            self.assertNotEqual(after[node], before[node], f"node {node} is the same process")
        stopped = [event["text"] for event in run["events"] if "SIGTERM" in event["text"]]
        self.assertEqual(len(stopped), 3, run["events"])
        self.assertIn(f"node {last}", stopped[-1], "who leads the quorum comes last")

    def test_a_foreign_cluster(self):
        """Only commands know where its nodes are."""
        script = f"{ROOT}/bench/cluster"
        run = self.run_with("--fault-cmd", f"test {{host}} = 127.0.0.1 && test {{port}} -gt 0 && {script} kill {{node}}",
                            "--recover-cmd", f"{script} start {{node}}")
        self.assertGreater(run["led_by_victim"], 0)
        self.assertIsNotNone(run["rejoined_after_us"])
        failed = self.cluster.soliton("bench", "failover", *SHORT, "--fault-cmd", "exit 3", code=None)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("exit 3", failed.stderr)


class CutLink(WithCluster):
    """Clients reach the nodes through the tool."""
    settings = ["advertised.listeners=PLAINTEXT://127.0.0.1:{proxy}{node}", "replica.lag.time.max.ms=1000"]

    def test_cut_link(self):
        port, proxies, brokers = self.cluster.port, [], []
        for node in (1, 2, 3):
            advertised = f"127.0.0.1:{port + 20 + node}"
            brokers.append(advertised)
            proxies += ["--proxy", f"{node}={advertised}=127.0.0.1:{port + node - 1}"]
        run = self.run_with("--fault", "cut-link", *proxies, brokers=",".join(brokers))
        self.assertGreater(run["led_by_victim"], 0)
        self.assertIsNotNone(run["mended_at_us"])
        self.assertTrue(all(outage["ended"] for outage in run["outages"]))
        refused = self.cluster.soliton("bench", "failover", "--fault", "cut-link", code=2).stderr
        self.assertIn("needs the tool between the nodes", refused)


class Terminal(WithCluster):
    COLUMNS = 80

    def on_terminal(self, *words, until, signals=()):
        """Runs on a terminal of 80 columns until `until` was seen, sends the signals; gives what was drawn, the exit
        code, and the terminal's settings before and after."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.COLUMNS, 0, 0))
        before = termios.tcgetattr(theirs)
        process = subprocess.Popen([SOLITON, "bench", "failover", *words], stdin=theirs, stdout=subprocess.DEVNULL,
                                   stderr=theirs, env=dict(self.cluster.env, TERM="xterm"))
        os.set_blocking(ours, False)
        drawn = bytearray()

        def read():
            try:
                while part := os.read(ours, 65536):
                    drawn.extend(part)
            except (BlockingIOError, OSError):
                pass
            return drawn.decode(errors="replace")
        try:
            poll(lambda: re.search(until, read()) or process.poll() is not None, lambda: f"{until} in {read()}")
            for each in signals:
                process.send_signal(each)
            poll(lambda: read() is not None and process.poll() is not None, "end")
            read()
            return drawn.decode(), process.returncode, before, termios.tcgetattr(theirs)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(ours)
            os.close(theirs)

    def screen(self, drawn):
        """What is to be seen at the end, line by line; fails where a line of the chart was wrapped."""
        lines, row = [""], 0
        for token in re.findall(r"\x1b\[\d*A|\x1b\[2K|\x1b\[[\d;]*m|\x1b\[\?\d+[hl]|\r?\n|[^\x1b\r\n]+|.", drawn):
            if token.endswith("\n"):
                row += 1
                if row == len(lines):
                    lines.append("")
            elif token.endswith("A") and token.startswith("\x1b"):
                row -= int(token[2:-1] or 1)
            elif token == "\x1b[2K":
                lines[row] = ""
            elif token.startswith("\x1b"):
                self.assertTrue(token.endswith("m"), f"what is {token!r}?")
            else:
                lines[row] += token
                if re.match(r"acked/s|worst ms|run \d+/", lines[row]):
                    self.assertLess(len(lines[row]), self.COLUMNS, "it would wrap")
        return [line for line in lines if line]

    def charts(self, lines):
        return [i for i, line in enumerate(lines) if line.startswith("acked/s")]

    def test_the_chart_and_its_end(self):
        drawn, code, before, after = self.on_terminal("--fault", "kill-leader", "--cluster", f"{ROOT}/bench/cluster", *SHORT,
                                                      until=r"reading back")
        self.assertEqual(code, 0, drawn)
        self.assertGreater(drawn.count("acked/s"), 5, "it is redrawn")
        lines = self.screen(drawn)
        [at] = self.charts(lines)
        self.assertRegex(lines[at + 1], "^worst ms ")
        self.assertRegex(lines[at + 2], r"^run 1/1 +[\d.]+ s  sent ")
        self.assertTrue(any("SIGKILL" in line for line in lines[:at]), lines)
        self.assertEqual(before, after)

    def test_interrupted(self):
        drawn, code, before, after = self.on_terminal("--rate", "1000", "--time", "60s", "--runs", "3", until=r"acked/s[^\n]*█",
                                                      signals=[signal.SIGINT])
        self.assertEqual(code, 130, drawn)
        # The last chart stays whole, the cursor is below it, and colours are off.
        lines = self.screen(drawn)
        [at] = self.charts(lines)
        self.assertRegex(lines[at + 2], r"^run 1/3 ")
        self.assertTrue(drawn.endswith("\n"))
        colours = re.findall(r"\x1b\[([\d;]*)m", drawn)
        self.assertEqual(colours[-1] if colours else "0", "0")
        self.assertEqual(before, after)


if __name__ == "__main__":
    unittest.main(verbosity=2)
