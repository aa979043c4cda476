"""Urgent data: MSG_OOB, SO_OOBINLINE, SIOCATMARK, SIGURG and POLLPRI between toynet and the kernel, both ways."""
import array
import errno
import fcntl
import os
import select
import signal
import socket
import time

from toynettest import (KERNEL, TOYNET, Lab, Sock, expect, expect_equal, expect_error, kernel_listener, read_all, test,
                        wait_until)

SIOCATMARK = 0x8905
SOL = socket.SOL_SOCKET


def at_mark(s):
    answer = array.array("i", [0])
    fcntl.ioctl(s.fileno(), SIOCATMARK, answer)
    return answer[0] == 1


def readable(s, seconds=5):
    p = select.poll()
    p.register(s.fileno(), select.POLLIN)
    return bool(p.poll(1000 * seconds))


def urgent(s, seconds=5):
    p = select.poll()
    p.register(s.fileno(), select.POLLPRI)
    return bool(p.poll(1000 * seconds))


def read_exactly(s, size):
    """By reads that stop at a mark; every piece."""
    pieces = []
    while sum(map(len, pieces)) < size:
        expect(readable(s), f"nothing more to be read after {pieces!r:.200}")
        pieces.append(s.recv(size))
    return pieces


def expect_out_of_band(s):
    """b"abc", the byte b"!" out of band, b"def"."""
    expect(urgent(s), "POLLPRI")
    expect_equal(b"".join(read_exactly(s, 3)), b"abc", "before the mark")
    wait_until(lambda: at_mark(s), 5, "SIOCATMARK")
    expect_equal(s.recv(10, socket.MSG_OOB), b"!", "the urgent byte")
    with expect_error(errno.EINVAL, "the urgent byte is taken once"):
        s.recv(10, socket.MSG_OOB)
    expect_equal(b"".join(read_exactly(s, 3)), b"def", "behind the mark")
    expect(not urgent(s, 0), "no POLLPRI any more")


def expect_in_line(s):
    """b"abc!def", with a mark at b"!"."""
    expect(urgent(s), "POLLPRI")
    expect_equal(b"".join(read_exactly(s, 3)), b"abc", "before the mark")
    wait_until(lambda: at_mark(s), 5, "SIOCATMARK")
    expect_equal(b"".join(read_exactly(s, 4)), b"!def", "from the mark on")


def send_with_urgent(s):
    s.sendall(b"abc")
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"def")


def kernel_side(child, port, in_line, sends):
    hits = []
    signal.signal(signal.SIGURG, lambda *_: hits.append(1))
    with kernel_listener(port) as listener:
        listener.setsockopt(SOL, socket.SO_OOBINLINE, in_line)
        child.tell()
        s = listener.accept()[0]
        with s:
            fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
            child.tell()
            child.ask()
            if sends:
                send_with_urgent(s)
            elif in_line:
                expect_in_line(s)
            else:
                expect_out_of_band(s)
            child.ask()
    return len(hits)


def connected(lab, port, in_line, sends):
    peer = lab.kernel(kernel_side, port, in_line, sends)
    peer.ask()
    s = Sock().connect((KERNEL, port))
    peer.ask()
    return peer, s


@test()
def from_toynet():
    with Lab() as lab:
        lab.start()
        for in_line in (0, 1):
            peer, s = connected(lab, 5900 + in_line, in_line, False)
            send_with_urgent(s)
            time.sleep(0.2)
            peer.tell()
            peer.tell()
            expect(peer.wait() > 0, "SIGURG in the kernel's process")
            s.close()


@test()
def to_toynet():
    hits = []
    signal.signal(signal.SIGURG, lambda *_: hits.append(1))
    with Lab() as lab:
        lab.start()
        for in_line in (0, 1):
            peer, s = connected(lab, 5910 + in_line, 0, True)
            s.setsockopt(SOL, socket.SO_OOBINLINE, in_line)
            expect_equal(s.getsockopt(SOL, socket.SO_OOBINLINE), in_line, "SO_OOBINLINE")
            fcntl.fcntl(s.fileno(), fcntl.F_SETOWN, os.getpid())
            hits.clear()
            peer.tell()
            time.sleep(0.2)
            (expect_in_line if in_line else expect_out_of_band)(s)
            expect(hits, "SIGURG here")
            peer.tell()
            peer.wait()
            s.close()


@test()
def the_urgent_byte_first():
    """With nothing in front of it, and several one after the other: the last one is the mark."""
    def serve(child):
        with kernel_listener(5920) as listener:
            child.tell()
            s = listener.accept()[0]
            with s:
                expect(urgent(s), "POLLPRI")
                expect_equal(s.recv(1, socket.MSG_OOB), b"A", "the first urgent byte")
                child.tell()
                s.send(b"Z", socket.MSG_OOB)
                wait_until(lambda: urgent(s, 0), 5, "POLLPRI again")
                time.sleep(0.1)
                return s.recv(1, socket.MSG_OOB)

    with Lab() as lab:
        lab.start()
        peer = lab.kernel(serve)
        peer.ask()
        with Sock().connect((KERNEL, 5920)) as s:
            s.send(b"A", socket.MSG_OOB)
            peer.ask()
            expect(urgent(s), "POLLPRI here")
            expect_equal(s.recv(1, socket.MSG_OOB), b"Z", "the peer's")
            s.send(b"123B", socket.MSG_OOB)
            expect_equal(peer.wait(), b"B", "the last byte of what was sent with MSG_OOB")


@test()
def in_the_middle_of_bulk():
    """Nothing is lost, doubled or moved around the mark, whichever side is slow."""
    before, after = os.urandom(700_000), os.urandom(600_000)

    def send(child):
        with kernel_listener(5930) as listener:
            child.tell()
            s = listener.accept()[0]
            with s:
                s.sendall(before)
                s.send(b"!", socket.MSG_OOB)
                s.sendall(after)

    def receive(child):
        with kernel_listener(5931) as listener:
            listener.setsockopt(SOL, socket.SO_OOBINLINE, 1)
            child.tell()
            s = listener.accept()[0]
            with s:
                data, mark = collect(s)
                return len(data), data == before + b"!" + after, mark

    def collect(s):
        """All bytes, and where the mark was."""
        parts, total, mark = [], 0, None
        while True:
            # Wait first: a read that waits takes the urgent byte as it comes, and with it the mark.
            expect(readable(s), f"nothing after {total} bytes")
            if mark is None and at_mark(s):
                mark = total
            part = s.recv(50_000)
            if not part:
                return b"".join(parts), mark
            parts.append(part)
            total += len(part)

    with Lab() as lab:
        daemon = lab.start()
        peer = lab.kernel(send)
        peer.ask()
        with Sock() as s:
            s.setsockopt(SOL, socket.SO_OOBINLINE, 1)
            s.connect((KERNEL, 5930))
            time.sleep(0.3)
            data, mark = collect(s)
            expect(data == before + b"!" + after, f"the bytes from the kernel: {len(data)}")
            expect_equal(mark, len(before), "the mark")
        peer.wait()
        peer = lab.kernel(receive)
        peer.ask()
        with Sock().connect((KERNEL, 5931)) as s:
            s.sendall(before)
            s.send(b"!", socket.MSG_OOB)
            s.sendall(after)
        expect_equal(peer.wait(), (len(before) + 1 + len(after), True, len(before)), "bytes to the kernel, and the mark")
        daemon.no_sanitizer_report()


@test()
def accepted_connections_have_it_too():
    def connect(child):
        with socket.create_connection((TOYNET, 5940)) as k:
            k.send(b"?", socket.MSG_OOB)
            expect(urgent(k), "POLLPRI in the kernel")
            return k.recv(1, socket.MSG_OOB)

    with Lab() as lab:
        lab.start()
        with Sock() as listener:
            listener.bind((TOYNET, 5940)).listen()
            peer = lab.kernel(connect)
            s = listener.accept()[0]
            expect(urgent(s), "POLLPRI")
            expect_equal(s.recv(1, socket.MSG_OOB), b"?", "the urgent byte")
            s.send(b"!", socket.MSG_OOB)
            expect_equal(peer.wait(), b"!", "the answer")
            expect_equal(read_all(s.fileno()), b"", "end-of-file, and nothing else")
            s.close()
            listener.setsockopt(SOL, socket.SO_OOBINLINE, 1)
            peer = lab.kernel(connect)
            s = listener.accept()[0]
            expect_equal(s.getsockopt(SOL, socket.SO_OOBINLINE), 1, "SO_OOBINLINE of the listener's connection")
            expect_equal(read_exactly(s, 1), [b"?"], "the urgent byte, in line")
            s.send(b"!", socket.MSG_OOB)
            expect_equal(peer.wait(), b"!", "the answer")
            s.close()
        with Sock(socket.SOCK_DGRAM) as u:
            with expect_error(errno.EOPNOTSUPP, "MSG_OOB on a datagram socket"):
                u.sendto(b"x", (KERNEL, 5941), socket.MSG_OOB)
