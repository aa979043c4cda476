"""Capture: what the file says is what happened, by the stack's counters and by the kernel's own reader."""
import os
import re
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

from toynettest import (KERNEL, TOYNET, Lab, Sock, command, expect, expect_equal, kernel_listener, program, read_into,
                        receive_stream, send_stream, test, wait_until, writer)

MIB = 1 << 20
PORT, OTHER = 5901, 5902


@dataclass
class Packet:
    time: int  # ns
    stored: bytes
    length: int
    out: bool
    lost: int  # before it
    comment: dict  # word: value
    text: str

    def ports(self):
        return struct.unpack_from("!HH", self.stored, 34)

    def tcp(self):
        return len(self.stored) >= 54 and self.stored[12:14] == b"\x08\x00" and self.stored[23] == 6


@dataclass
class Capture:
    interface: str
    snap_length: int
    packets: list
    captured: int = None  # by the last block
    lost: int = None


def options(data):
    at, found = 0, {}
    while at < len(data):
        code, size = struct.unpack_from("<HH", data, at)
        found[code] = data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
        if code == 0:
            break
    return found


def words(text):
    text, _, reset = text.partition("reset=")
    found = dict(word.split("=", 1) for word in text.split())
    if reset:
        found["reset"] = reset
    return found


def parse(data):
    """A whole file; every block must be whole, too."""
    at, capture = 0, None
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        expect(size % 4 == 0 and at + size <= len(data), f"a block of {size} bytes at {at} of {len(data)}")
        expect_equal(struct.unpack_from("<I", data, at + size - 4)[0], size, "the length at the block's end")
        body = data[at + 8:at + size - 4]
        at += size
        if kind == 0x0A0D0D0A:
            expect_equal(struct.unpack_from("<IHH", body), (0x1A2B3C4D, 1, 0), "magic and version")
            expect(options(body[16:])[4].startswith(b"toynetd"), "the application's name")
        elif kind == 1:
            expect_equal(struct.unpack_from("<H", body)[0], 1, "Ethernet")
            found = options(body[8:])
            expect_equal(found[9], b"\x09", "timestamps in nanoseconds")
            capture = Capture(found[2].decode(), struct.unpack_from("<I", body, 4)[0], [])
        elif kind == 6:
            _, high, low, stored, length = struct.unpack_from("<IIIII", body)
            found = options(body[20 + (stored + 3) // 4 * 4:])
            text = found.get(1, b"").decode()
            capture.packets.append(Packet(high << 32 | low, body[20:20 + stored], length, found[2] == b"\x02\0\0\0",
                                          int.from_bytes(found.get(4, b""), "little"), words(text), text))
        elif kind == 5:
            found = options(body[12:])
            capture.captured = int.from_bytes(found[8], "little")
            capture.lost = int.from_bytes(found[7], "little")
    return capture


class Running:
    """toynetctl capture into a file of the lab."""

    def __init__(self, lab, daemon, *words):
        self.path = os.path.join(lab.dir, "capture.pcapng")
        self.process = subprocess.Popen([program("cli/toynetctl", daemon.build), "--socket", daemon.socket, "capture", "-w", self.path, *words],
                                        stderr=subprocess.PIPE, text=True)
        wait_until(lambda: os.path.exists(self.path) and os.path.getsize(self.path) > 0, 10, "the capture has begun")

    def stop(self):
        size = -1
        while size != os.path.getsize(self.path):  # what is on its way arrives
            size = os.path.getsize(self.path)
            time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self):
        said = self.process.communicate(timeout=20)[1]
        expect_equal(self.process.returncode, 0, f"exit status of capture, which said {said!r}")
        with open(self.path, "rb") as f:
            capture = parse(f.read())
        match = re.fullmatch(r"(\d+) frames captured, (\d+) lost\n", said)
        expect(match, f"the last line: {said!r}")
        expect_equal(int(match[1]), len(capture.packets), "frames in the file")
        expect_equal(int(match[2]), sum(p.lost for p in capture.packets), "frames lost")
        return capture

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def sink(child, port):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        with connection:
            return receive_stream(read_into(connection.fileno()))


def upload(lab, size, port=PORT):
    """One connection of a toynet socket, closed by both; returns its socket's id and local port."""
    peer = lab.kernel(sink, port)
    peer.ask()
    with Sock() as s:
        s.connect((KERNEL, port))
        inode = os.fstat(s.fd).st_ino
        row = [r for r in lab.daemon.sockets() if r["inode"] == inode][0]
        digest = send_stream(writer(s.fileno()), size, 1)
        s.shutdown(socket.SHUT_WR)
        expect_equal(peer.wait(100), (size, digest), "bytes and SHA-256")
        expect_equal(s.recv(1), b"", "the end")
    wait_until(lambda: all(r["id"] != row["id"] or r["state"] == "TIME-WAIT" for r in lab.daemon.sockets()), 10, "TIME-WAIT")
    return row["id"], row["local"]["port"]


class Interval:
    """The counters around a capture. A frame of nobody's asking may come while it begins and ends, so each is read twice."""

    def __init__(self, daemon, first):
        self.daemon, self.first, self.begun = daemon, first, daemon.stats()

    def ending(self):
        self.last = self.daemon.stats()

    def ended(self):
        self.after = self.daemon.stats()

    def expect(self, name, count):
        least, most = self.last[name] - self.begun[name], self.after[name] - self.first[name]
        expect(least <= count <= most, f"{name}: {count} in the capture, the counter says {least} to {most}")
        return count


@test(180)
def a_transfer_with_loss():
    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("seed", "3", "both", "loss", "1%")
        first = daemon.stats()
        with Running(lab, daemon) as running:
            interval = Interval(daemon, first)
            number, port = upload(lab, 4 * MIB)
            interval.ending()
            capture = running.stop()
            interval.ended()
        packets = capture.packets
        expect_equal((capture.interface, capture.snap_length), ("tap0", 0), "interface and snap length")
        expect(all(a.time <= b.time for a, b in zip(packets, packets[1:])), "timestamps ascend")
        expect(abs(packets[-1].time / 1e9 - time.time()) < 30, "timestamps are UTC")
        out = [p for p in packets if p.out]
        lost = [p for p in packets if p.comment.get("drop") == "ImpairLost"]
        expect(any(p.out for p in lost) and any(not p.out for p in lost), "frames were lost in both directions")
        interval.expect("ImpairLost", len(lost))
        interval.expect("LinkOutFrames", len(out))
        interval.expect("LinkOutOctets", sum(p.length for p in out))
        interval.expect("LinkInFrames", len([p for p in packets if not p.out and p not in lost]))
        for name in ("LinkInNotForUs", "LinkInUnknownType", "IpInMartians"):
            interval.expect(name, len([p for p in packets if p.comment.get("drop") == name]))

        ours = [p for p in packets if p.tcp() and port in p.ports()]
        expect(len(ours) > 1000, f"frames of the connection: {len(ours)}")
        expect(all(p.comment.get("socket") == str(number) and p.comment.get("pid") == str(os.getpid()) for p in ours
                   if "CLOSED" not in p.comment.get("state", "CLOSED")), "socket and pid on its frames")
        expect_equal(ours[0].comment["state"], "CLOSED->SYN-SENT", "the SYN")
        states = []
        for p in ours:
            for state in p.comment.get("state", "").split("->"):
                if state and (not states or states[-1] != state):
                    states.append(state)
        # One frame may acknowledge our FIN and carry the peer's: then FIN-WAIT-2 is not seen.
        expect_equal([s for s in states if s != "FIN-WAIT-2"],
                     ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT"], "states")
        check = command("tcpdump", "-nr", running.path).stdout
        expect_equal(len(check.splitlines()), len(packets), "packets that tcpdump reads")


@test(120)
def match_count_and_snap_length():
    with Lab() as lab:
        daemon = lab.start()
        with Running(lab, daemon, "-s", "60", "-c", "30", "proto", "tcp", "port", str(PORT)) as running:
            upload(lab, MIB, OTHER)
            upload(lab, 8 * MIB, PORT)
            capture = running.end()
        expect_equal(len(capture.packets), 30, "packets")
        expect_equal((capture.captured, capture.lost), (30, 0), "the last block")
        expect(all(PORT in p.ports() and len(p.stored) == min(60, p.length) for p in capture.packets), "port and stored bytes")
        expect(any(p.length > 1514 and "gso" in p.comment for p in capture.packets), "a super-frame, as it is")


@test(120)
def drops_have_reasons():
    def knock(child):
        # First, so that the kernel knows our address: it keeps few datagrams until then.
        with socket.socket() as s:
            try:
                s.connect((TOYNET, 2))
                return False
            except ConnectionRefusedError:
                pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.sendto(b"nobody", (TOYNET, 1))
            for _ in range(2000):
                u.sendto(bytes(1000), (TOYNET, PORT))
        return True

    with Lab() as lab:
        daemon = lab.start()
        first = daemon.stats()
        with Sock(socket.SOCK_DGRAM) as slow, Running(lab, daemon) as running:
            slow.bind(("0.0.0.0", PORT))
            interval = Interval(daemon, first)
            expect(lab.kernel(knock).wait(20), "port 2 refuses")
            wait_until(lambda: daemon.stats()["UdpNoPorts"] > 0, 5, "the datagrams are counted")
            interval.ending()
            capture = running.stop()
            interval.ended()
            number = [r["id"] for r in daemon.sockets() if r["inode"] == os.fstat(slow.fd).st_ino][0]
        for name in ("UdpRcvbufErrors", "UdpNoPorts", "TcpInNoSocket"):
            expect(interval.expect(name, len([p for p in capture.packets if p.comment.get("drop") == name])) > 0, name)
        for p in capture.packets:
            if p.comment.get("drop") == "UdpRcvbufErrors":
                expect_equal((p.comment.get("socket"), p.ports()[1]), (str(number), PORT), "whose buffer was full")
        expect_equal(len([p for p in capture.packets if "reset" in p.comment]), 1, "frames that were answered by a reset")


@test(60)
def into_a_file_by_configuration():
    with Lab() as lab:
        path = os.path.join(lab.dir, "all.pcapng")
        daemon = lab.start(capture=path, capture_snap_length=100)
        upload(lab, MIB)
        stats = daemon.stats()
        daemon.stop()
        expect_equal(os.stat(path).st_mode & 0o777, 0o600, "permissions")
        with open(path, "rb") as f:
            capture = parse(f.read())
        expect_equal(capture.lost, 0, "frames lost")
        expect(capture.captured == len(capture.packets) >= stats["LinkInFrames"] + stats["LinkOutFrames"], "packets")
        expect(all(len(p.stored) == min(100, p.length) for p in capture.packets), "the snap length")


@test(120)
def a_reader_that_stops_holds_nobody_up():
    with Lab() as lab:
        daemon = lab.start("release")
        with Running(lab, daemon) as running:
            running.process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            upload(lab, 256 * MIB)
            seconds = time.monotonic() - began
            running.process.send_signal(signal.SIGCONT)
            upload(lab, 1000)
            capture = running.stop()
        expect(seconds < 30, f"256 MiB took {seconds:.1f} s")
        expect(sum(p.lost for p in capture.packets) > 1000, "frames were lost, and counted")


@test()
def refused():
    with Lab() as lab:
        daemon = lab.start()

        def status(*words):
            return command(program("cli/toynetctl"), "--socket", daemon.socket, "capture", *words, check=False).returncode

        path = os.path.join(lab.dir, "none")
        expect_equal(status(), 2, "without -w")
        expect_equal(status("-w"), 2, "-w without a file")
        expect_equal(status("-w", path, "-c", "0"), 2, "a count of 0")
        expect_equal(status("-w", path, "sometimes"), 2, "an unknown word")
        expect_equal(status("-w", "/nowhere/file"), 1, "a file that cannot be made")
        expect_equal(status("-w", path, "-s", "70000"), 1, "a snap length above the longest frame")
        toynetctl = lab.copy_for_everyone(program("cli/toynetctl", "release"))
        child = lab.client(lambda child: command(toynetctl, "--socket", daemon.socket, "capture", "-w", "-", "-c", "1",
                                                 check=False).returncode, uid=65534)
        expect_equal(child.wait(20), 1, "a user without privilege")
