#!/usr/bin/env python3
"""Runs the commands of README.md as printed and compares what they print with what the README shows.

Every ```console block is read: "$ command" lines, each followed by the output shown. Digits are compared as digits of
any value, "..." stands for any rest of a line, and a line "..." for any lines. Commands of one file run in one shell,
so `cd` and `export` hold. Output on stderr counts too.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Not run here: cloning, and the two that would run this test again or take minutes; both are run elsewhere
# (./dev test is what runs this test, ./dev demo is the test interop.demo).
NOT_RUN = ("git clone", "./dev demo", "./dev test")


def commands(text):
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        command, shown = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, shown
                command, shown = line[2:], []
            else:
                shown.append(line)
        if command is not None:
            yield command, shown


def pattern(shown):
    out = []
    for line in shown:
        parts = [re.sub(r"\d+", r"\\d+", re.escape(part)) for part in line.split("...")]
        out.append(".*".join(parts))
    return re.compile("\n".join(out) + "\n?", re.S)


def port_base():
    for base in range(23000, 31000, 20):
        try:
            for port in (base, base + 1, base + 2, base + 8):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


def main():
    readme = (ROOT / "README.md").read_text()
    lines = readme.count("\n")
    failures = []
    if lines > 200:
        failures.append(f"README.md has {lines} lines, at most 200")
    folder = tempfile.mkdtemp(prefix="soliton-readme-")
    # The cluster of the README lives where `./dev cluster` puts it by default; --dir keeps this test apart.
    environment = dict(os.environ, PORT_BASE=str(port_base()), SOLITON_CLUSTER_DIR=folder + "/cluster")
    marker = "@@soliton-readme@@"
    shell = subprocess.Popen(["bash"], cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run = 0
    try:
        for command, shown in commands(readme):
            if command.startswith(NOT_RUN):
                continue
            shell.stdin.write(f"{command}\necho; echo {marker} $?\n")
            shell.stdin.flush()
            printed = ""
            for line in shell.stdout:
                if line.startswith(marker):
                    break
                printed += line
            code = line.split()[-1]
            printed = printed[:-1]  # the newline before the marker
            run += 1
            print(f"$ {command}\n{printed}", end="", flush=True)
            if code != "0":
                failures.append(f"$ {command}\nexit code {code}, printed:\n{printed}")
            elif shown and not pattern(shown).fullmatch(printed):
                failures.append(f"$ {command}\nprinted:\n{printed}\nREADME shows:\n" + "\n".join(shown))
    finally:
        subprocess.run([ROOT / "bench" / "cluster", "down"], env=environment, check=False)
        shell.stdin.close()
        shell.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
    if run == 0:
        failures.append("README.md has no command to run")
    for failure in failures:
        print("FAILED", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
