"""Ping both ways in every size; ping sockets for everybody, raw sockets for the privileged, against the kernel."""
import errno
import os
import re
import select
import socket
import struct
import subprocess

import toynettest
from toynettest import (KERNEL, NOBODY, TOYNET, Lab, Sock, command, expect, expect_equal, expect_error, program, test)

ECHO, ECHO_REPLY = 8, 0
EXPERIMENT = 253  # RFC 3692
SOL_RAW = 255
ICMP_FILTER = 1


def echo(number, data=b""):
    """A request; the stack fills in checksum and identifier."""
    return struct.pack("!BBHHH", ECHO, 0, 0, 0, number) + data


def reply(message):
    kind, code, _, identifier, number = struct.unpack("!BBHHH", message[:8])
    return kind, code, identifier, number, message[8:]


def ones_complement(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def readable(s, seconds):
    return bool(select.select([s.fileno()], [], [], seconds)[0])


PING_MAX = 65507
FRAGMENT = 1480  # bytes of IP payload in a frame
STRIDE = 61  # a prime: every remainder of 8 and of FRAGMENT's factors


def sizes():
    """All with --full; else all of up to three frames, those around each further frame, the last, and one in STRIDE."""
    if toynettest.FULL:
        return list(range(PING_MAX + 1))
    chosen = set(range(3101)) | set(range(3100, PING_MAX, STRIDE)) | set(range(PING_MAX - 20, PING_MAX + 1))
    for frames in range(1, 46):
        chosen |= {n for n in range(frames * FRAGMENT - 12, frames * FRAGMENT + 5) if 0 <= n <= PING_MAX}
    return sorted(chosen)


def ping_every_size(build, side, to):
    with Lab() as lab:
        daemon = lab.start(build)
        command("ip", "netns", "exec", lab.netns, "sysctl", "-qw", "net.ipv4.ping_group_range=0 0")
        argv = [program("tests/system/pings", "release"), side, to]
        if side == "kernel":
            argv = ["ip", "netns", "exec", lab.netns, *argv]
        wanted = sizes()
        result = subprocess.run(argv, input=" ".join(map(str, wanted)), capture_output=True, text=True, timeout=280)
        expect_equal((result.returncode, result.stdout), (0, f"{len(wanted)} of {len(wanted)} answered\n"),
                     f"pings to {to}: {result.stderr}")
        stats = daemon.stats()
        name = "IcmpInEchos" if side == "kernel" else "IcmpOutEchos"
        expect_equal((stats[name], stats["IpReasmFails"], stats["IpFragFails"]), (len(wanted), 0, 0),
                     f"{name}, IpReasmFails, IpFragFails")


@test(300)
def every_size_to_toynet():
    ping_every_size("release" if toynettest.FULL else "debug", "kernel", TOYNET)


@test(300)
def every_size_to_the_kernel():
    ping_every_size("release" if toynettest.FULL else "debug", "toynet", KERNEL)


@test(120)
def iputils_ping():
    with Lab() as lab:
        lab.start()
        for size in (0, 1, 56, 1472, 1473, 2952, 2953, 8192, 32768, 65506, PING_MAX):
            result = command("ip", "netns", "exec", lab.netns, "ping", "-c", "3", "-i", "0.01", "-W", "5", "-s", size, TOYNET,
                             check=False)
            expect(re.search(r"3 packets transmitted, 3 received, 0% packet loss", result.stdout) and
                   not re.search(r"wrong data|truncated|DUP|DIFFERENT", result.stdout),
                   f"ping -s {size}: {result.stdout}{result.stderr}")


@test()
def a_ping_that_is_too_long():
    """65,507 bytes behind the ICMP header are the most; one more does not fit an IP datagram."""
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as s:
            data = os.urandom(PING_MAX)
            s.sendto(echo(1, data), (KERNEL, 0))
            expect_equal(reply(s.recv(70000))[3:], (1, data), "the reply to the longest")
            with expect_error(errno.EMSGSIZE, "one byte more"):
                s.sendto(echo(2, data + b"x"), (KERNEL, 0))
        with Sock(socket.SOCK_DGRAM) as s:
            s.sendto(bytes(PING_MAX), (KERNEL, 9))
            with expect_error(errno.EMSGSIZE, "UDP: one byte more"):
                s.sendto(bytes(PING_MAX + 1), (KERNEL, 9))


@test()
def ping_the_kernel():
    with Lab() as lab:
        daemon = lab.start()
        with Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as s:
            for number, size in enumerate((0, 1, 56, 1000, 1472)):
                data = os.urandom(size)
                s.sendto(echo(number, data), (KERNEL, 0))
                message, peer = s.recvfrom(2000)
                identifier = s.getsockname()[1]
                expect_equal(peer, (KERNEL, 0), "who replies")
                expect_equal(reply(message), (ECHO_REPLY, 0, identifier, number, data), f"the reply to {size} bytes")
                expect_equal(ones_complement(message), 0xffff, "the checksum of the reply")
            s.connect((KERNEL, 0))
            expect_equal(s.getsockname()[0], TOYNET, "the local address of a connected ping socket")
            s.send(echo(7, b"connected"))
            expect_equal(reply(s.recv(2000))[3:], (7, b"connected"), "the reply")
            rows = [(r["protocol"], r["ss_state"], r["local"]["port"]) for r in daemon.sockets()]
            expect_equal(rows, [("icmp", "ESTAB", identifier)], "the row of toynetctl sockets")
            expect_equal(daemon.ctl("sockets", "-H", "--icmp").stdout.count("\n"), 1, "rows of toynetctl sockets --icmp")
            expect_equal(daemon.ctl("sockets", "-H", "-u").stdout.count("\n"), 0, "rows of toynetctl sockets -u")
        expect_equal(daemon.stats()["IcmpOutEchos"], 6, "IcmpOutEchos")


@test()
def what_a_ping_socket_refuses():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as s, \
                Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as t:
            s.bind(("0.0.0.0", 4711))
            with expect_error(errno.EADDRINUSE, "an identifier that another socket has"):
                t.bind(("0.0.0.0", 4711))
            s.sendto(struct.pack("!BBHHH", 5, 1, 0, 0, 0), (KERNEL, 0))  # a redirect
            with expect_error(errno.EINVAL, "a message that is no echo request"):
                s.recv(100)


@test()
def a_ping_that_fails():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as s:
            s.connect(("10.77.0.9", 0))
            s.send(echo(1))
            expect(readable(s, 10), "an address that does not answer ARP is reported")
            with expect_error(errno.EHOSTUNREACH, "recv"):
                s.recv(100)


@test()
def ping_is_for_everybody_and_raw_is_not():
    def as_nobody(_):
        with Sock(socket.SOCK_DGRAM, protocol=socket.IPPROTO_ICMP) as s:
            s.sendto(echo(1, b"nobody"), (KERNEL, 0))
            expect_equal(reply(s.recv(2000))[4], b"nobody", "the reply")
        with expect_error(errno.EPERM, "a raw socket"):
            Sock(socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP)

    with Lab() as lab:
        daemon = lab.start()
        os.chmod(daemon.socket, 0o666)
        lab.client(as_nobody, uid=NOBODY).wait()


def kernel_raw_echo(child, count):
    """Sends back what it gets of the experimental protocol; returns the headers."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, EXPERIMENT) as s:
        s.settimeout(10)
        child.tell()
        headers = []
        for _ in range(count):
            packet, peer = s.recvfrom(2000)
            headers.append(packet[:20])
            s.sendto(packet[20:], peer)
        return headers


@test()
def raw_both_ways():
    with Lab() as lab:
        daemon = lab.start()
        kernel = lab.kernel(kernel_raw_echo, 2)
        kernel.ask()
        with Sock(socket.SOCK_RAW, protocol=EXPERIMENT) as s, Sock(socket.SOCK_RAW, protocol=EXPERIMENT) as other:
            expect_equal(s.getsockname()[1], EXPERIMENT, "the port of a raw socket is its protocol")
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 17)
            s.sendto(b"payload", (KERNEL, 0))
            for end in (s, other):
                packet, peer = end.recvfrom(2000)
                expect_equal((packet[0], packet[9], packet[20:], peer), (0x45, EXPERIMENT, b"payload", (KERNEL, 0)),
                             "a whole datagram")
            s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 33, EXPERIMENT, 0, bytes(4), socket.inet_aton(KERNEL))
            s.sendto(header + b"own header", (KERNEL, 0))
            expect_equal(s.recv(2000)[20:], b"own header", "what comes back")
            forged = header[:12] + socket.inet_aton("10.77.0.99") + header[16:]
            s.sendto(forged + b"forged", (KERNEL, 0))
            with expect_error(errno.EINVAL, "a source that is not ours"):
                s.recv(2000)
            rows = [(r["protocol"], r["local"]["port"]) for r in daemon.sockets()]
            expect_equal(rows, [("raw", EXPERIMENT)] * 2, "the rows of toynetctl sockets")
        headers = kernel.wait()
        expect_equal([h[8] for h in headers], [17, 33], "the TTLs that the kernel saw")
        expect_equal([h[12:16] for h in headers], [socket.inet_aton(TOYNET)] * 2, "the sources that the kernel saw")


@test()
def raw_icmp_with_a_filter():
    def ping(child):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.settimeout(5)
            message = struct.pack("!BBHHH", ECHO, 0, 0, 77, 1)
            message = message[:2] + struct.pack("!H", ones_complement(message) ^ 0xffff) + message[4:]
            child.tell()
            while child.ask():
                s.sendto(message, (TOYNET, 0))

    with Lab() as lab:
        lab.start()
        kernel = lab.kernel(ping)
        kernel.ask()
        with Sock(socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP) as s:
            kernel.tell(True)
            packet = s.recv(2000)
            expect_equal((packet[9], packet[20]), (socket.IPPROTO_ICMP, ECHO), "the kernel's request")
            s.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", 1 << ECHO))
            kernel.tell(True)
            expect(not readable(s, 0.5), "the filter let an echo request through")
        kernel.tell(False)
        kernel.wait()
