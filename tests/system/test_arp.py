"""ARP and address conflict detection on the wire of the TAP, with a station made by hand beside the kernel's."""
import errno
import json
import select
import socket
import time

from forge import BROADCAST_MAC, address, arp, ether
from toynettest import KERNEL, TOYNET, Lab, Sock, command, expect, expect_equal, test, wait_until
from wirewatch import PACKET_IGNORE_OUTGOING, SOL_PACKET

ARP = 0x0806
REQUEST, REPLY = 1, 2
OURS = bytes.fromhex("020000000007")
OTHER = bytes.fromhex("020000000066")
NOBODY = "10.77.0.99"
NO_ONE = "0.0.0.0"


def station(child):
    """Hears the ARP packets of the daemon, and sends frames: for each list of frames, the packets heard so far, as (when,
    destination, operation, sender, target)."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as s:
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.bind(("tap0", ARP))
        heard = []
        child.tell()
        while True:
            ready, _, _ = select.select([s, child.pipe], [], [])
            if s in ready:
                frame = s.recv(2048)
                if frame[6:12] == OURS:
                    heard.append((time.monotonic(), frame[:6], frame[21], socket.inet_ntoa(frame[28:32]),
                                  socket.inet_ntoa(frame[38:42])))
            if child.pipe in ready:
                for frame in child.ask():
                    s.send(frame)
                child.tell(heard)


class Station:
    def __init__(self, lab):
        """The TAP is there before the daemon, so that its first frame is seen."""
        lab.ip("tuntap", "add", "dev", "tap0", "mode", "tap")
        lab.ip("link", "set", "tap0", "up")
        lab.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        self.child = lab.kernel(station)
        self.child.ask()

    def say(self, operation, sender, target, to=BROADCAST_MAC):
        self.child.tell([ether(to, OTHER, ARP, arp(operation, OTHER, sender, target))])
        return self.child.ask()

    def heard(self, operation=None, sender=None, target=None):
        self.child.tell([])
        return [(when, to) for when, to, op, spa, tpa in self.child.ask()
                if operation in (None, op) and sender in (None, spa) and target in (None, tpa)]


def starts(lab, **options):
    return lab.start(mac="02:00:00:00:00:07", kernel_address=False, **options)


@test()
def an_address_is_announced_twice_at_the_start():
    with Lab() as lab:
        other = Station(lab)
        daemon = starts(lab)
        wait_until(lambda: len(other.heard(REQUEST, TOYNET, TOYNET)) == 2, 10, lambda: f"announcements: {other.heard()}")
        first, second = other.heard(REQUEST, TOYNET, TOYNET)
        expect(1.9 < second[0] - first[0] < 3.5, f"the announcements are {second[0] - first[0]:.3f} s apart")
        expect_equal(first[1], BROADCAST_MAC, "to whom it is announced")
        expect_equal(len(other.heard(sender=NO_ONE)), 0, "probes")
        expect_equal(daemon.stats()["ArpOutAnnouncements"], 2, "ArpOutAnnouncements")
        time.sleep(3)
        expect_equal(len(other.heard(REQUEST, TOYNET, TOYNET)), 2, "announcements later")


@test()
def a_claim_of_our_address_is_answered_once_in_ten_seconds_and_not_adopted():
    with Lab() as lab:
        other = Station(lab)
        daemon = starts(lab)
        wait_until(lambda: len(other.heard(REQUEST, TOYNET, TOYNET)) == 2, 10, "two announcements")
        mark = time.monotonic()
        for i in range(40):
            other.say(*((REPLY, TOYNET, TOYNET), (REQUEST, TOYNET, KERNEL))[i % 2])
            time.sleep(0.1)
        defence = [t for t, _ in other.heard(REQUEST, TOYNET, TOYNET) if t > mark]
        expect_equal(len(defence), 1, "announcements in four seconds of claims")
        time.sleep(max(0.0, defence[0] + 10.2 - time.monotonic()))
        other.say(REPLY, TOYNET, TOYNET)
        wait_until(lambda: len([t for t, _ in other.heard(REQUEST, TOYNET, TOYNET) if t > mark]) == 2, 2, "a second defence")
        expect_equal(daemon.stats()["ArpInConflicts"], 41, "ArpInConflicts")
        # A probe is no claim: it is answered.
        other.say(REQUEST, NO_ONE, TOYNET)
        wait_until(lambda: other.heard(REPLY, TOYNET), 2, "an answer to the probe")
        expect_equal(other.heard(REPLY, TOYNET)[-1][1], OTHER, "who is answered")
        lines = [line for line in daemon.log().splitlines() if "claims" in line]
        expect_equal(lines, [f"toynetd: another station, 02:00:00:00:00:66, claims {TOYNET}; it stays ours"], "the log")
        lab.ip("neigh", "flush", "dev", "tap0")
        ping = command("ip", "netns", "exec", lab.netns, "ping", "-n", "-c", "1", "-W", "2", TOYNET, check=False)
        expect_equal(ping.returncode, 0, "ping after the claims")


@test()
def an_address_that_somebody_has_is_not_used():
    with Lab() as lab:
        other = Station(lab)
        daemon = starts(lab, conflict_detection="probe")
        wait_until(lambda: other.heard(REQUEST, NO_ONE, TOYNET), 5, "a probe")
        # Nobody is answered, and nobody can bind.
        other.say(REQUEST, KERNEL, TOYNET)
        with Sock() as s:
            try:
                s.bind((TOYNET, 5500))
                expect(False, "a tentative address was bound")
            except OSError as error:
                expect_equal(error.errno, errno.EADDRNOTAVAIL, "bind")
        other.say(REPLY, TOYNET, NO_ONE, to=OURS)
        wait_until(lambda: "another station, 02:00:00:00:00:66, has" in daemon.log(), 2, daemon.log)
        expect_equal(len(other.heard(REPLY)), 0, "replies for a tentative address")
        expect_equal(len(other.heard(REQUEST, TOYNET, TOYNET)), 0, "announcements")
        expect_equal([a["state"] for a in json.loads(daemon.ctl("addresses", "--json").stdout)["addresses"]], ["conflict"],
                     "the state that toynetctl shows")


def connect_time(port):
    """How long connect takes to fail, and how it does."""
    with Sock() as s:
        begin = time.monotonic()
        try:
            s.connect((NOBODY, port))
            return time.monotonic() - begin, 0
        except OSError as error:
            return time.monotonic() - begin, error.errno


@test()
def a_failed_neighbour_is_known_at_once_and_asked_for_once_a_second():
    with Lab() as lab:
        other = Station(lab)
        daemon = starts(lab)
        first = connect_time(5501)
        expect(first[1] == errno.EHOSTUNREACH and 2.5 < first[0] < 6, f"the first connect: {first}")
        for port in range(5502, 5512):
            again = connect_time(port)
            expect(again[1] == errno.EHOSTUNREACH and again[0] < 0.5, f"another connect: {again}")
            time.sleep(0.3)
        asked = [t for t, _ in other.heard(REQUEST, TOYNET, NOBODY)]
        expect(len(asked) > 4, f"asked {len(asked)} times")
        gaps = [b - a for a, b in zip(asked, asked[1:])]
        expect(min(gaps) > 0.9, f"requests {min(gaps):.3f} s apart")
        # The first sign of life ends it: the kernel has the address now, and asks for ours.
        lab.ip("address", "add", f"{NOBODY}/24", "dev", "tap0")
        expect_equal(daemon.stats()["ArpFailed"], 1, "ArpFailed")
        lab.ip("neigh", "flush", "dev", "tap0")
        command("ip", "netns", "exec", lab.netns, "ping", "-n", "-c", "1", "-W", "2", "-I", NOBODY, TOYNET)
        back = connect_time(5520)
        expect(back[1] == errno.ECONNREFUSED and back[0] < 1, f"a connect to the station that is back: {back}")
