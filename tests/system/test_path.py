"""Path MTU discovery over a router whose routes are narrower than its links: with its ICMP errors, and without.

The Lab's namespace is the router between the TAP and a second namespace, in which the kernel is the peer. Both links have an MTU
of 1,500 bytes, so that neither side knows; the router's routes have 1,280 (mtu lock, which counts when it forwards).
"""
import os
import socket

from toynettest import (Child, Lab, Sock, command, expect, expect_equal, kernel_socket, read_into, receive_stream,
                        send_stream, test, writer)

MIB = 1 << 20
PORT = 5301
HOP = 1280
ROUTER_HERE = "10.77.0.1"
ROUTER_THERE = "10.78.0.1"
PEER = "10.78.0.2"
NEAR = 8  # TCP_MTUP_NARROW: a search by probes ends so near below the path MTU


class Path:
    """The namespace behind the router; mute: the router sends no ICMP errors."""

    def __init__(self, lab, mute):
        self.lab = lab
        self.netns = lab.netns + "p"
        command("ip", "netns", "add", self.netns)
        lab.stack.callback(command, "ip", "netns", "del", self.netns, check=False)
        lab.ip("link", "add", "hop", "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        lab.ip("address", "add", f"{ROUTER_THERE}/24", "dev", "hop")
        lab.ip("link", "set", "hop", "up")
        for words in (("link", "set", "lo", "up"), ("address", "add", f"{PEER}/24", "dev", "eth0"),
                      ("link", "set", "eth0", "up"), ("route", "add", "default", "via", ROUTER_THERE)):
            command("ip", "-n", self.netns, *words)
        lab.ip("route", "replace", "10.78.0.0/24", "dev", "hop", "mtu", "lock", str(HOP))
        lab.ip("route", "replace", "10.77.0.0/24", "dev", "tap0", "mtu", "lock", str(HOP))
        self.inside(lab.netns, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        # In a black hole the kernel, too, has to search.
        self.inside(self.netns, "sysctl", "-qw", "net.ipv4.tcp_mtu_probing=1")
        if mute:
            self.inside(lab.netns, "nft", "add table ip mute; "
                                          "add chain ip mute out { type filter hook output priority 0; }; "
                                          "add rule ip mute out icmp type destination-unreachable drop")

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
