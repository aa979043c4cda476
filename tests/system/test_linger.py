"""SO_LINGER: its three meanings, towards a kernel peer, and who waits for the close."""
import os
import signal
import socket
import struct
import time

from toynettest import KERNEL, TOYNET, Lab, Sock, expect, expect_equal, kernel_listener, test

PORT = 5830
SIZE = 400 * 1000
PAUSE = 1.0


def late_reader(child, port, pause):
    """Accepts one connection, reads nothing for `pause` seconds, then all of it. Tells how much came, and how it ended."""
    with kernel_listener(port) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        child.tell()
        connection, _ = listener.accept()
        with connection:
            time.sleep(pause)
            total = 0
            try:
                while True:
                    data = connection.recv(65536)
                    if not data:
                        return total, "FIN"
                    total += len(data)
            except ConnectionResetError:
                return total, "RST"


def connected(lab, port, pause):
    reader = lab.kernel(late_reader, port, pause)
    reader.ask()
    return reader, Sock().connect((KERNEL, port))


def set_linger(s, on, seconds):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", on, seconds))


def timed(function, *args):
    begin = time.monotonic()
    function(*args)
    return time.monotonic() - begin


@test(seconds=60)
def linger_waits_for_the_acknowledgment():
    """On with a time: close waits while the peer has not taken everything, and no longer than that."""
    with Lab() as lab:
        lab.start()
        reader, s = connected(lab, PORT, PAUSE)
        set_linger(s, 1, 20)
        s.sendall(bytes(SIZE))
        took = timed(s.close)
        expect(PAUSE / 2 < took < 10, f"close took {took:.2f} s; the peer read after {PAUSE} s")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")


@test(seconds=60)
def linger_ends_with_its_time():
    """The time is over first: close returns, and the connection ends in the background, as Linux has it."""
    with Lab() as lab:
        lab.start()
        reader, s = connected(lab, PORT, 4 * PAUSE)
        set_linger(s, 1, 1)
        s.sendall(bytes(SIZE))
        took = timed(s.close)
        expect(0.9 < took < 3, f"close took {took:.2f} s with a linger time of 1 s")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")


@test(seconds=60)
def linger_off_and_zero():
    """Off: close returns at once and the text arrives. On with zero: close returns at once, with a reset."""
    with Lab() as lab:
        lab.start()
        reader, s = connected(lab, PORT, PAUSE)
        s.sendall(bytes(SIZE))
        took = timed(s.close)
        expect(took < PAUSE / 2, f"close took {took:.2f} s without SO_LINGER")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")
        reader, s = connected(lab, PORT + 1, PAUSE)
        set_linger(s, 1, 0)
        s.sendall(bytes(SIZE))
        took = timed(s.close)
        expect(took < PAUSE / 2, f"close took {took:.2f} s with SO_LINGER 0")
        expect_equal(reader.wait()[1], "RST", "how it ended for the peer")


@test(seconds=60)
def linger_of_the_last_holder_only():
    """A copy of the descriptor is closed: nothing ends, so nothing waits. The system call never waits."""
    with Lab() as lab:
        lab.start()
        reader, s = connected(lab, PORT, PAUSE)
        set_linger(s, 1, 20)
        copy = Sock(fd=os.dup(s.fd))
        s.sendall(bytes(SIZE - 1))
        took = timed(copy.close)
        expect(took < PAUSE / 2, f"close of a copy took {took:.2f} s")
        s.sendall(b"x")
        took = timed(s.close)
        expect(took > PAUSE / 4, f"close of the last descriptor took {took:.2f} s")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")
        reader, s = connected(lab, PORT + 1, PAUSE)
        set_linger(s, 1, 20)
        s.sendall(bytes(SIZE))
        took = timed(os.close, s.fd)
        s.fd = -1
        expect(took < PAUSE / 2, f"close(2) took {took:.2f} s")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")


@test(seconds=60)
def linger_and_a_signal():
    with Lab() as lab:
        lab.start()
        reader, s = connected(lab, PORT, 4 * PAUSE)
        set_linger(s, 1, 20)
        s.sendall(bytes(SIZE))
        before = signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        try:
            took = timed(s.close)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        expect(0.4 < took < 3, f"close took {took:.2f} s; the signal came after 0.5 s")
        expect_equal(reader.wait(), (SIZE, "FIN"), "what the peer got")


def late_client(child, port, pause):
    """Connects, and reads only after a pause."""
    child.ask()
    with socket.create_connection((TOYNET, port)) as s:
        child.tell()
        time.sleep(pause)
        total = 0
        while data := s.recv(65536):
            total += len(data)
        return total


@test(seconds=60)
def linger_of_an_accepted_connection():
    """SO_LINGER passes from the listener to the connection, and so does the wait."""
    with Lab() as lab:
        lab.start()
        client = lab.kernel(late_client, PORT, PAUSE)
        with Sock().bind((TOYNET, PORT)) as listener:
            set_linger(listener, 1, 20)
            listener.listen()
            client.tell()
            connection = listener.accept()[0]
            client.ask()
            connection.sendall(bytes(8 * SIZE))
            took = timed(connection.close)
            expect(took < 10, f"close took {took:.2f} s")
            expect_equal(client.wait(), 8 * SIZE, "what the peer got")
