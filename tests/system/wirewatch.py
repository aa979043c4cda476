"""A witness of what the daemon puts on the wire, and the program that puts frames on it."""
import collections
import contextlib
import json
import select
import socket
import struct
import subprocess

from forge import arp, address, ether, write_frames
from toynettest import TOYNET, die_with_parent, expect, program

PEER = "10.77.0.9"  # nobody: the watcher answers for it when it is asked for
PEER_MAC = bytes.fromhex("020000000099")
SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
SO_RCVBUFFORCE = 33
SNAP = 128
RST = 4
ICMP_NAMES = {0: "echo reply", 3: "unreachable", 8: "echo", 11: "time exceeded", 12: "parameter problem"}


def kind_of(frame):
    """What a frame of the daemon is, in a word or two."""
    if frame[12:14] == b"\x08\x06":
        return "arp reply" if frame[21] == 2 else "arp request"
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return "other"
    text = frame[14 + (frame[14] & 15) * 4:]
    if struct.unpack("!H", frame[20:22])[0] & 0x1fff:
        return "fragment"
    if frame[23] == 1:
        return ICMP_NAMES.get(text[0], "icmp")
    if frame[23] == 6:
        return "reset" if text[13] & RST else "tcp"
    return {2: "igmp", 17: "udp"}.get(frame[23], "other")


def watch(child, kernel_mac):
    """Counts the daemon's frames by kind, ordinary TCP with the kernel aside, and tells the counts when it is asked."""
    seen = collections.Counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        s.bind(("tap0", 3))
        s.setblocking(False)
        s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        child.tell()
        while True:
            ready, _, _ = select.select([s, child.pipe], [], [])
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame = s.recv(SNAP)
                    kind = kind_of(frame)
                    if frame[:6] != kernel_mac or kind not in ("tcp", "arp request", "arp reply"):
                        seen[kind] += 1
                    if kind == "arp request" and frame[38:42] == address(PEER):
                        answer = arp(2, PEER_MAC, PEER, TOYNET, target=frame[6:12])
                        s.send(ether(frame[6:12], PEER_MAC, 0x0806, answer))
            if child.pipe in ready:
                child.ask()
                lost = struct.unpack("=II", s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
                child.tell((dict(seen), lost))
                seen.clear()


class Watcher:
    def __init__(self, lab, kernel_mac):
        self.child = lab.kernel(watch, kernel_mac)
        self.child.ask()

    def seen(self):
        """Kinds and numbers of frames since the last call; nothing escapes it."""
        self.child.tell()
        seen, lost = self.child.ask()
        expect(lost == 0, f"the watcher lost {lost} frames")
        return seen


def interface(lab):
    return json.loads(lab.ip("-s", "-j", "link", "show", "tap0").stdout)[0]


class Injector:
    """Frames that go to the TAP by the program frames."""

    def __init__(self, lab, frames, name="frames"):
        self.lab, self.path, self.each = lab, f"{lab.dir}/{name.replace(' ', '-').replace('/', '-')}", len(frames)
        write_frames(self.path, frames)

    def start(self, rate, count):
        argv = ["ip", "netns", "exec", self.lab.netns, program("tests/system/frames", "release"), "tap0", self.path]
        argv += [rate, count]
        process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.lab.stack.callback(process.kill)
        return process

    @staticmethod
    def finish(process, timeout=120):
        """(sent, not taken by the interface, seconds)."""
        out = process.communicate(timeout=timeout)[0].split()
        expect(process.returncode == 0 and len(out) == 3, "the program frames failed")
        return int(out[0]), int(out[1]), float(out[2])

    def run(self, rate, count):
        return self.finish(self.start(rate, count))
