"""UDP over the TAP: multicast and IGMP, broadcast, errors, shared ports, and a receive buffer that overflows."""
import errno
import select
import socket
import struct
import time

from toynettest import (KERNEL, TOYNET, Lab, Sock, expect, expect_equal, expect_error, kernel_socket, test, wait_until)

GROUP = "239.7.7.7"
OTHER = "239.7.7.8"
BROADCAST = "10.77.0.255"
SO_REUSEPORT = 15


def mreq(group, interface, source=None):
    return b"".join(socket.inet_aton(a) for a in (group, interface, source) if a)


def join(s, group=GROUP):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq(group, TOYNET))


def leave(s, group=GROUP):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, mreq(group, TOYNET))


def readable(s, seconds):
    return bool(select.select([s.fileno()], [], [], seconds)[0])


def kernel_group_sender(child, groups):
    """Sends what it is told to each group, port 5000, and waits for the next word; None ends it."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(KERNEL))
        s.bind((KERNEL, 4000))
        child.tell()
        while (data := child.ask()) is not None:
            for group in groups:
                s.sendto(data, (group, 5000))


@test()
def multicast_to_toynet():
    with Lab() as lab:
        daemon = lab.start()
        sender = lab.kernel(kernel_group_sender, (GROUP, OTHER))
        sender.ask()
        with Sock(socket.SOCK_DGRAM) as a, Sock(socket.SOCK_DGRAM) as b:
            for s in (a, b):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("0.0.0.0", 5000))
            sender.tell(b"nobody is a member")
            expect(not readable(a, 0.3) and not readable(b, 0), "a datagram of a group that nobody has joined arrived")
            join(a)
            sender.tell(b"to every socket of the port")
            for s in (a, b):
                expect_equal(s.recvfrom(100), (b"to every socket of the port", (KERNEL, 4000)), "multicast")
            b.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
            row = next(r for r in daemon.sockets() if r["local"]["port"] == 5000 and r["holders"])
            expect_equal(daemon.control_block(row["id"])["udp"]["groups"], GROUP, "the groups that toynetctl shows")
            sender.tell(b"to members")
            expect_equal(a.recv(100), b"to members", "multicast")
            expect(not readable(b, 0.3), "a socket heard a group that it has not joined")
            a.setsockopt(socket.IPPROTO_IP, 38, mreq(GROUP, TOYNET, KERNEL))  # IP_BLOCK_SOURCE
            sender.tell(b"blocked")
            expect(not readable(a, 0.3), "a blocked source was heard")
            leave(a)
            b.setsockopt(socket.IPPROTO_IP, 39, mreq(OTHER, TOYNET, KERNEL))  # IP_ADD_SOURCE_MEMBERSHIP
            sender.tell(b"from one source")
            expect_equal(b.recv(100), b"from one source", "source-specific multicast")
            with expect_error(errno.EADDRNOTAVAIL, "leaving what was not joined"):
                leave(a)
            with expect_error(errno.ENODEV, "an interface that is not there"):
                a.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq(GROUP, "10.9.9.9"))
        sender.tell(None)
        sender.wait()


def kernel_member(child, count):
    """Returns what it hears of the group, with the TTL of each."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq(GROUP, KERNEL))
        s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
        s.settimeout(10)
        s.bind((GROUP, 5001))
        child.tell()
        heard = []
        for _ in range(count):
            data, control, _, peer = s.recvmsg(100, 100)
            heard.append((data, struct.unpack("=i", control[0][2])[0], peer))
        return heard


@test()
def multicast_from_toynet():
    with Lab() as lab:
        lab.start()
        member = lab.kernel(kernel_member, 2)
        member.ask()
        with Sock(socket.SOCK_DGRAM) as s, Sock(socket.SOCK_DGRAM) as own:
            own.bind(("0.0.0.0", 5001))
            join(own)
            s.bind(("0.0.0.0", 4001))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(TOYNET))
            s.sendto(b"one", (GROUP, 5001))
            expect_equal(own.recvfrom(100), (b"one", (TOYNET, 4001)), "what comes back to a member of our own")
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 7)
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            s.sendto(b"two", (GROUP, 5001))
            expect_equal(member.wait(), [(b"one", 1, (TOYNET, 4001)), (b"two", 7, (TOYNET, 4001))], "what the kernel heard")
            expect(not readable(own, 0.3), "IP_MULTICAST_LOOP 0 came back")


SPECIFIC = "232.7.7.7"  # RFC 4607: a group of source-specific multicast
STRANGER = "10.77.0.9"
IP_MULTICAST_ALL, IP_ADD_SOURCE, IP_DROP_SOURCE = 49, 39, 40
IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE = 38, 37


def kernel_source_member(child):
    """A member of SPECIFIC from toynet, one from a stranger, and one of GROUP that blocks toynet; what each heard until None."""
    sockets = []
    for group, option, source in ((SPECIFIC, IP_ADD_SOURCE, TOYNET), (SPECIFIC, IP_ADD_SOURCE, STRANGER),
                                  (GROUP, IP_BLOCK_SOURCE, TOYNET)):
        s = kernel_socket(socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        s.bind(("", 5002))
        if option == IP_BLOCK_SOURCE:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq(group, KERNEL))
            s.setsockopt(socket.IPPROTO_IP, option, struct.pack("4s4s4s", *map(socket.inet_aton, (group, KERNEL, source))))
        else:
            s.setsockopt(socket.IPPROTO_IP, option, mreq(group, KERNEL, source))
        sockets.append(s)
    child.tell()
    child.ask()
    return [[s.recv(100) for _ in iter(lambda s=s: readable(s, 0.3), False)] for s in sockets]


@test()
def source_specific_multicast_from_toynet():
    with Lab() as lab:
        lab.start()
        member = lab.kernel(kernel_source_member)
        member.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(TOYNET))
            s.sendto(b"to the specific group", (SPECIFIC, 5002))
            s.sendto(b"to the group that blocks us", (GROUP, 5002))
        time.sleep(0.2)
        member.tell()
        expect_equal(member.wait(), [[b"to the specific group"], [], []],
                     "what the member from toynet, that from another source, and the one that blocks toynet heard")


@test()
def source_specific_multicast_to_toynet():
    def source_membership(s, option, source, group=SPECIFIC):
        s.setsockopt(socket.IPPROTO_IP, option, mreq(group, TOYNET, source))

    with Lab() as lab:
        lab.start()
        sender = lab.kernel(kernel_group_sender, (SPECIFIC,))
        sender.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 5000))
            source_membership(s, IP_ADD_SOURCE, STRANGER)
            sender.tell(b"not of our source")
            expect(not readable(s, 0.3), "a source that was not asked for was heard")
            source_membership(s, IP_ADD_SOURCE, KERNEL)
            sender.tell(b"of our source")
            expect_equal(s.recvfrom(100), (b"of our source", (KERNEL, 4000)), "source-specific multicast")
            source_membership(s, IP_DROP_SOURCE, KERNEL)
            sender.tell(b"dropped again")
            expect(not readable(s, 0.3), "a source that was dropped was heard")
            with expect_error(errno.EADDRNOTAVAIL, "a source that is no longer there"):
                source_membership(s, IP_DROP_SOURCE, KERNEL)
        sender.tell(None)
        sender.wait()


@test()
def multicast_in_fragments_and_after_leaving():
    size = 8000

    def kernel_end(child):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq(GROUP, KERNEL))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(KERNEL))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            s.settimeout(10)
            s.bind((GROUP, 5003))
            child.tell()
            heard = s.recv(10000)
            s.sendto(heard[::-1], (GROUP, 5003))
            child.ask()
            s.sendto(b"after the leave", (GROUP, 5003))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, mreq(GROUP, KERNEL))
            child.tell()
            s.settimeout(0.5)
            try:
                return s.recv(100)
            except TimeoutError:
                return None

    with Lab() as lab:
        daemon = lab.start()
        kernel = lab.kernel(kernel_end)
        kernel.ask()
        data = bytes(i * 7 & 0xff for i in range(size))
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 5003))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(TOYNET))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            join(s)
            s.sendto(data, (GROUP, 5003))
            expect_equal(s.recv(10000), data[::-1], "multicast of six fragments, both ways")
            leave(s)
            kernel.tell()
            kernel.ask()
            expect(not readable(s, 0.3), "a group was heard after it was left")
            s.sendto(b"nobody is there", (GROUP, 5003))
            expect_equal(kernel.wait(), None, "what the kernel heard after it left")
        stats = daemon.stats()
        expect_equal((stats["IpReasmOKs"], stats["IpFragOKs"]), (1, 1), "IpReasmOKs, IpFragOKs")


def igmp_text(packet):
    """An IGMP message from the network header on, as text."""
    header = (packet[0] & 15) * 4
    m = packet[header:]
    expect_equal((packet[8], header, packet[20:24]), (1, 24, b"\x94\x04\0\0"), "TTL 1 and the Router Alert option")
    names = {0x12: "v1", 0x16: "v2", 0x17: "leave"}
    if m[0] in names:
        return f"{names[m[0]]} {socket.inet_ntoa(m[4:8])}"
    expect_equal(m[0], 0x22, "the type of an IGMP message from toynet")
    records, at = [], 8
    for _ in range(struct.unpack("!H", m[6:8])[0]):
        kind, _, sources, group = struct.unpack("!BBH4s", m[at:at + 8])
        name = ("?", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK")[kind]
        listed = [socket.inet_ntoa(m[i:i + 4]) for i in range(at + 8, at + 8 + 4 * sources, 4)]
        records.append(" ".join([name, socket.inet_ntoa(group), *listed]))
        at += 8 + 4 * sources
    return ", ".join(records)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def igmp_router(child, interface):
    """Tells what toynet says in IGMP; a word of the parent is a query to be sent: (message, group)."""
    capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    capture.bind((interface, 0x0800))
    query = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
    query.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(KERNEL))
    query.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    query.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x94\x04\0\0")
    child.tell()
    while True:
        ready, _, _ = select.select([capture, child.pipe], [], [])
        if child.pipe in ready:
            word = child.ask()
            if word is None:
                return
            message, to = word
            message = message[:2] + struct.pack("!H", checksum(message[:2] + b"\0\0" + message[4:])) + message[4:]
            query.sendto(message, (to, 0))
        if capture in ready:
            packet = capture.recv(2000)
            if packet[9] == 2 and packet[12:16] == socket.inet_aton(TOYNET):
                child.tell(igmp_text(packet))


@test()
def igmp_reports():
    general3 = struct.pack("!BBH4sBBH", 0x11, 5, 0, bytes(4), 2, 125, 0)
    general2 = struct.pack("!BBH4s", 0x11, 5, 0, bytes(4))
    with Lab() as lab:
        daemon = lab.start()
        router = lab.kernel(igmp_router, "tap0")
        router.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            join(s)
            for _ in range(2):
                expect_equal(router.ask(), f"TO_EX {GROUP}", "a join, twice (RFC 3376 5.1)")
            s.setsockopt(socket.IPPROTO_IP, 39, mreq(OTHER, TOYNET, KERNEL))
            for _ in range(2):
                expect_equal(router.ask(), f"ALLOW {OTHER} {KERNEL}", "a source, twice")
            router.tell((general3, "224.0.0.1"))
            expect_equal(router.ask(), f"IS_EX {GROUP}, IS_IN {OTHER} {KERNEL}", "the answer to a general query")
            leave(s)
            for _ in range(2):
                expect_equal(router.ask(), f"TO_IN {GROUP}", "a leave, twice")
            router.tell((general2, "224.0.0.1"))
            expect_equal(router.ask(), f"v2 {OTHER}", "the answer to an IGMPv2 router")
            s.close()
            expect_equal(router.ask(), f"leave {OTHER}", "a socket that is closed leaves its groups")
        router.tell(None)
        stats = daemon.stats()
        expect_equal((stats["IgmpInQueries"], stats["IgmpOutLeaves"]), (2, 1), "IgmpInQueries, IgmpOutLeaves")
        expect_equal(stats["IgmpOutReports"], 8, "IgmpOutReports")


@test()
def broadcast():
    def kernel_end(child):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.settimeout(10)
            s.bind(("", 6700))
            child.tell()
            heard = s.recvfrom(100)
            s.sendto(b"everybody", (BROADCAST, 6800))
            return heard

    with Lab() as lab:
        lab.start()
        kernel = lab.kernel(kernel_end)
        kernel.ask()
        with Sock(socket.SOCK_DGRAM) as a, Sock(socket.SOCK_DGRAM) as b:
            for s in (a, b):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("0.0.0.0", 6800))
            with expect_error(errno.EACCES, "connect to a broadcast address without SO_BROADCAST"):
                a.connect((BROADCAST, 6700))
            a.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            a.sendto(b"who is there?", (BROADCAST, 6700))
            for s in (a, b):
                expect_equal(s.recvfrom(100), (b"everybody", (KERNEL, 6700)), "a broadcast")
        expect_equal(kernel.wait(), (b"who is there?", (TOYNET, 6800)), "the broadcast that the kernel heard")


@test()
def errors_of_a_connected_socket():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as connected, Sock(socket.SOCK_DGRAM) as unconnected:
            connected.connect((KERNEL, 5302))
            connected.send(b"x")
            expect(readable(connected, 5), "an error makes the socket readable")
            with expect_error(errno.ECONNREFUSED, "recv after port unreachable"):
                connected.recv(100)
            # As on Linux: who has several peers could not tell which one is meant.
            unconnected.sendto(b"x", (KERNEL, 5302))
            expect(not readable(unconnected, 0.3), "an unconnected socket got an ICMP error")


def kernel_from_many_ports(child, count, port):
    """One datagram from each of `count' sockets, twice."""
    sockets = [kernel_socket(socket.SOCK_DGRAM) for _ in range(count)]
    for _ in range(2):
        for i, s in enumerate(sockets):
            s.sendto(struct.pack("=I", i), (TOYNET, port))
            time.sleep(0.001)
    child.tell()


def drain(s):
    got = []
    while readable(s, 0.5):
        got.append(struct.unpack("=I", s.recv(100))[0])
    return got


@test()
def errors_of_the_call_that_sends():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            with expect_error(errno.EDESTADDRREQ, "send without a peer"):
                s.send(b"x")
            with expect_error(errno.ENETUNREACH, "an address without a route"):
                s.sendto(b"x", ("192.0.2.1", 9))
            with expect_error(errno.EINVAL, "port 0"):
                s.sendto(b"x", (KERNEL, 0))
            with expect_error(errno.EACCES, "a broadcast without SO_BROADCAST"):
                s.sendto(b"x", (BROADCAST, 9))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b"x", (BROADCAST, 9))
            s.sendto(b"x", (KERNEL, 9))
            with expect_error(errno.EINVAL, "port 0 of an address that is known to be good"):
                s.sendto(b"x", (KERNEL, 0))
            expect(not readable(s, 0.3), "an error came twice")


@test()
def reuseport_shares_datagrams():
    count = 100
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as a, Sock(socket.SOCK_DGRAM) as b, Sock(socket.SOCK_DGRAM) as stranger:
            for s in (a, b):
                s.setsockopt(socket.SOL_SOCKET, SO_REUSEPORT, 1)
                s.bind((TOYNET, 5304))
            with expect_error(errno.EADDRINUSE, "bind without SO_REUSEPORT"):
                stranger.bind((TOYNET, 5304))
            lab.kernel(kernel_from_many_ports, count, 5304).ask()
            shares = [drain(a), drain(b)]
            expect_equal(sorted(shares[0] + shares[1]), sorted(list(range(count)) * 2), "each datagram arrives once")
            for share in shares:
                expect(len(share) >= count // 2, f"one of two sockets got only {len(share)} of {2 * count}")
                expect_equal(share[:len(share) // 2], share[len(share) // 2:], "both datagrams of a remote go to one socket")


@test()
def reuseport_shares_connections():
    def connect_many(child, count):
        sockets = [kernel_socket() for _ in range(count)]
        for s in sockets:
            s.connect((TOYNET, 5305))
        child.tell()
        child.ask()

    count = 60
    with Lab() as lab:
        lab.start()
        with Sock() as a, Sock() as b:
            for s in (a, b):
                s.setsockopt(socket.SOL_SOCKET, SO_REUSEPORT, 1)
                s.bind((TOYNET, 5305))
                s.listen(count)
            kernel = lab.kernel(connect_many, count)
            kernel.ask()
            shares = []
            for s in (a, b):
                accepted = []
                while readable(s, 0.5):
                    accepted.append(s.accept()[0])
                shares.append(len(accepted))
                for c in accepted:
                    c.close()
            expect_equal(sum(shares), count, "connections accepted by both listeners")
            expect(min(shares) >= count // 5, f"the connections are shared {shares}")
            kernel.tell()


def kernel_burst(child, count, size):
    """Datagrams with a number each, a few at a time, so that nothing in front of the socket drops them."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        for i in range(count):
            s.sendto(struct.pack("=I", i) + bytes(size - 4), (TOYNET, 5306))
            if i % 16 == 15:
                time.sleep(0.002)


@test()
def every_datagram_lost_is_counted():
    count, size = 4000, 1400
    with Lab() as lab:
        daemon = lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.bind((TOYNET, 5306))
            row = daemon.sockets()[0]
            before = daemon.stats()
            lab.kernel(kernel_burst, count, size).wait()

            def settled():
                block = daemon.control_block(row["id"])["udp"]
                return block if block["datagrams_in"] + block["receive_drops"] == count else None

            block = wait_until(settled, 10, lambda: f"every datagram is in or dropped: {daemon.control_block(row['id'])}")
            got = 0
            while readable(s, 0.5):
                expect_equal(len(s.recv(2000)), size, "the length of a datagram")
                got += 1
            expect(block["receive_drops"] > 0, "the buffer did not overflow")
            expect_equal(got, count - block["receive_drops"], "datagrams read, and the gap that the socket's counter tells")
            expect_equal(daemon.stats()["UdpRcvbufErrors"] - before["UdpRcvbufErrors"], block["receive_drops"],
                         "UdpRcvbufErrors")


@test()
def none_is_lost_when_paced():
    def paced(child, count):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.bind((KERNEL, 5307))
            child.tell()
            s.recv(100)  # both addresses are known: the kernel keeps only so much for one that is not
            for i in range(count):
                s.sendto(struct.pack("=I", i) + bytes(1396), (TOYNET, 5307))
                if i % 32 == 31:
                    s.recv(100)  # the reader is there

    count = 4096
    with Lab() as lab:
        daemon = lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind((TOYNET, 5307))
            kernel = lab.kernel(paced, count)
            kernel.ask()
            s.sendto(b"go", (KERNEL, 5307))
            for i in range(count):
                expect_equal(struct.unpack("=I", s.recv(2000)[:4])[0], i, "the number of a datagram")
                if i % 32 == 31:
                    s.sendto(b"go", (KERNEL, 5307))
            kernel.wait()
            expect_equal(daemon.stats()["UdpRcvbufErrors"], 0, "UdpRcvbufErrors")
