#!/usr/bin/python3
"""Runs the system tests: each in a process of its own, with a limit on its time. Needs root.

Usage: run.py [--build DIR] [--results FILE] [--only PATTERN] [--full] [--list]

Prints "ok   NAME" or "FAIL NAME" for each test, and the output of those that failed. --results also writes these lines to a
file, for tests/run to count.
"""
import argparse
import fnmatch
import glob
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import toynettest

GRACE = 15  # seconds that a test which is out of time gets for cleaning up


def load_tests():
    """Every @test of every test_*.py here, in the order of files and lines; the names begin with the file's."""
    folder = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(folder, "test_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    return {f"{t.__module__.removeprefix('test_')}/{t.__name__}": t for t in toynettest.TESTS}


def sweep(prefix):
    """Removes the namespaces, and the processes in them, that a test left behind; returns how many there were."""
    names = [n for n in os.listdir("/run/netns") if n.startswith(prefix)] if os.path.isdir("/run/netns") else []
    for name in names:
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return len(names)


def run_in_child(function, log):
    """In the child: the test, with its output in log. Exits with 0 when it passed."""
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    code = 1

    def stop(*_):
        raise toynettest.Failure("out of time")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    toynettest.die_with_parent()
    try:
        function()
        code = 0
    except toynettest.Failure as failure:
        print(f"{failure}")
        line = traceback.extract_tb(failure.__traceback__)
        print("".join(traceback.format_list(line[-4:])))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run_test(name, function):
    """Returns None when the test passed, else its output."""
    prefix = f"tnt{os.getpid()}-"
    os.environ["TOYNET_TEST_PREFIX"] = prefix
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            run_in_child(function, log)
        status = None
        try:
            status = wait_for(pid, function.seconds)
            if status is None:
                os.kill(pid, signal.SIGTERM)
                status = wait_for(pid, GRACE)
        finally:
            if status is None:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            left = sweep(prefix)
        if status == 0 and left == 0:
            return None
        log.seek(0)
        text = log.read()
        if status is None:
            text += f"did not end within {function.seconds} + {GRACE} s\n"
        elif status == 0:
            text += f"left {left} namespaces behind\n"
        elif not text:
            text = f"ended with wait status {status}\n"
        return text


def wait_for(pid, seconds):
    """The wait status of the child, None when it still runs after so many seconds."""
    end = time.monotonic() + seconds
    pause = 0.005
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return None


def main():
    parser = argparse.ArgumentParser(description="runs the system tests of toynet")
    parser.add_argument("--build", default=toynettest.BUILD, help="folder with the builds debug and release")
    parser.add_argument("--results", help="file for the ok and FAIL lines")
    parser.add_argument("--only", default="*", help="glob for names, such as 'life/*'")
    parser.add_argument("--full", action="store_true", help="the long variants")
    parser.add_argument("--list", action="store_true", help="print the names")
    args = parser.parse_args()
    os.umask(0o022)  # whatever it was: the tests hand files to other users
    toynettest.BUILD = os.path.abspath(args.build)
    toynettest.FULL = args.full
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = {n: t for n, t in load_tests().items() if fnmatch.fnmatch(n, args.only)}
    if args.list:
        print("\n".join(chosen))
        return 0
    results = open(args.results, "a") if args.results else None
    failed = 0
    for name, function in chosen.items():
        began = time.monotonic()
        output = run_test(name, function)
        failed += output is not None
        line = f"{'ok  ' if output is None else 'FAIL'} system/{name} ({time.monotonic() - began:.1f} s)"
        print(line, flush=True)
        if output is not None:
            print("".join(f"     | {text}\n" for text in output.rstrip().splitlines()[-60:]), end="", flush=True)
        if results:
            print(line, file=results, flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
