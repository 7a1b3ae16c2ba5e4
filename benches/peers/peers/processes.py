"""Starts programs, each in a process group of its own, and stops every one of them again, after Ctrl-C too."""

import atexit
import os
import re
import signal
import subprocess
import time

# Everything that runs; what the `with` blocks leave behind is stopped at the end.
RUNNING = set()


class Trouble(Exception):
    """Why a figure could not be measured, in words for the report."""


def stop_on_signals():
    """SIGTERM and SIGHUP end the program as Ctrl-C does, through every `with` block."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


@atexit.register
def stop_all():
    for process in list(RUNNING):
        process.stop(grace=5)


class Process:
    """A program that runs until the `with` block is left. Its output goes to a file."""

    def __init__(self, name, command, *, log, cpu=None, user=None, env=None, stop_with=signal.SIGTERM):
        self.name = name
        self.log = log
        self._stop_with = stop_with
        log.parent.mkdir(parents=True, exist_ok=True)
        identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(log, "wb") as output:
            self._process = _popen(pinned(command, cpu), stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, env=None if env is None else os.environ | env, **identity)
        self.pid = self._process.pid
        RUNNING.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_for_line(self, pattern, timeout):
        """Waits until it has printed a line like this, and returns the match."""
        end = time.monotonic() + timeout
        while True:
            if found := re.search(pattern, self.output(), re.MULTILINE):
                return found
            self.check_alive()
            if time.monotonic() > end:
                raise Trouble(f"{self.name} was not ready within {timeout} s: {last_words(self.output())}")
            time.sleep(0.01)

    def wait_until(self, check, timeout):
        """Waits until the check, which may raise OSError or Trouble, returns something true; returns that."""
        end = time.monotonic() + timeout
        while True:
            self.check_alive()
            try:
                if answer := check():
                    return answer
                problem = "not yet"
            except (OSError, Trouble) as error:
                problem = error
            if time.monotonic() > end:
                raise Trouble(f"{self.name} was not ready within {timeout} s ({problem}): {last_words(self.output())}")
            time.sleep(0.05)

    def check_alive(self):
        if self._process.poll() is not None:
            raise Trouble(f"{self.name} ended with code {self._process.returncode}: {last_words(self.output())}")

    def output(self):
        return self.log.read_text(errors="replace")

    def resident_bytes(self):
        status = open(f"/proc/{self.pid}/status", encoding="ascii").read()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024

    def stop(self, grace=30):
        if self in RUNNING:
            _stop_group(self._process, self._stop_with, grace)
            RUNNING.discard(self)


def run(command, *, timeout, cpu=None, user=None, stdin=None, errors_too=False, codes=(0,)):
    """Runs a program to its end and returns what it printed, also as errors if wanted; Trouble if it ends with another
    exit code than these, or fails and prints nothing."""
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    name = os.path.basename(str(command[0]))
    process = _popen(pinned(command, cpu), stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT if errors_too else subprocess.PIPE, text=True, errors="replace", **identity)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{name} did not end within {timeout:.0f} s") from None
    finally:
        _stop_group(process, signal.SIGTERM, 5)
    if process.returncode not in codes or (process.returncode and not out.strip()):
        raise Trouble(f"{name} ended with code {process.returncode}: {last_words(err or out)}")
    return out


def pinned(command, cpu):
    """The command, on one processor alone where one is given."""
    command = [str(word) for word in command]
    if cpu is None:
        return command
    if cpu not in os.sched_getaffinity(0):
        raise Trouble(f"there is no processor {cpu} to pin to")
    return ["taskset", "-c", str(cpu), *command]


def last_words(text):
    """The end of a program's output, short enough for a report."""
    return " / ".join(text.strip().splitlines()[-3:])[-300:] or "it printed nothing"


def _popen(command, **options):
    try:
        return subprocess.Popen(command, start_new_session=True, **options)
    except FileNotFoundError as error:
        raise Trouble(f"{error.filename} is not there") from None
    except PermissionError as error:
        raise Trouble(f"{error.filename} cannot be run: {error.strerror}") from None


def _stop_group(process, number, grace):
    """Signals the leader, which ends its children; then ends whatever is left of the group."""
    try:
        if process.poll() is None:
            process.send_signal(number)
            process.wait(grace)
    except subprocess.TimeoutExpired:
        pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
