"""UDP at a rate: 1 Gbit/s each way, in datagrams that fit a frame and in such that do not. Every datagram has a number, and
the sum of what is missing is the sum of the counters that name a loss: no datagram is lost without one.

Where datagrams may go lost between a kernel program and a libtoynet program:

  to toynet     the queue of the TAP (the interface's TX dropped, in frames), toynet's reassembly (IpReasmFails), the
                socket's receive buffer (UdpRcvbufErrors, receive_drops of the socket)
  to the kernel toynet's queues (IpFragFails, IpOutDiscards, ArpQueueDrops), the TAP (the interface's RX dropped), the
                kernel's reassembly (IpReasmFails) and the socket's receive buffer (UdpRcvbufErrors)
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import toynettest
from toynettest import (KERNEL, TOYNET, Lab, Sock, command, die_with_parent, expect, expect_equal, kernel_socket, program,
                        test, wait_until)

PORT = 5320
GBIT = 10 ** 9
MIB = 1 << 20
SHORT, LONG = 1400, 60000
FRAGMENT = 1480  # bytes of IP payload in a frame


def seconds():
    return 10 if toynettest.FULL else 2


def fragments(size):
    """Frames that a datagram of so many bytes takes."""
    return -(-(size + 8) // FRAGMENT)


class Load:
    """One sender and one receiver of tests/system/datagrams.c, one of them the kernel's, and what every counter said."""

    # What may be lost to whom, by direction.
    OURS = {"in": ("IpReasmFails", "UdpRcvbufErrors", "UdpInCsumErrors", "UdpNoPorts"),
            "out": ("IpFragFails", "IpOutDiscards", "ArpQueueDrops", "ArpFailedDrops", "LinkOutRefused")}
    KERNELS = {"in": ("UdpSndbufErrors", "IpOutDiscards", "IpFragFails"),
               "out": ("IpReasmFails", "UdpRcvbufErrors", "UdpNoPorts")}

    def __init__(self, lab, direction, size, rate, buffer=4 * MIB, send_seconds=None):
        self.lab, self.direction, self.size = lab, direction, size
        receiver, sender = ("toynet", "kernel") if direction == "in" else ("kernel", "toynet")
        address = TOYNET if direction == "in" else KERNEL
        before = self.counters()
        end = self.start(receiver, "receive", address, PORT, size, buffer)
        expect_equal(end.stdout.readline(), "ready\n", "the receiver's first word")
        start = self.start(sender, "send", address, PORT, size, rate, send_seconds or seconds())
        self.sent = self.result(start)
        self.got = self.result(end)
        after = self.counters()
        self.change = {name: after[name] - before[name] for name in after}
        self.missing = self.sent["sent"] - self.got["received"]
        self.rate = self.sent["sent"] * size * 8 / self.sent["seconds"]
        expect_equal((self.got["late"], self.got["wrong"]), (0, 0), "datagrams out of order or with other contents")
        print(f"{direction} {size} bytes: {self.rate / 1e9:.3f} Gbit/s, {self.sent['sent']} sent, {self.missing} missing, "
              f"{self.got['gaps']} gaps; {self.lost()}", file=sys.stderr)

    def start(self, side, *words):
        argv = [program("tests/system/datagrams", "release"), side, *map(str, words)]
        if side == "kernel":
            argv = ["ip", "netns", "exec", self.lab.netns, *argv]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.lab.stack.callback(process.stdout.close)
        self.lab.stack.callback(process.kill)
        return process

    @staticmethod
    def result(process):
        text = process.stdout.read()
        expect_equal(process.wait(60), 0, "exit status of datagrams")
        return json.loads(text)

    def counters(self):
        """Ours by name, the kernel's as kernel.NAME, the TAP's as tap.NAME."""
        found = dict(self.lab.daemon.stats())
        text = command("ip", "netns", "exec", self.lab.netns, "cat", "/proc/net/snmp").stdout
        lines = [line.split() for line in text.splitlines()]
        for names, values in zip(lines[::2], lines[1::2]):
            for name, value in zip(names[1:], values[1:]):
                found[f"kernel.{names[0][:-1]}{name}"] = int(value)
        link = json.loads(self.lab.ip("-s", "-j", "link", "show", "tap0").stdout)[0]["stats64"]
        for way in ("rx", "tx"):
            for name in ("packets", "dropped", "errors"):
                found[f"tap.{way}_{name}"] = link[way][name]
        return found

    def lost(self):
        """The counters of losses that moved. Those of the TAP count frames."""
        way = self.direction
        names = [*self.OURS[way], *(f"kernel.{n}" for n in self.KERNELS[way]), "tap.tx_dropped", "tap.rx_dropped"]
        return {name: self.change[name] for name in names if self.change[name]}

    def expect_rate(self, bits):
        expect(self.rate >= 0.99 * bits, f"only {self.rate / 1e9:.3f} Gbit/s were sent")

    def expect_every_gap_counted(self):
        """What is missing is what the counters say: neither more nor less."""
        sent = self.sent["sent"]
        out = "kernel.UdpOutDatagrams" if self.direction == "in" else "UdpOutDatagrams"
        expect_equal(self.change[out], sent, f"{out} and the datagrams that the program sent")
        lost = self.lost()
        frames = lost.pop("tap.tx_dropped", 0) + lost.pop("tap.rx_dropped", 0)
        if frames and fragments(self.size) > 1:
            self.expect_fragments_counted(frames, lost)
        else:
            expect_equal(self.missing, frames + sum(lost.values()), f"datagrams missing, and the counters {lost}")

    def expect_fragments_counted(self, frames, lost):
        """The TAP lost frames, each a fragment: those add up, and whatever was whole again is delivered or counted."""
        each = fragments(self.size)
        side = "" if self.direction == "in" else "kernel."
        arrived, whole = self.change[f"{side}IpReasmReqds"], self.change[f"{side}IpReasmOKs"]
        sent = self.sent["sent"]
        expect_equal(sent * each - arrived, frames, "fragments missing, and frames that the TAP dropped")
        broken = lost.pop(f"{side}IpReasmFails", 0)
        expect_equal(whole - self.got["received"], sum(lost.values()), f"whole datagrams missing, and the counters {lost}")
        expect(broken <= sent - whole <= frames, f"{sent - whole} datagrams are not whole: {frames} fragments lost, "
                                                 f"{broken} datagrams given up")


def start_lab(lab, **options):
    """In Release: it is about rates. Without IPv6 every frame on the TAP is known."""
    command("ip", "netns", "exec", lab.netns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1", "net.core.rmem_default=212992")
    return lab.start("release", **options)


def one_gigabit(direction, size):
    with Lab() as lab:
        start_lab(lab)
        load = Load(lab, direction, size, -(-GBIT // (size * 8)))
        load.expect_rate(GBIT)
        load.expect_every_gap_counted()


@test(90)
def one_gigabit_in_short_datagrams_to_toynet():
    one_gigabit("in", SHORT)


@test(90)
def one_gigabit_in_long_datagrams_to_toynet():
    one_gigabit("in", LONG)


@test(90)
def one_gigabit_in_short_datagrams_to_the_kernel():
    one_gigabit("out", SHORT)


@test(90)
def one_gigabit_in_long_datagrams_to_the_kernel():
    one_gigabit("out", LONG)


@test(120)
def more_than_the_reader_takes():
    """Faster than can be read, into a small buffer: many go lost, and each is counted."""
    with Lab() as lab:
        start_lab(lab)
        for direction, size, rate in (("in", SHORT, 10 ** 6), ("in", LONG, 20000), ("out", SHORT, 10 ** 6),
                                      ("out", LONG, 20000)):
            load = Load(lab, direction, size, rate, buffer=65536, send_seconds=1)
            expect(load.missing > 0, f"{direction} {size}: nothing was lost, so nothing is shown")
            load.expect_every_gap_counted()


@test(120)
def none_is_lost_below_the_reader():
    """At a tenth of the rate, and a buffer of the default size."""
    with Lab() as lab:
        start_lab(lab)
        for direction in ("in", "out"):
            for size in (SHORT, LONG):
                load = Load(lab, direction, size, GBIT // 10 // (size * 8), buffer=212992, send_seconds=seconds() / 2)
                expect_equal((load.missing, load.lost()), (0, {}), f"{direction} {size}: missing, and counters of losses")
                load.expect_every_gap_counted()


def kernel_listens(child, port):
    """Numbers of the datagrams that come, and their TTLs, until one has come that is empty or nothing for a while."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, 33, 4 * MIB)  # SO_RCVBUFFORCE
        s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
        s.bind((KERNEL, port))
        child.tell()
        s.settimeout(2)
        got = []
        try:
            while True:
                data, control, _, _ = s.recvmsg(2000, 100)
                got.append((struct.unpack("=I", data[:4])[0], struct.unpack("=i", control[0][2])[0]))
        except TimeoutError:
            return got


def fill_while_asleep(daemon, s, size):
    """Sends as many as the pair takes while the daemon is stopped; returns how many. The destination is known already."""
    os.kill(daemon.pid, signal.SIGSTOP)
    wait_until(lambda: open(f"/proc/{daemon.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", 5, "the daemon stops")
    number = 1
    try:
        while True:
            s.send(struct.pack("=I", number) + bytes(size - 4), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            number += 1
    except BlockingIOError:
        return number


@test()
def what_was_sent_before_close_goes_out():
    for size in (4, 1400):
        with Lab() as lab:
            daemon = lab.start(udp_sndbuf="4K")
            kernel = lab.kernel(kernel_listens, PORT)
            kernel.ask()
            s = Sock(socket.SOCK_DGRAM)
            s.connect((KERNEL, PORT))
            s.send(struct.pack("=I", 0))
            time.sleep(0.1)
            count = fill_while_asleep(daemon, s, size)
            s.close()
            os.kill(daemon.pid, signal.SIGCONT)
            expect(count > 10, f"only {count} datagrams fit")
            got = [n for n, _ in kernel.wait()]
            expect_equal((len(got), got), (count, list(range(count))), f"datagrams of {size} bytes sent before close")


@test()
def an_option_does_not_overtake_datagrams():
    def change(child, size):
        s = Sock(socket.SOCK_DGRAM)
        s.connect((KERNEL, PORT))
        s.send(struct.pack("=I", 0))
        child.tell()
        count = child.ask()
        for number in range(1, count):
            s.send(struct.pack("=I", number) + bytes(size - 4))
        child.tell()
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 7)
        s.send(struct.pack("=I", count))

    count = 40
    with Lab() as lab:
        daemon = lab.start(udp_sndbuf="4K")
        kernel = lab.kernel(kernel_listens, PORT)
        kernel.ask()
        client = lab.client(change, 1000)
        client.ask()
        time.sleep(0.1)
        os.kill(daemon.pid, signal.SIGSTOP)
        client.tell(count)
        client.ask()
        time.sleep(0.1)
        os.kill(daemon.pid, signal.SIGCONT)
        client.wait()
        expect_equal(kernel.wait(), [(n, 64) for n in range(count)] + [(count, 7)], "numbers and TTLs at the kernel")
