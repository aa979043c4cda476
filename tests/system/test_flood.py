"""A flood of SYNs from random sources to an open port: transfers go on, clients get in, memory stays bounded (RFC 4987).

Theory of operation. The flood is the program synflood, which writes frames to the daemon's TAP; its sources lie behind the
daemon's gateway, so that each SYN is answered by a SYN-ACK, which the kernel drops. Two transfers were established before,
one in each direction, to another port. They are paced to PACE each, together about 1 Gbit/s, in the manner of a service on a
network: two programs, their peers, the flood and the daemon share what may be two CPUs, and an unpaced transfer is
measured by what the CPUs have left, which says nothing about the stack. For the same reason they go before whatever else
the machine does. During the flood new clients connect to the flooded port, one after another, and exchange a line. The
daemon with sanitizers answers the same flood, beside slower transfers; the bound on its memory is that of the address
sanitizer's quarantine.
"""
import contextlib
import os
import select
import subprocess
import time

from test_hostile import resident
from test_lan import daemon_mac
from toynettest import (KERNEL, TOYNET, Lab, Sock, die_with_parent, expect, expect_equal, kernel_listener, kernel_socket,
                        program, test, wait_until)
import toynettest

RATE = 50000  # SYNs per second
SENT_SHARE = 0.9  # of the rate: less is no flood
SECONDS = 4
SECONDS_FULL = 30
PACE = 60 << 20  # bytes per second and direction
PACE_SANITIZED = 3 << 20
TICK = 0.005
SHARE = 0.8
PRIORITY = -15
CONNECT_TIME = 3.0
MEMORY_MAX = 64 << 20  # that the flood may add: half-open connections and the allocator's share
MEMORY_MAX_SANITIZED = 320 << 20
BYSTANDER_PORT = 5910
PORT = 5911
BACKLOG = 64
SYN_QUEUE_MIN = 128  # TCP_SYN_QUEUE_MIN


def go_before_others():
    """A session of its own, because the kernel weighs sessions first where it groups tasks by them (sched(7), autogroup)."""
    os.setsid()
    with contextlib.suppress(OSError):
        with open("/proc/self/autogroup", "w") as f:
            f.write(str(PRIORITY))
    os.nice(PRIORITY)


def paced_writes(write, pace):
    """Writes at the pace until it is killed; what could not be sent in time is not caught up."""
    piece = bytes(int(pace * TICK))
    due = time.monotonic()
    while True:
        view = memoryview(piece)
        while view:
            view = view[write(view):]
        due = max(due + TICK, time.monotonic() - 10 * TICK)
        time.sleep(max(0.0, due - time.monotonic()))


def counted_reads(child, fd):
    """Reads; whenever it is asked, tells bytes per second since it was asked before."""
    count, began = 0, time.monotonic()
    buffer = bytearray(1 << 20)
    while True:
        ready, _, _ = select.select([fd, child.pipe], [], [])
        if fd in ready:
            n = os.readv(fd, [buffer])
            expect(n, "a transfer ended")
            count += n
        if child.pipe in ready:
            child.ask()
            now = time.monotonic()
            child.tell(count / (now - began))
            count, began = 0, now


def kernel_sink(child, port):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        counted_reads(child, connection.fileno())


def kernel_source(child, port, pace):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        paced_writes(connection.send, pace)


def toynet_source(_, port, pace):
    with Sock() as s:
        s.connect((KERNEL, port))
        paced_writes(lambda view: os.write(s.fd, view), pace)


def toynet_sink(child, port):
    with Sock() as s:
        s.connect((KERNEL, port))
        child.tell()
        counted_reads(child, s.fd)


def toynet_echo(child, port):
    """Answers one line of each connection."""
    with Sock() as listener:
        listener.bind((TOYNET, port)).listen(BACKLOG)
        child.tell()
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(connection.recv(100))


def clients(child, port):
    """Connects, one client after another, until it is asked; returns how long each took."""
    times = []
    while not select.select([child.pipe], [], [], 0.1)[0]:
        began = time.monotonic()
        with kernel_socket() as s:
            s.settimeout(10)
            s.connect((TOYNET, port))
            s.sendall(b"hello\n")
            expect_equal(s.recv(100), b"hello\n", "the echo")
        times.append(time.monotonic() - began)
    child.ask()
    return times


class Transfers:
    """One in each direction, and their rates."""

    def __init__(self, lab, pace):
        sink = lab.kernel(kernel_sink, BYSTANDER_PORT)
        sink.ask()
        lab.client(toynet_source, BYSTANDER_PORT, pace)
        source = lab.kernel(kernel_source, BYSTANDER_PORT + 1, pace)
        source.ask()
        other = lab.client(toynet_sink, BYSTANDER_PORT + 1)
        other.ask()
        self.sinks = {"from toynet": sink, "to toynet": other}

    def rates(self):
        """Bytes per second of each since the last call."""
        for sink in self.sinks.values():
            sink.tell()
        return {name: sink.ask() for name, sink in self.sinks.items()}

    def over(self, seconds):
        self.rates()
        time.sleep(seconds)
        return self.rates()


def start_flood(lab, daemon, seconds):
    """The running synflood; it prints how many SYNs it has sent."""
    mac = daemon_mac(daemon).hex(":")
    argv = ["ip", "netns", "exec", lab.netns, program("tests/system/synflood", "release"), "tap0", mac, TOYNET, PORT, RATE,
            seconds]
    process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    lab.stack.callback(process.kill)
    return process


def half_open(daemon):
    return sum(row["state"] == "SYN-RECEIVED" for row in daemon.sockets())


def rates_are_kept(what, rates, before, share):
    for name in before:
        expect(rates[name] >= share * before[name],
               f"{name}, {what}: {100 * rates[name] / before[name]:.0f} % of {before[name] / 2**20:.1f} MiB/s")


def everything_goes_back(lab, daemon, sockets):
    wait_until(lambda: half_open(daemon) == 0, 30, "the half-open connections end", pause=0.5)
    wait_until(lambda: len(daemon.sockets()) <= sockets, 30, "as many sockets as before", pause=0.5)
    cookies = daemon.stats()["TcpExtSyncookiesSent"]
    visitors = lab.kernel(clients, PORT)
    time.sleep(0.5)
    visitors.tell()
    expect(max(visitors.wait()) < CONNECT_TIME, "a client after the flood")
    expect_equal(daemon.stats()["TcpExtSyncookiesSent"], cookies, "cookies sent, when nobody floods")


def flood(build, pace, seconds, memory_max):
    go_before_others()
    # Two SYN-ACKs more instead of five: half-open connections end within seconds, not within a minute.
    with Lab() as lab:
        daemon = lab.start(build, gateway=KERNEL, syn_retries=2, time_wait="1s")
        lab.client(toynet_echo, PORT).ask()
        transfers = Transfers(lab, pace)
        time.sleep(1)
        before = transfers.over(2)
        rates_are_kept("without a flood", before, {name: pace for name in before}, 0.9)
        memory, sockets, counters, cpu = resident(daemon.pid), len(daemon.sockets()), daemon.stats(), daemon.cpu_seconds()
        process = start_flood(lab, daemon, seconds)
        time.sleep(0.5)
        visitors = lab.kernel(clients, PORT)
        during = transfers.over(seconds - 1)
        grown, waiting = resident(daemon.pid) - memory, half_open(daemon)
        visitors.tell()
        times = visitors.wait()
        sent = int(process.communicate(timeout=30)[0])
        new = {name: value - counters[name] for name, value in daemon.stats().items()}
        print(f"{sent} SYNs; rates before {before}, during {during}; {len(times)} clients, the slowest {max(times):.3f} s; "
              f"{daemon.cpu_seconds() - cpu:.2f} s of CPU; memory +{grown >> 10} KiB; {waiting} half open; "
              f"cookies {new['TcpExtSyncookiesSent']} sent, {new['TcpExtSyncookiesRecv']} back")
        expect(sent >= SENT_SHARE * RATE * seconds, f"the flood was only {sent / seconds:.0f} SYNs/s")
        rates_are_kept("during the flood", during, before, SHARE)
        expect(max(times) < CONNECT_TIME, f"a client waited for {max(times):.2f} s")
        expect(grown < memory_max, f"the flood took {grown >> 20} MiB")
        expect(waiting <= max(BACKLOG, SYN_QUEUE_MIN), f"{waiting} connections are half open")
        # The kernel may drop some at the TAP's queue, as any interface does; all others are answered.
        expect(new["TcpExtSyncookiesSent"] > sent / 2, f"{new['TcpExtSyncookiesSent']} cookies for {sent} SYNs")
        expect(new["TcpExtSyncookiesRecv"] > 0, "no client came in by a cookie")
        rates_are_kept("after the flood", transfers.over(1), before, 0.9)
        everything_goes_back(lab, daemon, sockets)
        daemon.no_sanitizer_report()


@test(seconds=180)
def transfers_and_clients_during_a_flood():
    flood("release", PACE, SECONDS_FULL if toynettest.FULL else SECONDS, MEMORY_MAX)


@test(seconds=180)
def sanitized_daemon_under_a_flood():
    flood("debug", PACE_SANITIZED, SECONDS, MEMORY_MAX_SANITIZED)
