"""Clients and frames that mean harm: a clear error or a counted drop, and a bystander who hardly notices."""
import contextlib
import os
import random
import resource
import select
import socket
import struct
import time

import stubs
from test_lan import daemon_mac, inject
from toynettest import (KERNEL, TOYNET, Lab, Sock, expect, expect_equal, kernel_listener, send_stream, test, wait_until)

BYSTANDER_PORT = 5900
PORT = 5901
RATE = 20 << 20  # bytes per second of the bystander: a load, but not all that the machine can do
SHARE = 0.8
STALL = 1.0
ABUSE_SECONDS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def bystander_source(_, port):
    """Sends at RATE until it is killed; what could not be sent in time is not caught up."""
    tick = 0.005
    piece = bytes(int(RATE * tick))
    with Sock() as s:
        s.connect((KERNEL, port))
        due = time.monotonic()
        while True:
            s.sendall(piece)
            due = max(due + tick, time.monotonic() - 10 * tick)
            time.sleep(max(0.0, due - time.monotonic()))


def bystander_sink(child, port):
    """Reads; whenever it is asked, tells (bytes, seconds, longest pause) since it was asked before."""
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        count, began = 0, time.monotonic()
        last, longest = began, 0.0
        while True:
            ready, _, _ = select.select([connection, child.pipe], [], [])
            now = time.monotonic()
            longest = max(longest, now - last)
            if connection in ready:
                n = len(connection.recv(1 << 20))
                expect(n, "the bystander's connection ended")
                count += n
                last = now
            if child.pipe in ready:
                child.ask()
                child.tell((count, now - began, longest))
                count, began, longest = 0, now, 0.0


class Bystander:
    def __init__(self, lab):
        self.sink = lab.kernel(bystander_sink, BYSTANDER_PORT)
        self.sink.ask()
        self.source = lab.client(bystander_source, BYSTANDER_PORT)
        time.sleep(0.5)
        self.mark()
        time.sleep(1.5)
        self.before, longest = self.mark()
        expect(longest < STALL, f"the bystander paused for {longest:.2f} s before anything happened")

    def mark(self):
        self.sink.tell()
        count, seconds, longest = self.sink.ask()
        return count / seconds, longest

    def undisturbed(self, what):
        rate, longest = self.mark()
        expect(rate >= SHARE * self.before,
               f"{what}: the bystander keeps {100 * rate / self.before:.0f} % of {self.before / 2**20:.1f} MiB/s")
        expect(longest < STALL, f"{what}: the bystander paused for {longest:.2f} s")


def firehose(child, port, count):
    """A kernel program that sends for ever to whoever connects."""
    with kernel_listener(port) as listener:
        child.tell()
        connections = []
        for _ in range(count):
            connection, _ = listener.accept()
            connection.setblocking(False)
            connections.append(connection)
        while True:
            _, writable, _ = select.select([], connections, [], 1)
            for connection in writable:
                with contextlib.suppress(BlockingIOError):
                    connection.send(bytes(1 << 18))


def resident(pid):
    """Bytes of memory that a process has in use."""
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


@test()
def client_that_never_reads():
    count = 8
    with Lab() as lab:
        daemon = lab.start("release", rcvbuf="1M")
        bystander = Bystander(lab)
        before = resident(daemon.pid)
        lab.kernel(firehose, PORT, count).ask()
        held = [Sock().connect((KERNEL, PORT)) for _ in range(count)]
        inodes = [os.fstat(s.fd).st_ino for s in held]
        time.sleep(ABUSE_SECONDS)
        bystander.undisturbed(f"{count} clients that never read")
        for row in daemon.sockets():
            if row["inode"] in inodes:
                # The right edge never moves back, so rounding may take some bytes more (RFC 9293 3.8.6, SHLD-14).
                expect(64 << 10 <= row["recv_q"] <= (1 << 20) * 9 // 8 + 512,
                       lambda: f"Recv-Q of a socket with SO_RCVBUF 1 MiB: {row['recv_q']}; {daemon.control_block(row['id'])}")
        grown = resident(daemon.pid) - before
        expect(grown < count * (3 << 19) + (8 << 20), f"the daemon grew by {grown >> 20} MiB")
        for s in held:
            s.close()
        wait_until(lambda: len(daemon.sockets()) == 1, 10, "their rows are gone")


def udp_flood(_, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        end = time.monotonic() + seconds
        sent = 0
        while time.monotonic() < end:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    s.sendto(bytes(1000), (TOYNET, PORT))
                    sent += 1
            time.sleep(0.002)
        return sent


@test()
def datagram_socket_that_is_never_read():
    with Lab() as lab:
        daemon = lab.start("release")
        bystander = Bystander(lab)
        before = resident(daemon.pid)
        s = Sock(socket.SOCK_DGRAM)
        s.bind((TOYNET, PORT))
        sent = lab.kernel(udp_flood, ABUSE_SECONDS).wait()
        bystander.undisturbed("a datagram socket that is never read")
        expect(resident(daemon.pid) - before < 16 << 20, "the daemon grew")
        inode = os.fstat(s.fd).st_ino
        row = [r for r in daemon.sockets() if r["inode"] == inode][0]
        block = daemon.control_block(row["id"])["udp"]
        expect_equal(block["datagrams_in"] + block["receive_drops"] >= sent * 0.9, True, f"{sent} datagrams are accounted for: {block}")
        expect(block["receive_drops"] > 0, f"the drops are not counted: {block}")
        s.close()


def pieces_of_garbage():
    """What a confused or hostile client may send to the control socket."""
    rng = random.Random(4)
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    yield b""
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield PREFACE
    yield PREFACE[:10]
    for size in (1, 8, 9, 24, 100, 4096, 70000):
        yield rng.randbytes(size)
        yield PREFACE + rng.randbytes(size)
        yield PREFACE + settings + rng.randbytes(size)
    for kind in range(12):
        for flags in (0, 0xff):
            yield PREFACE + settings + b"\x00\x00\x08" + bytes([kind, flags]) + struct.pack("!I", kind % 4) + rng.randbytes(8)
    yield PREFACE + settings + b"\xff\xff\xff\x01\x04\x00\x00\x00\x01" + bytes(20000)
    # A header block that never ends.
    yield PREFACE + settings + b"\x00\x40\x00\x01\x00\x00\x00\x00\x01" + bytes(16384) + \
        (b"\x00\x40\x00\x09\x00\x00\x00\x00\x01" + bytes(16384)) * 20


def send_garbage(_, path, seconds):
    """Sends each piece on a connection of its own, some with descriptors; keeps 100 connections half open. Returns how many."""
    held, count = [], 0
    end = time.monotonic() + seconds
    with open("/dev/null") as null:
        while time.monotonic() < end:
            for piece in pieces_of_garbage():
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(1)
                with contextlib.suppress(OSError):
                    s.connect(path)
                    if piece and count % 3 == 0:
                        socket.send_fds(s, [piece], [null.fileno()] * (count % 7 + 1))
                    else:
                        s.sendall(piece)
                held.append(s)
                if len(held) > 100:
                    held.pop(0).close()
                count += 1
                time.sleep(0.002)
    for s in held:
        s.close()
    return count


@test()
def garbage_to_the_control_socket():
    with Lab() as lab:
        daemon = lab.start()
        before = daemon.descriptors()
        bystander = Bystander(lab)
        count = lab.client(send_garbage, daemon.socket, ABUSE_SECONDS).wait()
        expect(count > 100, f"only {count} connections")
        bystander.undisturbed(f"{count} connections with garbage")
        expect_equal(len(daemon.sockets()), 1, "rows")
        bystander.source.kill()
        bystander.sink.kill()
        wait_until(lambda: daemon.descriptors() <= before, 15,
                   lambda: f"no descriptor that came with garbage is left; {before} before, {daemon.descriptors()} now")
        daemon.no_sanitizer_report()


def oversized(_, path, folder, seconds):
    grpc, pb = stubs.load(folder)
    codes = set()
    end = time.monotonic() + seconds
    with grpc.insecure_channel(f"unix:{path}") as channel:
        while time.monotonic() < end:
            for size in (65_537, 70_000, 1_000_000, 4_000_000):
                try:
                    channel.unary_unary("/toynet.v1.Sockets/Bind")(bytes(size), timeout=10)
                    codes.add("OK")
                except grpc.RpcError as error:
                    codes.add(error.code().name)
                time.sleep(0.01)
    return codes


@test()
def oversized_messages():
    with Lab() as lab:
        daemon = lab.start()
        bystander = Bystander(lab)
        codes = lab.client(oversized, daemon.socket, lab.dir, ABUSE_SECONDS).wait()
        expect_equal(codes, {"RESOURCE_EXHAUSTED"}, "statuses of oversized messages")
        bystander.undisturbed("oversized messages")
        daemon.no_sanitizer_report()


def inject_for(child, mac, seconds):
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        count += inject(child, mac, 1)
        time.sleep(0.01)
    return count


@test()
def frames_of_every_length_beside_a_bystander():
    with Lab() as lab:
        daemon = lab.start()
        bystander = Bystander(lab)
        count = lab.kernel(inject_for, daemon_mac(daemon), ABUSE_SECONDS).wait()
        bystander.undisturbed(f"{count} bad frames")
        daemon.no_sanitizer_report()


def header_block(path):
    """HPACK (RFC 7541 6.2.2): every header as a literal, without a table."""
    headers = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
               ("content-type", "application/grpc"), ("te", "trailers"))
    return b"".join(b"\x00" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in headers)


def ask_and_never_read(child, path, streams):
    """Asks for the list of sockets again and again, with the widest windows, and reads nothing."""
    def frame(kind, flags, stream, payload):
        return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload

    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(5)
    s.sendall(PREFACE + frame(4, 0, 0, struct.pack("!HI", 4, 2**31 - 1)) + frame(8, 0, 0, struct.pack("!I", 2**31 - 65536)))
    block = header_block("/toynet.v1.Sockets/List")
    with contextlib.suppress(OSError):  # the daemon may well end this
        for number in range(streams):
            s.sendall(frame(1, 4, 2 * number + 1, block) + frame(0, 1, 2 * number + 1, bytes(5)))
    child.tell()
    child.ask(120)


@test()
def rpc_client_that_never_reads():
    with Lab() as lab:
        daemon = lab.start("release")
        held = [Sock() for _ in range(500)]
        bystander = Bystander(lab)
        before = resident(daemon.pid)
        clients = [lab.client(ask_and_never_read, daemon.socket, 100) for _ in range(4)]
        for client in clients:
            client.ask()
        time.sleep(1)
        grown = resident(daemon.pid) - before
        expect(grown < 16 << 20, f"the daemon grew by {grown >> 20} MiB for clients that do not read")
        bystander.undisturbed("RPC clients that never read")
        expect(len(daemon.sockets()) >= 500, "toynetctl is still answered")
        for s in held:
            s.close()


@test()
def datagram_headers_that_lie():
    """Malformed records on the descriptor of a datagram socket are counted and dropped."""
    def bad_records():
        rng = random.Random(9)
        head = struct.pack("=HBBIIHBBBBH16s", 0x7479, 2, 2, 4, 0, 0, 0, 0, 4, 0, 53, socket.inet_aton(KERNEL))
        good = head + bytes(192 - len(head)) + b"data"
        for cut in range(1, len(good)):
            yield good[:cut]
        yield good + b"more than it says"
        for _ in range(200):
            yield rng.randbytes(rng.randrange(1, 250))
        for position in range(192):
            yield good[:position] + bytes([good[position] ^ 0xff]) + good[position + 1:]

    with Lab() as lab:
        daemon = lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            before = daemon.stats()
            s.setblocking(True)
            for record in bad_records():
                os.write(s.fd, record)
            s.sendto(b"after all that", (KERNEL, PORT))
            after = wait_until(lambda: (lambda now: now if now != before else None)(daemon.stats()), 5, "the drops are counted")
            bad = {name: after[name] - before[name] for name in after if after[name] != before[name]}
            expect(any("Header" in name or "Malformed" in name or "Bad" in name for name in bad), f"counters that moved: {bad}")
        daemon.no_sanitizer_report()


@test()
def answers_that_are_not_read_do_not_hold_the_stream():
    """A peer that sends while nobody reads gets a closed window, not a reset; reading opens it again."""
    size = 8 << 20

    def source(child):
        with kernel_listener(PORT) as listener:
            child.tell()
            connection, _ = listener.accept()
            with connection:
                digest = send_stream(connection.send, size, 5)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
                return digest

    from toynettest import read_into, receive_stream

    with Lab() as lab:
        lab.start()
        kernel = lab.kernel(source)
        kernel.ask()
        with Sock() as s:
            s.connect((KERNEL, PORT))
            time.sleep(1.5)
            got = receive_stream(read_into(s.fd))
        expect_equal(got, (size, kernel.wait()), "bytes and SHA-256 after a pause of 1.5 s")
