"""A TCP peer made by hand at the other end of the TAP: it sends and sees segments one by one.

Its address and MAC are nobody's, so that the kernel keeps out of it. A packet socket with PACKET_VNET_HDR shows the
daemon's super-frames as they are; they are cut here into the segments that they stand for. Round trips are made long by
waiting, so that times can be told from each other on a busy machine.
"""
import contextlib
import errno
import os
import select
import socket
import struct
import time

from toynettest import CLONE_NEWNET, TOYNET, Lab, Sock, enter_netns, expect, expect_equal, expect_error, libc, wait_until

PEER = "10.77.0.9"
PEER_MAC = bytes.fromhex("020000000099")
ISS = 0xffffff00  # wraps early
RTT = 0.1
SHORT = 0.15  # nothing has come by then
LONG = 2.0  # what is owed at once has come by then, on any machine

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
SOL_PACKET, PACKET_VNET_HDR = 263, 15
VNET_HDR = struct.Struct("=BBHHHH")
ETH_IP, ETH_ARP = b"\x08\x00", b"\x08\x06"
OUTGOING = 4  # PACKET_OUTGOING


def mod(number):
    return number & 0xffffffff


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mss(size):
    return struct.pack("!BBH", 2, 4, size)


def timestamps(value, echo):
    return struct.pack("!BBBBII", 1, 1, 8, 10, mod(value), mod(echo))


def sack(*blocks):
    return struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(blocks)) + b"".join(struct.pack("!II", mod(a), mod(b)) for a, b in blocks)


SACK_OK = b"\x01\x01\x04\x02"
MSS_SACK = mss(1000) + SACK_OK


class Segment:
    """A segment from the daemon."""

    def __init__(self, packet, at):
        self.at = at
        self.tos = packet[1]
        tcp = packet[20:struct.unpack("!H", packet[2:4])[0]]
        self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.wnd = struct.unpack("!HHIIBBH", tcp[:16])
        self.text = tcp[(offset >> 4) * 4:]
        self.options = {}
        rest = tcp[20:(offset >> 4) * 4]
        while rest and rest[0] != 0:
            if rest[0] == 1:
                rest = rest[1:]
                continue
            self.options[rest[0]] = rest[2:rest[1]]
            rest = rest[rest[1]:]

    @property
    def name(self):
        return "".join(c for bit, c in zip((SYN, FIN, RST, PSH, ACK, URG, ECE, CWR), "SFRP.UEW") if self.flags & bit)

    @property
    def timestamps(self):
        return struct.unpack("!II", self.options[8]) if 8 in self.options else None

    @property
    def sack(self):
        blocks = self.options.get(5, b"")
        return [struct.unpack("!II", blocks[i:i + 8]) for i in range(0, len(blocks), 8)]

    def __repr__(self):
        return f"<{self.name} seq {self.seq} len {len(self.text)} ack {self.ack} wnd {self.wnd} {self.options}>"


class Wire:
    """The peer's network card."""

    def __init__(self, lab):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter_netns(lab.netns)
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self.socket.bind(("tap0", 3))
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
        self.mac = None
        self.segments = []
        self.port = 30000
        self.frame(b"\xff" * 6, ETH_ARP, self.arp(1, bytes(6), TOYNET))
        wait_until(lambda: self.poll(0.1) and self.mac, 5, "an ARP reply", pause=0)

    def arp(self, operation, mac, address):
        return (struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + PEER_MAC + socket.inet_aton(PEER) + mac +
                socket.inet_aton(address))

    def frame(self, destination, kind, payload):
        self.socket.send(bytes(VNET_HDR.size) + destination + PEER_MAC + kind + payload)

    def ip(self, protocol, payload, tos=0):
        header = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 0, 0x4000, 64, protocol, 0,
                                       socket.inet_aton(PEER), socket.inet_aton(TOYNET)))
        struct.pack_into("!H", header, 10, checksum(bytes(header)))
        self.frame(self.mac, ETH_IP, bytes(header) + payload)

    def icmp(self, kind, code, quoted, rest=0):
        message = bytearray(struct.pack("!BBHI", kind, code, 0, rest) + quoted)
        struct.pack_into("!H", message, 2, checksum(bytes(message)))
        self.ip(1, bytes(message))

    def poll(self, seconds):
        """Takes a frame that comes within the time; False: none did."""
        if not select.select([self.socket], [], [], max(0.0, seconds))[0]:
            return False
        data, source = self.socket.recvfrom(1 << 17)
        if source[2] == OUTGOING:
            return True
        size = VNET_HDR.unpack_from(data)[3]
        frame = data[VNET_HDR.size:]
        kind, packet = frame[12:14], frame[14:]
        if kind == ETH_ARP and packet[14:18] == socket.inet_aton(TOYNET):
            self.mac = packet[8:14]
            if packet[7] == 1 and packet[24:28] == socket.inet_aton(PEER):
                self.frame(self.mac, ETH_ARP, self.arp(2, self.mac, TOYNET))
        elif kind == ETH_IP and packet[9] == 6 and packet[16:20] == socket.inet_aton(PEER):
            self.cut(packet, size, time.monotonic())
        return True

    def cut(self, packet, size, now):
        whole = Segment(packet, now)
        text, flags = whole.text, whole.flags
        size = size or max(1, len(text))
        for start in range(0, max(1, len(text)), size):
            part = Segment(packet, now)
            part.text = text[start:start + size]
            part.seq = mod(whole.seq + start)
            if start + size < len(text):
                part.flags = flags & ~(FIN | PSH)
            self.segments.append(part)

    def next(self, seconds, wanted):
        """The first segment for which wanted() holds, or None."""
        end = time.monotonic() + seconds
        while True:
            for segment in self.segments:
                if wanted(segment):
                    self.segments.remove(segment)
                    return segment
            if not self.poll(end - time.monotonic()):
                return None


class Peer:
    """Our end of one connection. seq is what we send next, ack what we expect next."""

    def __init__(self, wire, port=0, tsval=None, wnd=65535):
        wire.port += 1
        self.wire, self.port, self.their_port = wire, wire.port, port
        self.seq, self.ack, self.wnd = ISS, 0, wnd
        self.tsval, self.tsecr, self.iss = tsval, 0, 0

    def send(self, flags, text=b"", options=b"", at=None, ack=None, wnd=None, keep=False, tos=0, offset=None, damage=0):
        """Sends a segment; `at` counts from seq, `ack` is absolute. keep: seq does not move on."""
        if self.tsval is not None and not flags & SYN and b"\x08\x0a" not in options:
            options = timestamps(self.tsval, self.tsecr) + options
        options += bytes(-len(options) % 4)
        words = 5 + len(options) // 4 if offset is None else offset
        ack = self.ack if ack is None else ack
        tcp = bytearray(struct.pack("!HHIIBBHHH", self.port, self.their_port, mod(self.seq + (at or 0)), mod(ack),
                                    words << 4, flags, self.wnd if wnd is None else wnd, 0, 0) + options + text)
        pseudo = socket.inet_aton(PEER) + socket.inet_aton(TOYNET) + struct.pack("!BBH", 0, 6, len(tcp))
        struct.pack_into("!H", tcp, 16, checksum(pseudo + bytes(tcp)) ^ damage)
        self.wire.ip(6, bytes(tcp), tos)
        if at is None and not keep:
            self.seq = mod(self.seq + len(text) + bool(flags & SYN) + bool(flags & FIN))

    def next(self, seconds=LONG, wanted=lambda segment: True):
        return self.wire.next(seconds, lambda s: (s.sport, s.dport) == (self.their_port, self.port) and wanted(s))

    def silence(self, what, seconds=SHORT):
        segment = self.next(seconds)
        expect(segment is None, f"{what}: {segment}")

    def answer(self, what, name, seconds=LONG, **fields):
        """The next segment has these flags (PSH aside) and fields."""
        segment = self.next(seconds)
        expect(segment is not None, f"{what}: no answer, wanted {name}")
        expect_equal(segment.name.replace("P", ""), name, f"{what}: flags of {segment}")
        for field, value in fields.items():
            expect_equal(getattr(segment, field), mod(value) if isinstance(value, int) else value, f"{what}: {field} of {segment}")
        return segment

    def texts(self, count, what):
        """So many segments with text, and no more for the moment: their (offset from ack, length)."""
        found = []
        while len(found) < count:
            segment = self.next(LONG, lambda s: s.text)
            expect(segment, f"{what}: {len(found)} segments with text, wanted {count}: {found}")
            found.append((mod(segment.seq - self.ack), len(segment.text)))
        more = self.next(0.02, lambda s: s.text)
        expect(more is None, f"{what}: more than {count} segments: {more}")
        return found

    def acknowledge(self, count, options=b""):
        self.ack = mod(self.ack + count)
        self.send(ACK, options=options)

    def open(self, options=b"", rtt=0.0, flags=SYN):
        """The handshake of a client; the round trip takes at least so long."""
        self.send(flags, options=options)
        self.synack = self.next(LONG, lambda s: s.flags & SYN)
        expect(self.synack, "no SYN-ACK")
        self.iss, self.ack = self.synack.seq, mod(self.synack.seq + 1)
        if self.synack.timestamps:
            self.tsecr = self.synack.timestamps[0]
        else:
            self.tsval = None
        time.sleep(rtt)
        self.send(ACK)
        return self


class Bench:
    """A daemon, the wire, and listeners on it."""

    def __init__(self, lab, **options):
        self.daemon = lab.start(**options)
        self.wire = Wire(lab)
        self.listening = 7000

    def listener(self, backlog=128):
        self.listening += 1
        return Sock().bind((TOYNET, self.listening)).listen(backlog), self.listening

    def accepted(self, options=b"", rtt=0.0, flags=SYN, **more):
        """A connection by the peer's SYN: (peer, socket). Nothing is on the wire any more."""
        listener, port = self.listener()
        peer = Peer(self.wire, port, **more).open(options, rtt, flags)
        s, _ = listener.accept()
        listener.close()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while peer.next(0.05):
            pass
        return peer, s

    def connecting(self):
        """A connection by the stack's SYN, not answered yet: (peer, socket)."""
        s, peer = Sock(), Peer(self.wire)
        s.setblocking(False)
        with expect_error(errno.EINPROGRESS, "connect without waiting"):
            s.connect((PEER, peer.port))
        syn = self.wire.next(LONG, lambda g: g.dport == peer.port)
        expect(syn and syn.name == "S", f"no SYN: {syn}")
        peer.their_port, peer.iss, peer.ack = syn.sport, syn.seq, mod(syn.seq + 1)
        return peer, s


@contextlib.contextmanager
def bench(**options):
    with Lab() as lab:
        yield Bench(lab, **options)


def ready(s, seconds):
    p = select.poll()
    p.register(s.fd, select.POLLIN | select.POLLOUT)
    return bool(p.poll(seconds * 1000))


def socket_error(s):
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
