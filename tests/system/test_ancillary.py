"""Ancillary data of datagrams, both ways, with the kernel's as the measure: addresses, TTL, TOS, IP options, times, losses,
errors in full, and what is too long for its path."""
import contextlib
import errno
import select
import socket
import struct
import time

from toynettest import KERNEL, TOYNET, Lab, Sock, command, expect, expect_equal, expect_error, kernel_socket, test

IP = socket.IPPROTO_IP
IP_RETOPTS, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_MTU = 7, 8, 10, 11, 12, 13, 14
IP_RECVOPTS = 6
PMTU_DONT, PMTU_WANT, PMTU_DO, PMTU_PROBE = range(4)
MSG_ERRQUEUE = 0x2000
SO_NO_CHECK, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_RXQ_OVFL, SO_MEMINFO = 11, 29, 35, 40, 55
SECOND = "10.77.0.9"
BROADCAST = "10.77.0.255"
RECORD_ROUTE = bytes([7, 7, 4, 0, 0, 0, 0, 0])


def ask_for_all(s):
    for name in (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS, IP_RETOPTS):
        s.setsockopt(IP, name, 1)


def named(ancillary):
    return {(level, kind): data for level, kind, data in ancillary}


def readable(s, seconds):
    return bool(select.select([s.fileno()], [], [], seconds)[0])


def kernel_sender(child):
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.bind((KERNEL, 4000))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(IP, socket.IP_TTL, 7)
        s.setsockopt(IP, socket.IP_TOS, 0x28)
        child.tell()
        while (word := child.ask()) is not None:
            data, to, options = word
            s.setsockopt(IP, socket.IP_OPTIONS, options)
            s.sendto(data, to)


@test()
def ancillary_received():
    with Lab() as lab:
        lab.start(address=f"{TOYNET}/24, {SECOND}/24")
        kernel = lab.kernel(kernel_sender)
        kernel.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 5400))
            ask_for_all(s)
            s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
            s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            before = time.time()
            kernel.tell((b"with options", (SECOND, 5400), RECORD_ROUTE))
            data, ancillary, flags, peer = s.recvmsg(100, 500)
            expect_equal((data, flags, peer), (b"with options", 0, (KERNEL, 4000)), "a datagram")
            got = named(ancillary)
            index, local, destination = struct.unpack("=i4s4s", got[IP, IP_PKTINFO])
            expect_equal((index, socket.inet_ntoa(local), socket.inet_ntoa(destination)), (2, SECOND, SECOND), "IP_PKTINFO")
            expect_equal(got[IP, socket.IP_TTL], struct.pack("=i", 7), "IP_TTL")
            expect_equal(got[IP, socket.IP_TOS], b"\x28", "IP_TOS")
            # The kernel records itself in what it sends.
            recorded = bytes([7, 7, 8]) + socket.inet_aton(KERNEL)
            expect_equal(got[IP, IP_RECVOPTS][:7], recorded, "IP_RECVOPTS")
            expect_equal(got[IP, IP_RETOPTS], recorded, "IP_RETOPTS")
            seconds, us = struct.unpack("=qq", got[socket.SOL_SOCKET, SO_TIMESTAMP])
            expect(before - 0.1 < seconds + us / 1e6 < time.time() + 0.1, f"arrived at {seconds}.{us:06}, sent at {before}")
            expect_equal(struct.unpack("=qq", got[socket.SOL_SOCKET, SO_TIMESTAMPNS])[1] // 1000, us, "both clocks")
            # RFC 1122 3.2.1.3: the specific destination of a broadcast is one of ours.
            kernel.tell((b"all", (BROADCAST, 5400), b""))
            got = named(s.recvmsg(100, 500)[1])
            expect_equal(got[IP, IP_PKTINFO][4:], socket.inet_aton(TOYNET) + socket.inet_aton(BROADCAST), "a broadcast")
            expect((IP, IP_RECVOPTS) not in got, "options of a datagram that has none")
        kernel.tell(None)
        kernel.wait()


def kernel_receiver(child, count):
    """What the kernel has received: data, peer, TTL, TOS, options."""
    with kernel_socket(socket.SOCK_DGRAM) as s:
        for name in (IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS):
            s.setsockopt(IP, name, 1)
        s.bind((KERNEL, 5401))
        s.settimeout(10)
        child.tell()
        heard = []
        for _ in range(count):
            data, ancillary, _, peer = s.recvmsg(100, 500)
            got = named(ancillary)
            heard.append((data, peer, got[IP, socket.IP_TTL][0], got[IP, socket.IP_TOS][0], got.get((IP, IP_RECVOPTS))))
        return heard


@test()
def ancillary_sent():
    with Lab() as lab:
        lab.start(address=f"{TOYNET}/24, {SECOND}/24")
        kernel = lab.kernel(kernel_receiver, 3)
        kernel.ask()
        to = (KERNEL, 5401)
        pktinfo = struct.pack("=i4s4s", 2, socket.inet_aton(SECOND), bytes(4))
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 4001))
            s.sendmsg([b"of ", b"its own"], [(IP, IP_PKTINFO, pktinfo), (IP, socket.IP_TTL, struct.pack("=i", 9)),
                                             (IP, socket.IP_TOS, struct.pack("=i", 0x10)),
                                             (IP, IP_RETOPTS, RECORD_ROUTE)], address=to)
            s.sendmsg([b"plain"], address=to)
            s.setsockopt(IP, socket.IP_OPTIONS, b"\x94\x04\0\0")
            expect_equal(s.getsockopt(IP, socket.IP_OPTIONS), struct.unpack("=i", b"\x94\x04\0\0")[0], "IP_OPTIONS")
            s.sendto(b"alert", to)
            heard = kernel.wait()
            expect_equal(heard[0][:4], (b"of its own", (SECOND, 4001), 9, 0x10), "what one datagram has of its own")
            expect_equal(heard[0][4][:2], b"\x07\x07", "its record route")
            expect_equal(heard[1], (b"plain", (TOYNET, 4001), 64, 0, None), "the next one")
            expect_equal(heard[2][4], b"\x94\x04\0\0", "IP_OPTIONS")
            for number, what in ((errno.EINVAL, pktinfo[:4] + socket.inet_aton(KERNEL) + bytes(4)),
                                 (errno.ENODEV, struct.pack("=i", 7) + pktinfo[4:])):
                with expect_error(number, f"IP_PKTINFO {what}"):
                    s.sendmsg([b"x"], [(IP, IP_PKTINFO, what)], address=to)
            route = b"\x83\x07\x04" + socket.inet_aton(KERNEL)
            with expect_error(errno.EPERM, "a source route, which are off"):
                s.sendmsg([b"x"], [(IP, IP_RETOPTS, route)], address=to)
            with expect_error(errno.EINVAL, "an option that is malformed"):
                s.sendmsg([b"x"], [(IP, IP_RETOPTS, b"\x07\x09\x04")], address=to)
            with expect_error(errno.EINVAL, "a control message that nobody knows"):
                s.sendmsg([b"x"], [(IP, 99, b"1234")], address=to)
            expect(not readable(s, 0.2), "a refusal came twice")


@test()
def a_server_answers_from_where_it_was_asked():
    """RFC 1122 4.1.3.5: the specific destination of the request is the source of the reply."""
    def asker(child, count):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            answers = []
            for i in range(count):
                s.sendto(b"%d" % i, ((TOYNET, SECOND)[i % 2], 5402))
                answers.append(s.recvfrom(100))
            return answers

    with Lab() as lab:
        lab.start(address=f"{TOYNET}/24, {SECOND}/24")
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 5402))
            s.setsockopt(IP, IP_PKTINFO, 1)
            kernel = lab.kernel(asker, 20)
            for _ in range(20):
                data, ancillary, _, peer = s.recvmsg(100, 100)
                s.sendmsg([data], ancillary, address=peer)
            expect_equal(kernel.wait(), [(b"%d" % i, ((TOYNET, SECOND)[i % 2], 5402)) for i in range(20)], "the answers")


def one_report(s):
    expect(readable(s, 5), "an error makes the socket readable")
    data, ancillary, flags, peer = s.recvmsg(1000, 500, MSG_ERRQUEUE)
    expect_equal(flags, MSG_ERRQUEUE, "the flags of a report")
    report = named(ancillary)[IP, IP_RECVERR]
    number, origin, kind, code, _, info, _ = struct.unpack("=IBBBBII", report[:16])
    return data, peer, (number, origin, kind, code, info), socket.inet_ntoa(report[20:24])


@test()
def errors_in_full():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.setsockopt(IP, IP_RECVERR, 1)
            with expect_error(errno.EAGAIN, "no report"):
                s.recvmsg(100, 500, MSG_ERRQUEUE)
            s.sendto(b"is anybody there?", (KERNEL, 5403))
            expect_equal(one_report(s), (b"is anybody there?", (KERNEL, 5403), (errno.ECONNREFUSED, 2, 3, 3, 0), KERNEL),
                         "port unreachable, of a socket that is not connected")
            # Who reads first gets the errno, and the report afterwards.
            s.sendto(b"again", (KERNEL, 5404))
            expect(readable(s, 5), "an error makes the socket readable")
            with expect_error(errno.ECONNREFUSED, "recv"):
                s.recv(100)
            expect_equal(s.recvmsg(100, 500, MSG_ERRQUEUE)[::3], (b"again", (KERNEL, 5404)), "the report of that")
            # Nobody has the address.
            s.sendto(b"lost", ("10.77.0.66", 9))
            expect_equal(one_report(s), (b"lost", ("10.77.0.66", 9), (errno.EHOSTUNREACH, 2, 3, 1, 0), TOYNET),
                         "no answer to ARP")


@contextlib.contextmanager
def narrow_lab():
    """toynet, a router whose far side takes 1280 bytes, and a kernel behind it at 10.78.0.2."""
    with Lab() as lab:
        lab.start(gateway=KERNEL)
        far = f"{lab.netns}f"
        command("ip", "netns", "add", far)
        lab.stack.callback(command, "ip", "netns", "del", far, check=False)
        lab.ip("link", "add", "near", "type", "veth", "peer", "name", "far")
        lab.ip("link", "set", "far", "netns", far)
        lab.ip("addr", "add", "10.78.0.1/24", "dev", "near")
        lab.ip("link", "set", "near", "mtu", "1280", "up")
        command("ip", "-n", far, "addr", "add", "10.78.0.2/24", "dev", "far")
        command("ip", "-n", far, "link", "set", "far", "mtu", "1280", "up")
        command("ip", "-n", far, "route", "add", "default", "via", "10.78.0.1")
        command("ip", "netns", "exec", lab.netns, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield lab


@test()
def what_is_too_long_for_its_path():
    with Lab() as lab:
        lab.start()
        for kind, protocol, header in ((socket.SOCK_DGRAM, 0, 28), (socket.SOCK_DGRAM, socket.IPPROTO_ICMP, 20),
                                       (socket.SOCK_RAW, 253, 20)):
            with Sock(kind, protocol=protocol) as s:
                fits, longer = (b"\x08" + bytes(n - header - 1) for n in (1500, 1501))
                with expect_error(errno.ENOTCONN, "IP_MTU of a socket without a peer"):
                    s.getsockopt(IP, IP_MTU)
                s.connect((KERNEL, 9 if header == 28 else 0))
                expect_equal(s.getsockopt(IP, IP_MTU), 1500, "IP_MTU")
                expect_equal(s.getsockopt(IP, IP_MTU_DISCOVER), PMTU_WANT, "IP_MTU_DISCOVER at first")
                s.send(longer)
                for mode in (PMTU_DO, PMTU_PROBE):
                    s.setsockopt(IP, IP_MTU_DISCOVER, mode)
                    s.send(fits)
                    with expect_error(errno.EMSGSIZE, f"1501 bytes with IP_MTU_DISCOVER {mode}"):
                        s.send(longer)
                with expect_error(errno.EINVAL, "an unknown mode"):
                    s.setsockopt(IP, IP_MTU_DISCOVER, 6)


@test()
def a_narrow_path_is_told():
    with narrow_lab() as lab, Sock(socket.SOCK_DGRAM) as s:
        far = ("10.78.0.2", 9)
        s.setsockopt(IP, IP_RECVERR, 1)
        s.setsockopt(IP, IP_MTU_DISCOVER, PMTU_DO)
        s.connect(far)
        s.send(bytes(1472))
        data, peer, report, offender = one_report(s)
        expect_equal((peer, report, offender), (far, (errno.EMSGSIZE, 2, 3, 4, 1280), KERNEL), "fragmentation needed")
        expect_equal(data, bytes(len(data)), "what it quotes")
        expect_equal(s.getsockopt(IP, IP_MTU), 1280, "IP_MTU")
        s.setsockopt(IP, IP_MTU_DISCOVER, PMTU_DO)
        with expect_error(errno.EMSGSIZE, "1280 bytes and one"):
            s.send(bytes(1253))
        s.send(bytes(1252))
        expect_equal(one_report(s)[2][0], errno.ECONNREFUSED, "what fits gets there")


@test()
def losses_are_told():
    def burst(child, count):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            for i in range(count):
                s.sendto(bytes(1400), (TOYNET, 5405))
                if i % 16 == 15:
                    time.sleep(0.002)
            child.ask()
            s.sendto(b"last", (TOYNET, 5405))

    count = 2000
    with Lab() as lab:
        daemon = lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            s.bind((TOYNET, 5405))
            kernel = lab.kernel(burst, count)
            time.sleep(1)
            got = 0
            while readable(s, 1):
                expect_equal(len(s.recvmsg(2000, 100)[0]), 1400, "the length of a datagram")
                got += 1
            kernel.tell()
            data, ancillary, _, _ = s.recvmsg(2000, 100)
            lost = struct.unpack("=I", named(ancillary)[socket.SOL_SOCKET, SO_RXQ_OVFL])[0]
            expect(lost > 0, "nothing was lost")
            expect_equal((data, got + lost), (b"last", count), "datagrams read, and those that SO_RXQ_OVFL tells of")
            expect_equal(daemon.control_block(daemon.sockets()[0]["id"])["udp"]["receive_drops"], lost, "toynetctl")
            kernel.wait()
