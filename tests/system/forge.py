"""Frames made by hand, layer by layer; every field may be given, also one that is wrong.

Each function returns bytes. Checksums are right unless the caller gives others, so that what is wrong with a frame is only what
it is meant to show.
"""
import socket
import struct

from segments import checksum

ICMP, IGMP, TCP, UDP = 1, 2, 6, 17
MORE, DONT = 0x2000, 0x4000  # flags of the fragment field
UNIT = 8  # bytes: fragment offsets count in them
BROADCAST_MAC = b"\xff" * 6


def address(text):
    return text if isinstance(text, bytes) else socket.inet_aton(text)


def ether(destination, source, kind, payload):
    return destination + source + struct.pack("!H", kind) + payload


def ip(source, destination, protocol, payload, options=b"", version=4, words=None, total=None, ident=0, fragment=DONT, ttl=64,
       tos=0, good=True):
    """words: header length as the header tells it; total: total length as the header tells it."""
    words = 5 + len(options) // 4 if words is None else words
    total = 20 + len(options) + len(payload) if total is None else total
    header = bytearray(struct.pack("!BBHHHBBH4s4s", version << 4 | words, tos, total, ident, fragment, ttl, protocol, 0,
                                   address(source), address(destination)) + options)
    # What the checksum covers is what the header says it is.
    covered = (bytes(header) + payload)[:words * 4]
    struct.pack_into("!H", header, 10, checksum(covered) ^ (0 if good else 0x1234))
    return bytes(header) + payload


def icmp(kind, code, body=b"", rest=0, good=True):
    """rest: the second word of the header."""
    message = bytearray(struct.pack("!BBHI", kind, code, 0, rest) + body)
    struct.pack_into("!H", message, 2, checksum(bytes(message)) ^ (0 if good else 0x1234))
    return bytes(message)


def _pseudo(source, destination, protocol, length):
    return address(source) + address(destination) + struct.pack("!BBH", 0, protocol, length)


def udp(source, destination, sport, dport, text=b"", length=None, good=True):
    length = 8 + len(text) if length is None else length
    datagram = bytearray(struct.pack("!HHHH", sport, dport, length, 0) + text)
    total = checksum(_pseudo(source, destination, UDP, len(datagram)) + bytes(datagram)) or 0xffff
    struct.pack_into("!H", datagram, 6, total ^ (0 if good else 0x1234))
    return bytes(datagram)


def tcp(source, destination, sport, dport, flags, seq=0, ack=0, wnd=65535, urgent=0, options=b"", text=b"",
        words=None, good=True):
    """words: data offset as the header tells it."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if words is None else words
    segment = bytearray(struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, words << 4, flags, wnd, 0,
                                    urgent) + options + text)
    total = checksum(_pseudo(source, destination, TCP, len(segment)) + bytes(segment))
    struct.pack_into("!H", segment, 16, total ^ (0 if good else 0x1234))
    return bytes(segment)


def arp(operation, mac, source, destination, target=bytes(6), hardware=1, protocol=0x0800, hlen=6, plen=4):
    return (struct.pack("!HHBBH", hardware, protocol, hlen, plen, operation) + mac + address(source) + target +
            address(destination))


def mend(frame):
    """The frame with the checksums that its bytes ask for, as far as they can be found."""
    packet = bytearray(frame[14:])
    header = (packet[0] & 15) * 4 if packet else 0
    if frame[12:14] != b"\x08\x00" or header < 20 or len(packet) < header:
        return frame
    packet[10:12] = bytes(2)
    struct.pack_into("!H", packet, 10, checksum(bytes(packet[:header])))
    text, at = packet[header:], {ICMP: 2, IGMP: 2, TCP: 16, UDP: 6}.get(packet[9])
    if at is not None and len(text) >= at + 2:
        text[at:at + 2] = bytes(2)
        pseudo = bytes(packet[12:20]) + struct.pack("!BBH", 0, packet[9], len(text)) if packet[9] in (TCP, UDP) else b""
        struct.pack_into("!H", text, at, checksum(pseudo + bytes(text)))
    return frame[:14] + bytes(packet[:header]) + bytes(text)


def write_frames(path, frames):
    """A file for tests/system/frames.c."""
    with open(path, "wb") as f:
        f.write(b"".join(struct.pack("!H", len(frame)) + frame for frame in frames))
