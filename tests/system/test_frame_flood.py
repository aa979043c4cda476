"""A flood of small frames: the control plane still answers, and an established connection goes on.

Theory of operation. The program frames writes RATE frames a second to the TAP, in batches: datagrams and SYNs to ports that
nobody has, echo requests, ARP requests, and EtherTypes that nobody knows, from one station in turn. What the daemon cannot
read in time the TAP drops, as any interface does; the flood is real when all that was sent is found again in the daemon's
counter of frames and in the TAP's of drops. Meanwhile toynetctl asks for the list of sockets again and again, and one
connection in each direction goes on at its pace. The time of an answer is that of the whole program toynetctl, from its
start to its end.
"""
import random
import select
import time

import forge
from attacks import CLOSED, Forger
from forge import ICMP, TCP, UDP
from segments import SYN
from test_flood import Transfers, go_before_others
from test_lan import daemon_mac
from toynettest import TOYNET, Lab, expect, test
from wirewatch import PEER, PEER_MAC, Injector, Watcher, interface
import toynettest

RATE = 200_000  # frames a second
SENT_SHARE = 0.95
FOUND_SHARE = 0.99
SECONDS = 3
SECONDS_FULL = 10
ANSWER_MAX = 0.1  # seconds
MOVES_MIN = 1_000_000 / 8  # bytes a second
PACE = 2 << 20  # bytes a second of each connection


def mixture(f):
    """A thousand small frames of five kinds, in no order."""
    rng = random.Random(200)
    frames = []
    for number in range(200):
        port = 1024 + number
        frames += [f.ip(UDP, forge.udp(PEER, TOYNET, port, CLOSED, rng.randbytes(18))),
                   f.ip(TCP, forge.tcp(PEER, TOYNET, port, CLOSED, SYN, seq=rng.getrandbits(32))),
                   f.ip(ICMP, forge.icmp(8, 0, rng.randbytes(18), rest=number)),
                   f.arp(1, to=f.mac),
                   forge.ether(f.mac, PEER_MAC, rng.choice((0x0806 + 1, 0x86dd, 0x88b5, 0x0100, 0xffff)), rng.randbytes(46))]
    rng.shuffle(frames)
    return frames


def answers(child, daemon):
    """Asks for the sockets until it is told to end; returns how long each answer took."""
    go_before_others()
    times = []
    while not select.select([child.pipe], [], [], 0)[0]:
        began = time.monotonic()
        daemon.ctl("sockets", "--json", build="release")
        times.append(time.monotonic() - began)
        time.sleep(0.02)
    child.ask()
    return times


@test(seconds=120)
def control_plane_and_connections_during_a_flood_of_small_frames():
    seconds = SECONDS_FULL if toynettest.FULL else SECONDS
    go_before_others()
    with Lab() as lab:
        daemon = lab.start("release")
        transfers = Transfers(lab, PACE)
        injector = Injector(lab, mixture(Forger(daemon_mac(daemon), 0, 0)))
        # The watcher answers when the daemon asks for PEER, and is stopped before it has much to watch.
        watcher = Watcher(lab, bytes.fromhex(interface(lab)["address"].replace(":", "")))
        injector.run(1000, 100)
        time.sleep(0.2)
        watcher.child.kill()
        before = transfers.over(1)
        frames, dropped, cpu = daemon.stats()["LinkInFrames"], interface(lab)["stats64"]["tx"]["dropped"], daemon.cpu_seconds()
        asker = lab.client(answers, daemon)
        process = injector.start(RATE, RATE * seconds)
        during = transfers.over(seconds - 0.5)
        sent, refused, took = injector.finish(process)
        asker.tell()
        times = sorted(asker.wait())
        counters = daemon.stats()
        read = counters["LinkInFrames"] - frames
        lost = interface(lab)["stats64"]["tx"]["dropped"] - dropped
        print(f"{sent} frames in {took:.2f} s, {read} read, {lost} dropped by the TAP ({refused} refused); "
              f"{daemon.cpu_seconds() - cpu:.2f} s of CPU; {len(times)} answers, median {1000 * times[len(times) // 2]:.1f} ms, "
              f"slowest {1000 * times[-1]:.1f} ms; rates before {before}, during {during}")
        expect(sent / took >= SENT_SHARE * RATE, f"the flood was only {sent / took:.0f} frames a second")
        expect(read + lost >= FOUND_SHARE * sent, f"{sent} frames sent, {read} read, {lost} dropped")
        expect(len(times) >= 5 * seconds, f"only {len(times)} answers in {seconds} s")
        expect(times[-1] <= ANSWER_MAX, f"an answer took {1000 * times[-1]:.0f} ms")
        for name, rate in during.items():
            expect(rate >= MOVES_MIN, f"{name}: {8 * rate / 1e6:.2f} Mbit/s")
        daemon.no_sanitizer_report()
