"""Path MTU discovery over a hop in the middle that is narrower than both ends: with the routers' ICMP errors, and without.

    toynet --- 10.77.0.0/24, 1500 --- router --- 10.79.0.0/24, 1280 --- router --- 10.78.0.0/24, 1500 --- kernel

The Lab's namespace is the first router; the second router and the kernel that is the peer have namespaces of their own. Neither
end has a link that is narrow, so neither knows.
"""
import errno
import os
import socket
import struct
import time

from toynettest import (TOYNET, Child, Lab, Sock, command, expect, expect_equal, expect_error, kernel_socket, read_into,
                        receive_stream, send_stream, test, writer)

MIB = 1 << 20
PORT = 5301
HOP = 1280
ROUTER_HERE = "10.77.0.1"
HOP_HERE = "10.79.0.1"
HOP_THERE = "10.79.0.2"
ROUTER_THERE = "10.78.0.1"
PEER = "10.78.0.2"
NEAR = 8  # TCP_MTUP_NARROW: a search by probes ends so near below the path MTU


class Path:
    """The namespaces behind the first router; mute: the routers send no ICMP errors."""

    def __init__(self, lab, mute):
        self.lab = lab
        self.netns = lab.netns + "p"
        self.router = lab.netns + "r"
        for name in (self.router, self.netns):
            command("ip", "netns", "add", name)
            lab.stack.callback(command, "ip", "netns", "del", name, check=False)
        self.wire(lab.netns, "hop", HOP_HERE, self.router, "hop", HOP_THERE, HOP)
        self.wire(self.router, "there", ROUTER_THERE, self.netns, "eth0", PEER, 1500)
        for netns, network, via in ((self.netns, "default", ROUTER_THERE), (self.router, "10.77.0.0/24", HOP_HERE),
                                    (lab.netns, "10.78.0.0/24", HOP_THERE)):
            command("ip", "-n", netns, "route", "add", network, "via", via)
        # In a black hole the kernel, too, has to search.
        self.inside(self.netns, "sysctl", "-qw", "net.ipv4.tcp_mtu_probing=1")
        for router in (lab.netns, self.router):
            self.inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            if mute:
                self.inside(router, "nft", "add table ip mute; add chain ip mute out { type filter hook output priority 0; }; "
                                           "add rule ip mute out icmp type destination-unreachable drop")

    @staticmethod
    def wire(netns, name, address, other, other_name, other_address, mtu):
        """A veth pair between two namespaces."""
        command("ip", "-n", netns, "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", other)
        for where, end, ip in ((netns, name, address), (other, other_name, other_address)):
            command("ip", "-n", where, "address", "add", f"{ip}/24", "dev", end)
            command("ip", "-n", where, "link", "set", end, "mtu", str(mtu), "up")
            command("ip", "-n", where, "link", "set", "lo", "up")

    @staticmethod
    def inside(netns, *argv):
        command("ip", "netns", "exec", netns, *argv)

    def kernel(self, function, *args):
        return self.lab.stack.enter_context(Child(function, *args, netns=self.netns))


def kernel_sink(child):
    with kernel_socket() as listener:
        listener.bind((PEER, PORT))
        listener.listen()
        child.tell()
        connection, _ = listener.accept()
        with connection:
            return receive_stream(connection.recv_into)


def kernel_source(child, size):
    with kernel_socket() as listener:
        listener.bind((PEER, PORT + 1))
        listener.listen()
        child.tell()
        connection, _ = listener.accept()
        with connection:
            digest = send_stream(connection.send, size, 2)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            return digest


def toynet_source(child, size):
    with Sock() as s:
        s.connect((PEER, PORT))
        digest = send_stream(writer(s.fd), size, 1)
        child.tell()
        child.ask()  # the parent looks at the control block
        s.shutdown(socket.SHUT_WR)
        os.read(s.fd, 1)
        return digest


def toynet_sink(_):
    with Sock() as s:
        s.connect((PEER, PORT + 1))
        return receive_stream(read_into(s.fd))


def find(value, name):
    """The number of this name, wherever it stands in a control block."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        found = find(part, name)
        if found is not None:
            return found
    return None


def both_ways(mute, size):
    with Lab() as lab:
        daemon = lab.start("debug", gateway=ROUTER_HERE)
        path = Path(lab, mute)
        sink = path.kernel(kernel_sink)
        sink.ask()
        source = lab.client(toynet_source, size)
        source.ask(150)
        row = next(r for r in daemon.sockets() if r["peer"] == f"{PEER}:{PORT}" or find(r["peer"], "port") == PORT)
        block = daemon.control_block(row["id"])
        stats = daemon.stats()
        source.tell()
        expect_equal(sink.wait(60), (size, source.wait(60)), "bytes and SHA-256 at the kernel program")
        mtu = find(block, "pmtu")
        if mute:
            expect(HOP - NEAR < mtu <= HOP, f"path MTU found by probes: {mtu}")
            expect(stats["TcpExtTCPMTUPSuccess"] > 0 and stats["TcpMTUPBlackHoles"] > 0, f"no probes: {stats}")
            expect_equal(stats["IpPmtuLowered"], 0, "path MTUs lowered by ICMP messages")
        else:
            expect_equal(mtu, HOP, "path MTU found by ICMP messages")
            expect_equal(stats["IpPmtuLowered"], 1, "path MTUs lowered by ICMP messages")
            expect_equal(stats["TcpExtTCPTimeouts"], 0, "timeouts")
        source = path.kernel(kernel_source, size)
        source.ask()
        got = lab.client(toynet_sink).wait(150)
        expect_equal(got, (size, source.wait(30)), "bytes and SHA-256 at the libtoynet program")


@test(240)
def a_router_tells_its_mtu():
    both_ways(mute=False, size=8 * MIB)


@test(240)
def a_black_hole():
    both_ways(mute=True, size=8 * MIB)


UDP_PORT = 5303
WHOLE = 1472  # bytes that fill a frame of 1,500
FITS = HOP - 28


def numbered(number, size):
    return struct.pack("=I", number) + bytes(size - 4)


def kernel_hears(child, count):
    """(number, length) of each datagram that comes within 1.5 s of the one before, at most count."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.bind((PEER, UDP_PORT))
        child.tell()
        s.settimeout(10)
        heard = []
        try:
            while len(heard) < count:
                data = s.recv(70000)
                heard.append((struct.unpack("=I", data[:4])[0], len(data)))
                s.settimeout(1.5)
        except TimeoutError:
            pass
        return heard


def path_mtu(s):
    return s.getsockopt(socket.IPPROTO_IP, IP_MTU)


def wait_for_mtu(get):
    """What get() says once it is no longer 1,500, or after 3 s."""
    end = time.monotonic() + 3
    while (mtu := get()) == 1500 and time.monotonic() < end:
        time.sleep(0.05)
    return mtu


IP_MTU_DISCOVER, IP_MTU = 10, 14
DONT, WANT, DO = 0, 1, 2  # IP_PMTUDISC_*


@test()
def udp_learns_from_a_router():
    """The first that fills a frame is lost, and its loss tells the MTU; those that follow are cut to it, or refused with DO."""
    with Lab() as lab:
        daemon = lab.start(gateway=ROUTER_HERE)
        kernel = Path(lab, mute=False).kernel(kernel_hears, 5)
        kernel.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            s.connect((PEER, UDP_PORT))
            expect_equal(path_mtu(s), 1500, "IP_MTU before anything was sent")
            s.send(numbered(0, WHOLE))
            expect_equal(wait_for_mtu(lambda: path_mtu(s)), HOP, "IP_MTU after the router's message")
            with expect_error(errno.EMSGSIZE, "what a connected socket is told of it"):
                s.recv(100)
            for number in (1, 2):
                s.send(numbered(number, WHOLE))
            s.send(numbered(3, 60000))
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, DO)
            with expect_error(errno.EMSGSIZE, "IP_PMTUDISC_DO: a datagram longer than the path"):
                s.send(numbered(4, FITS + 1))
            s.send(numbered(5, FITS))
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, DONT)
            s.send(numbered(6, WHOLE))
        expect_equal(kernel.wait(), [(1, WHOLE), (2, WHOLE), (3, 60000), (5, FITS), (6, WHOLE)], "what the kernel heard")
        stats = daemon.stats()
        expect_equal(stats["IpPmtuLowered"], 1, "IpPmtuLowered")


@test()
def udp_through_a_black_hole():
    """Nobody tells: with DF whatever fills a frame is lost, as on every host; without, the router cuts it."""
    with Lab() as lab:
        daemon = lab.start(gateway=ROUTER_HERE)
        kernel = Path(lab, mute=True).kernel(kernel_hears, 6)
        kernel.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            s.connect((PEER, UDP_PORT))
            s.send(numbered(0, WHOLE))
            s.send(numbered(1, FITS))
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, DONT)
            s.send(numbered(2, WHOLE))
            s.send(numbered(3, 60000))
            expect_equal(path_mtu(s), 1500, "IP_MTU: nobody has told")
        expect_equal(kernel.wait(), [(1, FITS), (2, WHOLE), (3, 60000)], "what the kernel heard")
        expect_equal(daemon.stats()["IpPmtuLowered"], 0, "IpPmtuLowered")


def kernel_talks(_, sizes):
    """Sends one datagram of each size; returns the path MTU that the kernel has learned."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, WANT)
        s.connect((TOYNET, UDP_PORT))
        s.send(numbered(0, WHOLE))
        mtu = wait_for_mtu(lambda: s.getsockopt(socket.IPPROTO_IP, IP_MTU))
        s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # EMSGSIZE, once
        for number, size in enumerate(sizes, 1):
            s.send(numbered(number, size))
        return mtu


@test()
def udp_of_a_kernel_behind_the_hop():
    sizes = (FITS, WHOLE, 8000, 60000)
    with Lab() as lab:
        lab.start(gateway=ROUTER_HERE)
        path = Path(lab, mute=False)
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind((TOYNET, UDP_PORT))
            expect_equal(path.kernel(kernel_talks, sizes).wait(), HOP, "the path MTU that the kernel learned")
            for number, size in enumerate(sizes, 1):
                expect_equal(s.recv(70000), numbered(number, size), f"datagram {number}, put together from fragments")
