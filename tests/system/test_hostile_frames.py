"""Hostile frames against a running daemon: it lives, a bystander hardly notices, and no memory stays behind.

Theory of operation. A Siege is a daemon with a bystander's connection, which sends at a steady pace to the kernel; a
connection of PEER, a station that is played by the test; a watcher, who sees every frame of the daemon; and the program frames,
which writes the attacks of attacks.py to the TAP from the kernel's side. Each attack comes twice. The first time its frames
are sent once, so that what is bounded and kept by design is full: hash tables and arrays that grow and never shrink, and the
caps below. Then the bystander pauses, and the allocator's count (env.allocated, `memory` of toynetctl info), the resident
memory and the counters are noted; it goes on, and the attack comes for SECONDS. Afterwards:

  the daemon answers; the bystander kept SHARE of its pace without a pause of STALL
  each counter of a drop whose reason is certain rose by exactly what was sent
  no frame of a kind that the attack may not call forth was seen: no ICMP error, no echo reply, no reset
  the allocator's count is what it was, to the byte, and the resident memory within RSS_MAX

The caps, by their names in the source. ip/reasm.h: IP_REASM_MEMORY_MAX, IP_REASM_DATAGRAMS_MAX, IP_REASM_FRAGMENTS_MAX,
IP_REASM_TIMEOUT. ip/arp.h: ARP_ENTRIES_MAX, ARP_QUEUE_FRAMES_MAX, ARP_QUEUE_BYTES_MAX, ARP_QUEUE_BYTES_TOTAL, ARP_TRIES_MAX,
ARP_UNRESOLVED_MAX, IP_ARP_TIMEOUT. ip/ip.h: IP_CONTROL_QUEUE_MAX, IP_PMTU_ENTRIES_MAX, IP_PMTU_MIN, IP_PMTU_AGE,
IP_TIMERS_MAX, IP_TOTAL_MAX. ip/icmp.h: ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST, ICMP_ERROR_MAX. transport/tcp_internal.h:
TCP_GAPS_MAX, TCP_CHALLENGES_PER_S. base/ring.h: RING_POOL_CACHE. host/trim.h: TRIM_BYTES.

With --full the attacks last longer, and at the end everything that has a timeout must go by it: the allocator's count
comes back to what it was before the first attack, but for TABLES_MAX, and the resident memory, too.
"""
import contextlib
import json
import os
import re
import select
import socket
import struct
import time

import attacks
from attacks import Attack, Forger
from segments import Peer, Wire
from test_flood import go_before_others
from test_hostile import BYSTANDER_PORT, RATE, SHARE, STALL, bystander_sink, resident
from test_lan import daemon_mac
from toynettest import KERNEL, TOYNET, Lab, Sock, expect, expect_equal, kernel_socket, test, wait_until
from wirewatch import Injector, Watcher, interface
import toynettest

SECONDS = 0.5
SECONDS_FULL = 5.0
RSS_MAX = 1 << 20
QUEUE = 20_000  # frames that the TAP holds: on a busy machine none is to be lost that is counted
PEER_PORT = 5905
DATAGRAM_PORT = 5906
SNDBUF = 1 << 18
LENDERS = 3  # buffers of the bystander, of PEER's connection, and of a datagram socket
REASM_TIMEOUT = 60  # ip/reasm.h: IP_REASM_TIMEOUT, seconds
IP_ARP_TIMEOUT = 60  # ip/arp.h, seconds
IP_PMTU_MIN = 552  # ip/ip.h
TABLES_MAX = 128 << 10  # bytes by which tables grow that never shrink, and what is kept for longer than a test lasts
VARIANTS = 10_000
SEEDS, SEEDS_FULL = (826,), range(826, 836)
RATE_SANITIZED = 3 << 20
SANITIZED_MAX = 1000


def steady_source(child, port, pace):
    """Sends at the pace; pauses and goes on whenever it is told."""
    tick = 0.005
    piece = bytes(int(pace * tick))
    with Sock() as s:
        # A buffer that does not tune itself.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SNDBUF)
        s.connect((KERNEL, port))
        child.tell(s.getsockname()[1])
        due = time.monotonic()
        while True:
            if select.select([child.pipe], [], [], 0)[0]:
                child.ask()
                child.tell()
                child.ask(3600)
                child.tell()
                due = time.monotonic()
            s.sendall(piece)
            due = max(due + tick, time.monotonic() - 10 * tick)
            time.sleep(max(0.0, due - time.monotonic()))


class Steady:
    """The bystander."""

    def __init__(self, lab, pace=RATE):
        self.sink = lab.kernel(bystander_sink, BYSTANDER_PORT)
        self.sink.ask()
        self.source = lab.client(steady_source, BYSTANDER_PORT, pace)
        self.port = self.source.ask()
        time.sleep(0.3)
        self.mark()
        time.sleep(1.0)
        self.before, longest = self.mark()
        expect(longest < STALL, f"the bystander paused for {longest:.2f} s before anything happened")

    def mark(self):
        self.sink.tell()
        count, seconds, longest = self.sink.ask()
        return count / seconds, longest

    def turn(self):
        """It pauses, or goes on."""
        self.source.tell()
        self.source.ask()

    def undisturbed(self, what):
        rate, longest = self.mark()
        share = rate / self.before
        expect(share >= SHARE, f"{what}: the bystander keeps {100 * share:.0f} % of {self.before / 2**20:.1f} MiB/s")
        expect(longest < STALL, f"{what}: the bystander paused for {longest:.2f} s")
        return share, longest


def shut_sink(child, port, count):
    """Peers whose windows close at once."""
    with kernel_socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind((KERNEL, port))
        listener.listen()
        child.tell()
        held = [listener.accept()[0] for _ in range(count)]
        child.ask()
        for connection in held:
            connection.close()


def fill_ring_pool(lab):
    """Send buffers grow through all their sizes up to SNDBUF, so that the pool has blocks of each to lend (base/ring.h)."""
    sink = lab.kernel(shut_sink, BYSTANDER_PORT, LENDERS)
    sink.ask()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(Sock()) for _ in range(LENDERS)]
        for s in sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SNDBUF)
            s.connect((KERNEL, BYSTANDER_PORT))
            s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                for s in sockets:
                    s.send(bytes(1024))
                time.sleep(0.0003)
        sink.tell()
        sink.wait()


class Siege:
    """measured: resident memory counts; under sanitizers it says nothing."""

    def __init__(self, lab, build="release", pace=RATE, rate_max=None):
        self.measured, self.rate_max = build == "release", rate_max
        net = attacks.NET.split("/")[1]
        self.lab = lab
        self.daemon = lab.start(build, address=f"{TOYNET}/{net}", host_address=f"{KERNEL}/{net}")
        lab.ip("link", "set", "tap0", "txqueuelen", str(QUEUE))
        # The kernel does not ask for us of its own accord.
        lab.ip("neigh", "replace", TOYNET, "lladdr", daemon_mac(self.daemon).hex(":"), "nud", "permanent", "dev", "tap0")
        kernel_mac = bytes.fromhex(interface(lab)["address"].replace(":", ""))
        self.watcher = Watcher(lab, kernel_mac)
        fill_ring_pool(lab)
        self.bystander = Steady(lab, pace)
        # RFC 5227 2.3: it says twice that the address is its own.
        wait_until(lambda: self.stats()["ArpOutAnnouncements"] >= 2, 5, "the address is announced")
        self.forger = Forger(daemon_mac(self.daemon), self.bystander.port, BYSTANDER_PORT)
        self.forger.seq = self.block()["tcp"]["snd_una"]
        self.forger.peer = self.peer_connection()
        self.datagrams = Sock(socket.SOCK_DGRAM).bind((TOYNET, DATAGRAM_PORT))
        self.forger.datagram_port = DATAGRAM_PORT

    def block(self):
        row = [r for r in self.daemon.sockets() if r["local"]["port"] == self.bystander.port][0]
        return self.daemon.control_block(row["id"])

    def peer_connection(self):
        """A connection of PEER, and nobody reads what comes."""
        listener = Sock().bind((TOYNET, PEER_PORT)).listen()
        peer = Peer(Wire(self.lab), PEER_PORT).open()
        self.accepted, _ = listener.accept()
        listener.close()
        peer.wire.socket.close()
        return peer

    def stats(self):
        rows = json.loads(self.daemon.ctl("stats", "-a", "--json", build="release").stdout)["counters"]
        return {row["name"]: row["value"] for row in rows}

    def memory(self):
        return json.loads(self.daemon.ctl("info", "--json", build="release").stdout)["info"]["memory"]

    def frames_in(self):
        """Frames that the daemon has read."""
        return interface(self.lab)["stats64"]["tx"]["packets"]

    def note(self):
        """Counters, allocator's count and resident bytes, while nothing moves."""
        previous = -1
        while (now := self.memory()) != previous:
            previous = now
            time.sleep(0.03)
        return self.stats(), now, resident(self.daemon.pid)

    def send(self, injector, rate, count):
        """All of them arrive. Returns how many."""
        rate = min(rate, self.rate_max or rate)
        read, dropped = self.frames_in(), interface(self.lab)["stats64"]["tx"]["dropped"]
        sent, refused, _ = injector.run(rate, count)
        wait_until(lambda: self.frames_in() >= read + sent - refused, 20, f"the daemon reads {sent} frames")
        lost = interface(self.lab)["stats64"]["tx"]["dropped"] - dropped
        expect(refused == 0 and lost == 0, f"{refused} of {sent} frames were refused, {lost} lost at the TAP")
        return sent

    def undergo(self, attack, seconds):
        """The frames of an attack, all that must hold."""
        frames, counts = attack.frames(self.forger)
        injector = Injector(self.lab, frames, attack.name)
        passes = max(1, round(seconds * attack.rate / len(frames)))
        self.hold(attack, lambda n: self.send(injector, attack.rate, n * len(frames)), passes, counts)

    def hold(self, attack, act, passes, counts):
        """act(attack.warm), and then act(passes): everything that must hold."""
        name = attack.name
        # Of the large attacks the daemon with sanitizers gets a part, which may not fill a cap at once.
        act(attack.warm if self.measured else 2)
        time.sleep(attack.drain)
        self.bystander.turn()
        self.watcher.seen()
        counters, memory, rss = self.note()
        self.bystander.turn()
        self.bystander.mark()
        began = time.monotonic()
        number = act(passes)
        # Under sanitizers an attack takes no longer than a tick or two of the bystander's clock.
        share, longest = self.bystander.undisturbed(name) if self.measured else (1.0, 0.0)
        self.bystander.turn()
        after, now, _ = self.note()
        seen = self.watcher.seen()
        seconds = time.monotonic() - began
        rises = {key: after[key] - counters[key] for key in after if after[key] != counters[key]}
        for counter, count in counts.items():
            expect_equal(rises.get(counter, 0), count * passes, f"{name}: {counter}, all that moved: {rises}")
        for kind, many in seen.items():
            allowed = attack.allowed(kind, passes, seconds)
            expect(many <= allowed, f"{name}: {many} frames that are {kind}, {allowed:.0f} may be; {passes} passes, {rises}")
        wait_until(lambda: self.memory() == memory, attack.settle,
                   lambda: f"{name}: the allocator's count is {memory} bytes again, {self.memory()} now")
        grown = resident(self.daemon.pid) - rss
        print(f"{name}: {number} frames; bystander {100 * share:.0f} %, longest pause {1000 * longest:.0f} ms; "
              f"memory {memory}, {now - memory:+} at once; RSS {rss >> 10} KiB {grown >> 10:+}; answers {seen}", flush=True)
        expect(not self.measured or abs(grown) <= RSS_MAX, f"{name}: resident memory {grown >> 10:+} KiB")
        self.bystander.turn()

    def drained(self, first, seconds, what):
        """Everything that the attacks left has gone by its timeout, but for tables that grow and never shrink."""
        self.bystander.turn()
        wait_until(lambda: self.memory() <= first[1] + TABLES_MAX, seconds,
                   lambda: f"{what}: {first[1]} bytes before the first attack, {self.memory()} now", pause=0.5)
        time.sleep(1)
        _, memory, rss = self.note()
        print(f"{what}, drained: memory {first[1]} before the first attack, {memory} now; "
              f"RSS {first[2] >> 10} KiB, {rss >> 10} now", flush=True)
        expect(rss - first[2] <= RSS_MAX, f"{what}: resident memory {(rss - first[2]) >> 10:+} KiB")

    def first(self):
        self.bystander.turn()
        noted = self.note()
        self.bystander.turn()
        return noted

    def lives(self):
        expect(self.daemon.process.poll() is None, "the daemon ended")
        self.daemon.no_sanitizer_report()


def seconds_each():
    return SECONDS_FULL if toynettest.FULL else SECONDS


@contextlib.contextmanager
def besieged(**options):
    with Lab() as lab:
        siege = Siege(lab, **options)
        yield siege
        siege.lives()


def besiege(what, chosen, drain=0):
    """With --full and a time, everything must be given back within so many seconds."""
    go_before_others()
    with besieged() as siege:
        first = siege.first()
        for attack in chosen:
            siege.undergo(attack, seconds_each())
        if drain and toynettest.FULL:
            siege.drained(first, drain, what)


@test()
def caps_are_named_constants():
    """Each cap that is named above, and beside the attack that runs into it, stands in the source by that name."""
    text = ""
    for folder, _, files in os.walk(os.path.join(toynettest.ROOT, "daemon")):
        for name in files:
            if name.endswith(".h"):
                with open(os.path.join(folder, name)) as f:
                    text += f.read()
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", __doc__)) - {"RSS_MAX", "TABLES_MAX"}
    for attack in attacks.HEADERS + attacks.FRAGMENTS + attacks.STATIONS + [attacks.UNRESOLVED]:
        named.update(attack.caps.replace(",", " ").split())
    expect(len(named) > 15, f"only {named}")
    unknown = [name for name in sorted(named) if not re.search(rf"#define {name}\b", text)]
    expect(not unknown, f"no such constants: {unknown}")


@test(seconds=240)
def headers_and_options():
    besiege("headers", attacks.HEADERS)


@test(seconds=240)
def fragments():
    besiege("fragments", attacks.FRAGMENTS, drain=REASM_TIMEOUT + 5)


@test(seconds=240)
def stations():
    # The path MTUs are kept for ten minutes.
    besiege("stations", attacks.STATIONS, drain=IP_ARP_TIMEOUT + 5)


RECORD = struct.Struct("=HBBIIHBBBBH16s156x")  # proto/include/toynet/descriptor.h: struct toynet_datagram_header
RECORD_MAGIC, RECORD_VERSION, RECORD_DATAGRAM, FAMILY = 0x7479, 2, 2, 4


def send_to_everybody(_, count):
    """A datagram to each of so many addresses that nobody has, as fast as the descriptor takes them; returns how many."""
    text = b"is anybody there?"
    with Sock(socket.SOCK_DGRAM) as s:
        for number in range(count):
            record = RECORD.pack(RECORD_MAGIC, RECORD_VERSION, RECORD_DATAGRAM, len(text), 0, 0, 0, 0, FAMILY, 0, 9,
                                 attacks.station(number)[0])
            os.write(s.fd, record + text)
        return count


@test(seconds=240)
def unresolved_destinations():
    go_before_others()
    with besieged() as siege:
        siege.hold(attacks.UNRESOLVED, lambda _: siege.lab.client(send_to_everybody, attacks.DESTINATIONS).wait(), 1, {})


@test(seconds=240)
def fragmentation_needed_in_flight():
    """Claims about a segment that is in flight, from somebody who sees it: no tiny segments, no storm of retransmissions."""
    go_before_others()
    with besieged() as siege:
        s, peer = siege.accepted, siege.forger.peer
        s.sendall(bytes(30_000))
        row = [r for r in siege.daemon.sockets() if r["peer"]["port"] == peer.port][0]

        def block():
            return siege.daemon.control_block(row["id"])["tcp"]

        wait_until(lambda: block()["flight_size"] > 5000, 5, "text is in flight")
        frames = attacks.claims_in_flight(siege.forger, block()["snd_una"])
        attack = Attack("fragmentation needed, in flight", None, answers={"tcp": 1}, caps="IP_PMTU_MIN")
        injector = Injector(siege.lab, frames, attack.name)
        passes = round(seconds_each() * attack.rate / len(frames))
        siege.hold(attack, lambda n: siege.send(injector, attack.rate, n * len(frames)), passes, {})
        tcp = block()
        print(f"Eff.snd.MSS {tcp['snd_mss']}, {tcp['segments_retransmitted']} segments retransmitted")
        expect(tcp["snd_mss"] >= IP_PMTU_MIN - 40, f"segments of {tcp['snd_mss']} bytes")
        # A few for each time that the path was believed to be narrower, and for timeouts.
        expect(tcp["segments_retransmitted"] < 500, f"{tcp['segments_retransmitted']} segments retransmitted")


def any_answer():
    """Of damaged frames some are in order, and answered; but one frame calls forth one."""
    kinds = dict.fromkeys(("arp reply", "arp request", "echo reply", "reset", "tcp", "igmp"), VARIANTS)
    return kinds | dict.fromkeys(("unreachable", "parameter problem", "time exceeded"), attacks.LIMITED)


@test(seconds=300)
def random_variants():
    go_before_others()
    for seed in SEEDS_FULL if toynettest.FULL else SEEDS:
        with besieged() as siege:
            attack = Attack(f"random variants of seed {seed}", lambda f: attacks.variants(f, seed, VARIANTS),
                            answers=any_answer(), warm=2, drain=4, settle=10)
            siege.undergo(attack, seconds_each())


@test(seconds=300)
def sanitized_daemon():
    go_before_others()
    with besieged(build="debug", pace=RATE_SANITIZED, rate_max=5000) as siege:
        for attack in attacks.HEADERS + attacks.FRAGMENTS + attacks.STATIONS:
            frames, counts = attack.frames(siege.forger)
            if len(frames) > SANITIZED_MAX:
                frames, counts = frames[::len(frames) // SANITIZED_MAX], {}
            injector = Injector(siege.lab, frames, attack.name)
            siege.hold(attack, lambda n: siege.send(injector, attack.rate, n * len(frames)), 1, counts)
        for seed in SEEDS_FULL if toynettest.FULL else SEEDS:
            frames, _ = attacks.variants(siege.forger, seed, VARIANTS // 2)
            siege.bystander.mark()
            siege.send(Injector(siege.lab, frames), siege.rate_max, len(frames))
            siege.bystander.undisturbed(f"random variants of seed {seed}")
