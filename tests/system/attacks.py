"""The hostile frames of test_hostile_frames.py: for each attack its frames, what must be counted, and what may be answered.

A count is exact: so many for each time that the frames are sent once. An answer that is not in `answers` must not be seen
at all, and of those that are, at most so many for each time; LIMITED: as many as the rate limit of ICMP errors lets through;
RESOLVING: one a second for each address that is asked for; DEFENDED: one in ten seconds.
The caps of the daemon that an attack runs into stand beside it, by their names in the source.
"""
import random
import struct

import forge
from forge import DONT, ICMP, IGMP, MORE, TCP, UDP, ether
from segments import ACK, FIN, RST, SYN, URG
from toynettest import KERNEL, TOYNET
from wirewatch import PEER, PEER_MAC

NET = "10.76.0.0/14"  # what the test's link holds: room for SENDERS stations and DESTINATIONS addresses
BROADCAST = "10.79.255.255"
NOT_JOINED = "239.1.2.3"
CLOSED = 9  # nobody has this port
SENDERS = 100_000
DESTINATIONS = 65_536
IDENTS = 65_536
FAR = 1 << 31  # a sequence number as far from any window as it can be
NOT_TAKEN = 0xfd  # an IP protocol that nobody has (RFC 3692)


LIMITED, RESOLVING, DEFENDED = -1, -2, -3
ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST = 100, 50  # ip/icmp.h
ARP_UNRESOLVED_MAX, ARP_TRIES_MAX = 512, 3  # ip/arp.h
DEFEND_INTERVAL = 10  # RFC 5227 1.1, seconds


class Attack:
    """frames: a function of a Forger that gives (frames, counts)."""

    def __init__(self, name, frames, answers=None, rate=20_000, warm=1, drain=0.0, settle=2.0, caps=""):
        """warm: how often the frames come until what they leave is always the same. drain: seconds to wait after that.
        settle: seconds within which the daemon's memory is then the same again after the attack."""
        self.name, self.frames, self.answers = name, frames, answers or {}
        self.rate, self.warm, self.drain, self.settle, self.caps = rate, warm, drain, settle, caps

    def allowed(self, kind, passes, seconds):
        # RFC 1122 2.3.2.1: PEER is asked for again when its entry is old, or a segment of its connection times out.
        if kind == "arp request" and kind not in self.answers:
            return ARP_TRIES_MAX
        number = self.answers.get(kind, 0)
        if number == LIMITED:
            return ICMP_ERRORS_BURST + ICMP_ERRORS_PER_SECOND * (seconds + 1)
        if number == DEFENDED:
            return 1 + seconds / DEFEND_INTERVAL
        return ARP_UNRESOLVED_MAX * (seconds + 1) if number == RESOLVING else number * passes


def total(*parts):
    """The frames of several (frames, counter) in one attack: (frames, counts)."""
    frames, counts = [], {}
    for some, counter in parts:
        frames += some
        if counter:
            counts[counter] = counts.get(counter, 0) + len(some)
    return frames, counts


class Forger:
    """Builds frames for one daemon. The bystander's connection: port, kernel_port, seq, which it has sent; peer: PEER's
    connection; datagram_port: of a datagram socket."""

    seq = peer = datagram_port = None

    def __init__(self, mac, port, kernel_port):
        self.mac, self.port, self.kernel_port = mac, port, kernel_port

    def ip(self, protocol, payload, source=PEER, destination=TOYNET, mac=None, **fields):
        return ether(mac or self.mac, PEER_MAC, 0x0800, forge.ip(source, destination, protocol, payload, **fields))

    def arp(self, operation, source=PEER, mac=PEER_MAC, to=forge.BROADCAST_MAC, **fields):
        return ether(to, PEER_MAC, 0x0806, forge.arp(operation, mac, source, TOYNET, **fields))

    def bases(self):
        """One of each: with IP options, too."""
        segment = forge.tcp(PEER, TOYNET, 1000, CLOSED, SYN, options=bytes.fromhex("020405b40402080a0000000100000000"))
        datagram = forge.udp(PEER, TOYNET, 1000, CLOSED, b"truncate me")
        echo = forge.icmp(8, 0, b"truncate me")
        quote = forge.ip(TOYNET, KERNEL, TCP, forge.tcp(TOYNET, KERNEL, 1, 2, ACK)[:8], total=40)
        nops = b"\x01" * 11 + b"\x00"
        return [self.ip(TCP, segment), self.ip(UDP, datagram), self.ip(ICMP, echo), self.ip(ICMP, echo, options=nops),
                self.ip(ICMP, forge.icmp(3, 1, quote)), self.ip(IGMP, forge.icmp(0x11, 100, rest=0), destination="224.0.0.1"),
                self.ip(NOT_TAKEN, b"truncate me")]


def cut_frames(f):
    """Every header cut at every byte by the end of the frame: the IP header, then what the total length promises. A frame
    without a whole Ethernet header is refused by the kernel already; tests/unit gives these to the stack."""
    parts = []
    for frame in f.bases():
        header = 14 + (frame[14] & 15) * 4
        parts += [([frame[:cut] for cut in range(14, header)], "IpInMalformed"),
                  ([frame[:cut] for cut in range(header, len(frame))], "IpExtInTruncatedPkts")]
    whole = f.arp(1)
    parts.append(([whole[:cut] for cut in range(14, len(whole))], "ArpInErrors"))
    return total(*parts)


def cut_headers(f):
    """Every header behind IP cut at every byte by the total length, which is right."""
    segment = forge.tcp(PEER, TOYNET, 1000, CLOSED, SYN, options=b"\x01" * 8)
    datagram = forge.udp(PEER, TOYNET, 1000, CLOSED, b"12345678")
    echo = forge.icmp(8, 0)
    query = forge.icmp(0x11, 100)
    quote = forge.ip(TOYNET, KERNEL, UDP, bytes(8), options=b"\x01" * 4)
    errors = [forge.icmp(kind, 1, quote[:cut]) for kind in (3, 11, 12) for cut in range(len(quote))]
    return total(([f.ip(TCP, segment[:cut]) for cut in range(28)], "TcpInMalformed"),
                 ([f.ip(UDP, datagram[:cut]) for cut in range(16)], "UdpInMalformed"),
                 ([f.ip(ICMP, echo[:cut]) for cut in range(8)], "IcmpInMalformed"),
                 ([f.ip(IGMP, query[:cut], destination="224.0.0.1") for cut in range(8)], "IgmpInErrors"),
                 ([f.ip(ICMP, error) for error in errors], "IcmpInMalformed"))


def ip_options(f):
    echo = forge.icmp(8, 0)
    hop = bytes([10, 77, 0, 77])
    bad = [b"\x07\x00", b"\x07\x01", b"\x07\x05\x04\x00", b"\x01\x01\x01\x07", b"\x44\x28\x05\x00", b"\x94\x00\x00\x00",
           b"\x82\xff"]
    bad += [bytes([kind, size]) + bytes(6) for kind in (7, 68, 130, 136, 148) for size in (0, 1, 9, 40, 255)]
    # RFC 791 3.1: the pointer of a source route begins at 4, and whole addresses stand in it.
    bad += [bytes([kind, 7, pointer]) + hop + b"\x00" for kind in (131, 137) for pointer in (0, 1, 2, 3)]
    bad += [bytes([kind, size, 4]) + hop + bytes(5) for kind in (131, 137) for size in (0, 1, 2, 4, 5, 6, 39, 255)]
    bad.append((bytes([131, 7, 4]) + hop + b"\x01") * 2)  # more than one
    routes = [bytes([kind, 3 + 4 * hops, pointer]) + hop * hops + b"\x00" for kind in (131, 137) for hops in (1, 9)
              for pointer in (4, 4 + 4 * hops)]

    def padded(options):
        return options + bytes(-len(options) % 4)

    # Those of one pad octet would be whole again: what is past the end has to be the last.
    return total(([f.ip(ICMP, echo, options=padded(o)) for o in bad if past(padded(o))], "IpInMalformed"),
                 ([f.ip(ICMP, echo, options=padded(o)) for o in routes], "IpInSourceRoutes"))


def past(options):
    """Whether an option is wrong in itself or ends behind the header, and not mended by its padding."""
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
            continue
        if len(options) < 2 or options[1] < 2 or options[1] > len(options):
            return True
        if options[0] in (131, 137):
            return True
        options = options[options[1]:]
    return False


def ip_lengths(f):
    echo = forge.icmp(8, 0, b"12345678")
    size = 20 + len(echo)
    return total(([f.ip(ICMP, echo, total=length) for length in range(20)], "IpInMalformed"),
                 ([f.ip(ICMP, echo, options=bytes(40), total=length) for length in range(60)], "IpInMalformed"),
                 ([f.ip(ICMP, echo, words=words) for words in range(5)], "IpInMalformed"),
                 ([f.ip(ICMP, echo, words=n) for n in range((size + 3) // 4 + 1, 16)], "IpInMalformed"),
                 ([f.ip(ICMP, echo, version=version) for version in range(16) if version != 4], "IpInMalformed"),
                 ([f.ip(ICMP, echo, total=n) for n in (size + 1, size + 2, 1500, 32768, 65535)], "IpExtInTruncatedPkts"),
                 ([f.ip(ICMP, echo, good=False)], "IpExtInCsumErrors"),
                 ([f.ip(UDP, forge.udp(PEER, TOYNET, 1, CLOSED, b"12345678", length=n)) for n in (0, 1, 7, 17, 65535)],
                  "UdpInMalformed"))


def land(f):
    """From ourselves to ourselves, and from what is nobody: never answered."""
    frames = []
    for source in (TOYNET, "127.0.0.1", "127.255.255.255", "0.0.0.0", "224.0.0.1", "255.255.255.255", BROADCAST, "240.0.0.1"):
        for port in (f.port, CLOSED):
            for flags in (SYN, SYN | ACK, RST, FIN, 0):
                frames.append(f.ip(TCP, forge.tcp(source, TOYNET, port, port, flags), source=source))
            frames.append(f.ip(UDP, forge.udp(source, TOYNET, port, port, b"land"), source=source))
        frames += [f.ip(ICMP, forge.icmp(8, 0), source=source), f.ip(NOT_TAKEN, b"land", source=source)]
    return total((frames, "IpInMartians"))


def to_groups(f):
    """Echo and what would have an error, to broadcast and multicast addresses, in IP or on the link."""
    def each(protocol, payload_of, *destinations):
        return [f.ip(protocol, payload_of(d), destination=d, mac=forge.BROADCAST_MAC) for d in destinations]

    groups = ("255.255.255.255", BROADCAST, "224.0.0.1")
    link = [f.ip(ICMP, forge.icmp(8, 0), mac=forge.BROADCAST_MAC),
            f.ip(UDP, forge.udp(PEER, TOYNET, 1, CLOSED), mac=forge.BROADCAST_MAC),
            f.ip(TCP, forge.tcp(PEER, TOYNET, 1, CLOSED, SYN), mac=forge.BROADCAST_MAC)]
    return total((each(ICMP, lambda d: forge.icmp(8, 0, b"smurf"), *groups), "IcmpInIgnored"),
                 (each(ICMP, lambda d: forge.icmp(8, 0, b"smurf"), NOT_JOINED), "IpInAddrErrors"),
                 (each(UDP, lambda d: forge.udp(PEER, d, 1, CLOSED), *groups[:2]), "UdpIgnoredMulti"),
                 (each(TCP, lambda d: forge.tcp(PEER, d, 1, CLOSED, SYN), *groups[:2]), "TcpInGroup"),
                 (each(NOT_TAKEN, lambda d: b"nobody", *groups[:2]), "IpInUnknownProtos"),
                 (link, "IpInAddrErrors"))


def arp_lengths(f):
    wrong = [f.arp(1, hlen=hlen, plen=plen) for hlen in (0, 1, 5, 6, 7, 8, 16, 255) for plen in (0, 3, 4, 5, 16, 255)
             if (hlen, plen) != (6, 4)]
    wrong += [f.arp(operation, hardware=hardware, protocol=protocol) for operation in (1, 2)
              for hardware, protocol in ((0, 0x0800), (6, 0x0800), (0xffff, 0x0800), (1, 0), (1, 0x0806), (1, 0x86dd))]
    wrong += [f.arp(operation) for operation in (0, 3, 4, 8, 9, 0x0100, 0xffff)]
    wrong += [f.arp(1, mac=forge.BROADCAST_MAC), f.arp(1, mac=b"\x01" + bytes(5)), f.arp(1, source="224.0.0.1"),
              f.arp(2, source="255.255.255.255"), f.arp(1, source="127.0.0.1"), f.arp(1, source=BROADCAST)]
    return total((wrong, "ArpInErrors"))


def arp_claims(f):
    """Another station says that our address is its own: it is not adopted, and we say so now and then."""
    return total(([f.arp(operation, source=TOYNET, to=to) for operation in (1, 2) for to in (f.mac, forge.BROADCAST_MAC)],
                  "ArpInConflicts"))


def icmp_quotes(f):
    """Errors about what was never sent: wrong ports, a sequence number out of the window, strangers' addresses."""
    def quote(protocol, text, source=TOYNET, destination=KERNEL, **fields):
        return forge.ip(source, destination, protocol, text, total=1500, **fields)

    def segment(port, kernel_port, seq):
        return forge.tcp(TOYNET, KERNEL, port, kernel_port, ACK, seq=seq)[:8]

    rng = random.Random(792)
    wrong = [(f.port ^ 1, f.kernel_port), (f.port, f.kernel_port ^ 1), (f.kernel_port, f.port), (0, 0), (CLOSED, CLOSED)]
    quotes = [quote(TCP, segment(*ports, rng.getrandbits(32))) for ports in wrong]
    window = [quote(TCP, segment(f.port, f.kernel_port, f.seq + FAR + rng.randrange(-(1 << 20), 1 << 20))) for _ in range(20)]
    quotes += [quote(UDP, forge.udp(TOYNET, KERNEL, port, 53)[:8]) for port in (0, CLOSED, f.port)]
    quotes += [quote(TCP, segment(f.port, f.kernel_port, 0), source=KERNEL), quote(ICMP, forge.icmp(8, 0)),
               quote(TCP, segment(f.port, f.kernel_port, 0), fragment=100), quote(NOT_TAKEN, bytes(8))]

    def errors(body):
        kinds = [(3, code) for code in range(16)] + [(11, 0), (11, 1), (12, 0)]
        return [f.ip(ICMP, forge.icmp(kind, code, body, rest=1400 if (kind, code) == (3, 4) else 0)) for kind, code in kinds]

    frames = [error for body in quotes for error in errors(body)]
    frames += [f.ip(ICMP, message) for message in (forge.icmp(4, 0, quotes[0]), forge.icmp(3, 255, quotes[0]), forge.icmp(77, 0))]
    return total((frames, "IcmpInIgnored"), ([error for body in window for error in errors(body)], "TcpExtOutOfWindowIcmps"))


def narrow_paths(f):
    """Fragmentation needed with an MTU of 0, 1 and 67, about the bystander's connection, and about a datagram's path."""
    def needed(mtu, protocol, text):
        return f.ip(ICMP, forge.icmp(3, 4, forge.ip(TOYNET, KERNEL, protocol, text, total=1500), rest=mtu))

    far = forge.tcp(TOYNET, KERNEL, f.port, f.kernel_port, ACK, seq=f.seq + FAR)[:8]
    return total(([needed(mtu, TCP, far) for mtu in (0, 1, 67, 68, 296)], "TcpExtOutOfWindowIcmps"))


def tcp_headers(f):
    """Data offsets that cannot be, checksums that are wrong: to the bystander's port, to one that nobody has."""
    bad, wrong = [], []
    for source, sport, dport in ((KERNEL, f.kernel_port, f.port), (PEER, 1000, CLOSED)):
        for flags in (SYN, ACK, RST, FIN | ACK, URG | ACK, 0, 255):
            for words in range(5):
                bad.append(f.ip(TCP, forge.tcp(source, TOYNET, sport, dport, flags, words=words, text=bytes(8)), source=source))
            for words in range(6, 16):
                bad.append(f.ip(TCP, forge.tcp(source, TOYNET, sport, dport, flags, words=words), source=source))
            wrong.append(f.ip(TCP, forge.tcp(source, TOYNET, sport, dport, flags, good=False), source=source))
    return total((bad, "TcpInMalformed"), (wrong, "TcpInCsumErrors"))


BAD_OPTIONS = [b"\x02\x00", b"\x02\x01\x05\xb4", b"\x08\x00\x00\x00", b"\x05\x00", b"\x05\x01", b"\xfe\x00", b"\x01\x01\x03\x00",
               b"\x02\x05\x05\xb4", b"\x08\xff\x00\x00", b"\x05\x22" + bytes(10), b"\x01\x01\x01\x02"]


def tcp_options(f):
    """Options of length 0 and beyond the header: to a port that nobody has, each SYN is refused once; to a connection."""
    refused = [f.ip(TCP, forge.tcp(PEER, TOYNET, 1000, CLOSED, SYN, options=o)) for o in BAD_OPTIONS]
    resets = [f.ip(TCP, forge.tcp(PEER, TOYNET, 1000, CLOSED, RST, options=o)) for o in BAD_OPTIONS]
    ours = [f.ip(TCP, forge.tcp(PEER, TOYNET, f.peer.port, f.peer.their_port, ACK, seq=f.peer.seq, ack=f.peer.ack, options=o))
            for o in BAD_OPTIONS]
    return total((refused + resets + ours, "TcpInBadOptions"))


def urgent_pointers(f):
    """Urgent pointers beyond everything: with text and without, within the window, in front of it and behind it."""
    frames = []
    for at in (0, 1, 1000, 30_000, -1, -1000, FAR):
        for urgent in (0, 1, 0x7fff, 0xffff):
            for text in (b"", b"!", b"urgent" * 100):
                if at == 0 and text:
                    continue  # the application's to read; the window moves
                frames.append(f.ip(TCP, forge.tcp(PEER, TOYNET, f.peer.port, f.peer.their_port, URG | ACK, seq=f.peer.seq + at,
                                                  ack=f.peer.ack, urgent=urgent, text=text)))
    for flags in (SYN, FIN | SYN, RST, 255, 0):
        frames.append(f.ip(TCP, forge.tcp(PEER, TOYNET, 1000, CLOSED, flags | URG, urgent=0xffff)))
    return frames, {}


HEADERS = [
    Attack("frames cut at every byte", cut_frames),
    Attack("headers cut at every byte", cut_headers),
    Attack("IP options of length 0, past the end, source routes", ip_options, answers={"parameter problem": LIMITED}),
    Attack("IP lengths below the header and beyond the frame", ip_lengths),
    Attack("land and other impossible sources", land),
    Attack("echo and more to groups", to_groups),
    Attack("ARP with wrong lengths", arp_lengths),
    Attack("claims of our address", arp_claims, answers={"arp request": DEFENDED}),
    Attack("ICMP that quotes wrong ports, or out of the window", icmp_quotes),
    Attack("fragmentation needed with MTU 0, 1, 67", narrow_paths),
    Attack("TCP data offset below 5 and beyond the segment", tcp_headers),
    Attack("TCP options of length 0", tcp_options, answers={"reset": len(BAD_OPTIONS)}),
    Attack("urgent pointers beyond everything", urgent_pointers, answers={"reset": 3, "tcp": 84}),
]


def teardrop(f):
    """The second fragment lies in the first; and its likes, each with an identification of its own."""
    frames = []
    pairs = [((0, 40), (24, 8)), ((0, 40), (32, 16)), ((8, 40), (0, 16)), ((0, 1480), (1472, 1400)), ((0, 64), (0, 32)),
             ((16, 16), (8, 40))]
    idents = iter(range(1, 65536))
    for (a, a_len), (b, b_len) in pairs * 100:
        ident = next(idents)
        frames += [f.ip(UDP, bytes(a_len), ident=ident, fragment=MORE | a // forge.UNIT),
                   f.ip(UDP, bytes(b_len), ident=ident, fragment=MORE | b // forge.UNIT)]
    return frames, {"IpReasmReqds": len(frames)}


def ping_of_death(f):
    """Fragments that end beyond 65,535 bytes, empty ones, and such as do not end at a unit."""
    frames = [f.ip(ICMP, bytes(size), ident=7, fragment=more | at) for at, size, more in
              ((8191, 100, 0), (8191, 1480, MORE), (8190, 40, 0), (8189, 32, MORE), (8188, 1000, 0))]
    frames += [f.ip(ICMP, b"", ident=8, fragment=more | at) for at in (0, 1, 100) for more in (0, MORE) if at or more]
    frames += [f.ip(ICMP, bytes(size), ident=9, fragment=MORE | at) for at in (0, 10) for size in (1, 7, 9, 1479)]
    return total((frames, "IpReasmErrors"))


def all_idents(f):
    """A first fragment of each identification; the last ones are as large as fragments are."""
    small = [f.ip(UDP, bytes(8), ident=ident, fragment=MORE) for ident in range(IDENTS - 4096)]
    large = [f.ip(UDP, bytes(1480), ident=ident, fragment=MORE) for ident in range(IDENTS - 4096, IDENTS)]
    return small + large, {"IpReasmReqds": IDENTS}


def all_memory(f):
    """More bytes than all fragments together may have, in datagrams of five parts without an end."""
    frames = [f.ip(UDP, bytes(1480), ident=ident, fragment=MORE | at * 1480 // forge.UNIT) for ident in range(1000)
              for at in range(5)]
    return frames, {"IpReasmReqds": len(frames)}


def many_parts(f):
    """One datagram in more parts than any may have."""
    frames = [f.ip(UDP, bytes(8), ident=1, fragment=MORE | at) for at in range(0, 8000, 2)]
    return frames, {"IpReasmReqds": len(frames)}


FRAGMENTS = [
    Attack("teardrop", teardrop, caps="IP_REASM_DATAGRAMS_MAX, IP_REASM_TIMEOUT"),
    Attack("ping of death", ping_of_death, caps="IP_TOTAL_MAX"),
    Attack("65,536 fragment ids", all_idents, rate=100_000, caps="IP_REASM_DATAGRAMS_MAX, IP_REASM_TIMEOUT"),
    Attack("fragments that fill the memory", all_memory, warm=2, caps="IP_REASM_MEMORY_MAX"),
    Attack("one datagram in 4,000 parts", many_parts, caps="IP_REASM_FRAGMENTS_MAX"),
]


def station(number):
    """An address of NET that neither we nor the kernel nor the peer have, and its MAC."""
    return struct.pack("!I", 0x0a4e0000 + number), struct.pack("!HI", 0x0200, 0x10000 + number)


def senders(f):
    """So many stations ask for us."""
    frames = []
    for number in range(SENDERS):
        address, mac = station(number)
        frames.append(ether(forge.BROADCAST_MAC, mac, 0x0806, forge.arp(1, mac, address, TOYNET)))
    return total((frames, "ArpInRequests"))


def paths(f):
    """A router says of the way to each of so many addresses that it is narrow; f.datagram_port is a socket's."""
    frames = []
    for number in range(DESTINATIONS):
        quote = forge.ip(TOYNET, station(number)[0], UDP, forge.udp(TOYNET, KERNEL, f.datagram_port, 53)[:8], total=1500)
        frames.append(f.ip(ICMP, forge.icmp(3, 4, quote, rest=600)))
    return total((frames, "IpPmtuLowered"))


STATIONS = [
    Attack("100,000 ARP senders", senders, answers={"arp reply": SENDERS}, rate=100_000,
           caps="ARP_ENTRIES_MAX, IP_ARP_TIMEOUT"),
    Attack("path MTUs of 65,536 destinations", paths, rate=100_000, caps="IP_PMTU_ENTRIES_MAX, IP_PMTU_AGE"),
]

# A datagram to each of DESTINATIONS addresses that nobody has: an application's, not a frame's.
UNRESOLVED = Attack("65,536 unresolved destinations", None, answers={"arp request": RESOLVING},
                    drain=ARP_TRIES_MAX + 1, settle=ARP_TRIES_MAX + 2,
                    caps="ARP_UNRESOLVED_MAX, ARP_TRIES_MAX, ARP_QUEUE_FRAMES_MAX, ARP_QUEUE_BYTES_TOTAL")

PLATEAUS = (1500, 1492, 1006, 576, 508, 296, 68)


def claims_in_flight(f, seq):
    """Fragmentation needed about a segment that is in flight on PEER's connection."""
    frames = []
    for mtu in (0, 1, 67, 68, 296):
        for size in PLATEAUS if mtu == 0 else PLATEAUS[:1]:
            text = forge.tcp(TOYNET, PEER, f.peer.their_port, f.peer.port, ACK, seq=seq)[:8]
            quote = forge.ip(TOYNET, PEER, TCP, text, total=size)
            frames.append(f.ip(ICMP, forge.icmp(3, 4, quote, rest=mtu)))
    return frames


def variants(f, seed, count):
    """Frames of every attack, damaged at random; half of them with checksums that are right again."""
    rng = random.Random(seed)
    pool = f.bases() + [f.arp(1), f.arp(2)]
    for attack in HEADERS + FRAGMENTS[:2]:
        pool += attack.frames(f)[0]
    frames = []
    while len(frames) < count:
        frame = bytearray(rng.choice(pool))
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(12, len(frame)) if len(frame) > 12 else 0
            way = rng.randrange(5)
            if way == 0:
                frame[at] ^= 1 << rng.randrange(8)
            elif way == 1:
                frame[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff))
            elif way == 2:
                frame[at:] = rng.randbytes(rng.randrange(1, 64))
            elif way == 3:
                del frame[max(at, 14):]
            else:
                frame += rng.randbytes(rng.randrange(1, 200))
        frame = bytes(frame[:1514])
        if len(frame) >= 14 and rng.random() < 0.5:
            frame = forge.mend(frame)
        # A claim to be the kernel would be believed, as RFC 826 has it; one to be us is a conflict (RFC 5227).
        if len(frame) >= 14 and not (frame[12:14] == b"\x08\x06" and frame[28:32] == forge.address(KERNEL)):
            frames.append(frame)
    return frames, {}
