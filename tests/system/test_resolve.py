"""The resolver of libtoynet, with a name server of the kernel's side."""
import ctypes
import os
import socket
import struct
import time

from toynettest import (KERNEL, TOYNET, Lab, command, expect, expect_equal, kernel_listener, lib, program, test)

A, NS, CNAME, SOA, PTR, AAAA, OPT = 1, 2, 5, 6, 12, 28, 41
PORT = 5353
SOA_DATA = b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 60)


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def four(text):
    return socket.inet_aton(text)


# name -> [(type, ttl, data)]
ZONE = {
    "web.example.org": [(A, 60, four("192.0.2.80")), (A, 30, four("192.0.2.81")),
                        (AAAA, 60, socket.inet_pton(socket.AF_INET6, "2001:db8::80"))],
    "www.example.org": [(CNAME, 60, wire("web.example.org"))],
    "host.example.org": [(A, 60, four(KERNEL))],
    "two.example.org": [(A, 60, four("10.77.0.9")), (A, 60, four(KERNEL))],
    "short.example.org": [(A, 1, four("192.0.2.1"))],
    "many.example.org": [(A, 60, bytes([10, 0, i // 250, i % 250 + 1])) for i in range(300)],
    "1.0.77.10.in-addr.arpa": [(PTR, 60, wire("host.example.org"))],
}


class Nameserver:
    """Answers by the zone, on UDP and TCP; ends with its process."""

    def __init__(self):
        self.asked = {}
        self.edns = 0

    def answer(self, query, tcp):
        number, _, _, _, _, extra = struct.unpack("!6H", query[:12])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question, name = query[12:at + 5], ".".join(labels)
        self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
        self.edns += extra
        if name.startswith("silent"):
            return None
        rows, owner = [], name
        for _ in range(4):
            found = ZONE.get(owner, [])
            rows += [(owner, *row) for row in found if row[0] in (kind, CNAME)]
            alias = [row for row in found if row[0] == CNAME]
            if not alias:
                break
            owner = "web.example.org"
        body = b"".join(wire(o) + struct.pack("!HHIH", t, 1, ttl, len(d)) + d for o, t, ttl, d in rows)
        authority = b"" if rows else wire("example.org") + struct.pack("!HHIH", SOA, 1, 60, len(SOA_DATA)) + SOA_DATA
        code = 0 if name in ZONE else 3
        flags = 0x8580 | code
        if not tcp and len(body) > 1200:
            return struct.pack("!6H", number, flags | 0x200, 1, 0, 0, 0) + question
        return struct.pack("!6H", number, flags, 1, len(rows), 0 if rows else 1, 0) + question + body + authority


def nameserver(child):
    """The child: says when it is ready, and what was asked when it is told to stop."""
    import select

    server = Nameserver()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((KERNEL, PORT))
    tcp = kernel_listener(PORT)
    child.tell()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for s in select.select([udp, tcp], [], [], 0.1)[0]:
            if s is udp:
                query, peer = udp.recvfrom(4096)
                if b"report" in query:
                    udp.sendto(repr((server.asked, server.edns)).encode(), peer)
                    continue
                answer = server.answer(query, False)
                if answer:
                    udp.sendto(answer, peer)
            else:
                connection, _ = tcp.accept()
                length = struct.unpack("!H", connection.recv(2))[0]
                answer = server.answer(connection.recv(length), True)
                connection.sendall(struct.pack("!H", len(answer)) + answer)
                connection.close()


def report(lab):
    def ask():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.sendto(b"report", (KERNEL, PORT))
        return eval(s.recv(65536).decode())  # pylint: disable=eval-used

    return lab.kernel(lambda child: ask()).wait()


def resolve(daemon, *argv, check=True):
    return daemon.ctl("resolve", *argv, check=check)


@test()
def names_by_toynetctl():
    with Lab() as lab:
        daemon = lab.start(dns=f"{KERNEL}:{PORT}", search="lan.example.org, example.org")
        server = lab.kernel(nameserver)
        server.ask()
        text = resolve(daemon, "-4", "www.example.org").stdout
        expect("192.0.2.80" in text and "192.0.2.81" in text and "web.example.org" in text, text)
        expect("2001:db8::80" in resolve(daemon, "www.example.org").stdout, "an IPv6 address")
        expect("192.0.2.80" in resolve(daemon, "-4", "web").stdout, "the search list")
        expect("host.example.org" in resolve(daemon, KERNEL).stdout, "the name of an address")
        many = resolve(daemon, "-4", "many.example.org").stdout
        expect(many.count("10.0.0.") >= 30, f"an answer by TCP: {many}")
        expect("127.0.0.1" in resolve(daemon, "localhost").stdout, "localhost")
        missing = resolve(daemon, "none.example.org", check=False)
        expect(missing.returncode == 1 and "none.example.org" in missing.stderr, missing.stderr)
        began = time.monotonic()
        silent = resolve(daemon, "-4", "--timeout", "1", "silent.example.org.", check=False)
        expect(silent.returncode == 1 and "time" in silent.stderr, silent.stderr)
        expect(time.monotonic() - began < 4, "the timeout is kept")
        asked, edns = report(lab)
        expect(asked["web.lan.example.org", A] == 1 and edns > 3, f"{asked}, EDNS {edns}")


class AddrInfo(ctypes.Structure):
    pass


AddrInfo._fields_ = [("flags", ctypes.c_int), ("family", ctypes.c_int), ("type", ctypes.c_int),
                     ("protocol", ctypes.c_int), ("addrlen", ctypes.c_uint), ("addr", ctypes.c_void_p),
                     ("canonname", ctypes.c_char_p), ("next", ctypes.POINTER(AddrInfo))]


def lookups(*names):
    """Status of each lookup, in one process."""
    hints, results = AddrInfo(family=socket.AF_INET, type=socket.SOCK_STREAM), []
    for name in names:
        res = ctypes.POINTER(AddrInfo)()
        if name is None:
            time.sleep(1.2)
            continue
        status = lib().toynet_getaddrinfo(name.encode(), b"80", ctypes.byref(hints), ctypes.byref(res))
        results.append(status)
        lib().toynet_freeaddrinfo(res)
    return results


@test()
def answers_are_kept_as_long_as_their_ttl():
    with Lab() as lab:
        lab.start(dns=f"{KERNEL}:{PORT}")
        server = lab.kernel(nameserver)
        server.ask()
        results = lab.client(lambda child: lookups("web.example.org", "WEB.example.org", "none.example.org",
                                                   "none.example.org", "short.example.org", None,
                                                   "short.example.org")).wait()
        expect_equal(results, [0, 0, socket.EAI_NONAME, socket.EAI_NONAME, 0, 0], "results")
        asked, _ = report(lab)
        expect_equal((asked["web.example.org", A], asked["none.example.org", A], asked["short.example.org", A]),
                     (1, 1, 2), "how often the server was asked")


def connect_host(name, port, timeout_ms):
    lib().toynet_error_detail.restype = ctypes.c_char_p
    began = time.monotonic()
    fd = lib().toynet_connect_host(name.encode(), str(port).encode(), 0, timeout_ms)
    took = time.monotonic() - began
    if fd < 0:
        return None, os.strerror(ctypes.get_errno()), lib().toynet_error_detail().decode(), took
    data = os.read(fd, 100)
    os.close(fd)
    return data, "", "", took


def greet(child):
    with kernel_listener(7000) as listener:
        child.tell()
        for _ in range(2):
            connection, _ = listener.accept()
            connection.sendall(b"hello")
            connection.close()


@test()
def connect_by_name():
    with Lab() as lab:
        lab.start(dns=f"{KERNEL}:{PORT}")
        server, listener = lab.kernel(nameserver), lab.kernel(greet)
        server.ask()
        listener.ask()

        def script(_):
            return [connect_host("host.example.org", 7000, -1), connect_host("two.example.org", 7000, 5000),
                    connect_host("none.example.org", 7000, 5000), connect_host("host.example.org", 7001, 5000)]

        plain, second, unknown, closed = lab.client(script).wait()
        expect_equal(plain[0], b"hello", "the only address")
        expect_equal(second[0], b"hello", "the second address, the first does not answer")
        expect(second[3] < 2, f"it took {second[3]:.1f} s")
        expect(unknown[0] is None and "resolve none.example.org" in unknown[2], unknown)
        expect(closed[0] is None and "connect host.example.org port 7001" in closed[2] and "refused" in closed[2], closed)
        listener.wait()


@test()
def without_servers_it_says_so():
    with Lab() as lab:
        daemon = lab.start(dns="10.77.0.200")
        failed = resolve(daemon, "-4", "--timeout", "2", "web.example.org", check=False)
        expect(failed.returncode == 1, failed.stderr)
        result = command(program("cli/toynetctl"), "--socket", "/nonexistent/toynet.sock", "resolve", "web.example.org",
                         check=False)
        expect_equal(result.returncode, 3, "exit status without a daemon")
        bad = command(program("daemon/toynetd"), "--check-config", "--address", f"{TOYNET}/24", "--dns", "10.0.0.300",
                      check=False)
        expect(bad.returncode != 0 and "dns" in bad.stderr, bad.stderr)
