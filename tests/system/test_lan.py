"""The kernel at the other end of the TAP: ARP, ping, and frames that make no sense."""
import os
import random
import re
import socket
import struct

from toynettest import (KERNEL, TOYNET, Lab, command, expect, expect_equal, test, wait_until)

STRANGER = "10.77.0.50"  # a claim to be KERNEL would be believed, as RFC 826 has it


def ping(lab, *options):
    return command("ip", "netns", "exec", lab.netns, "ping", "-n", *options, TOYNET, check=False)


@test()
def arp_and_ping():
    with Lab() as lab:
        daemon = lab.start()
        result = ping(lab, "-c", "5", "-i", "0.1", "-W", "2")
        expect(" 0% packet loss" in result.stdout, result.stdout)
        neighbour = lab.ip("neigh", "show", TOYNET).stdout
        mac = re.search(r"lladdr (\S+)", neighbour)
        expect(mac, f"the kernel learned no address: {neighbour}")
        info = daemon.ctl("info").stdout
        expect(mac.group(1) in info, f"toynetctl info shows another address than {mac.group(1)}:\n{info}")
        stats = daemon.stats()
        expect(stats["ArpOutReplies"] >= 1, "no ARP reply was counted")


@test()
def ping_of_every_size():
    with Lab() as lab:
        lab.start()
        for size in (0, 1, 7, 8, 55, 56, 57, 1000, 1471, 1472):
            result = ping(lab, "-c", "1", "-W", "2", "-s", str(size))
            expect(" 0% packet loss" in result.stdout, f"{size} bytes: {result.stdout}")


@test()
def fragments_are_put_together_and_counted():
    with Lab() as lab:
        daemon = lab.start()
        for size in (1473, 3000, 65507):
            result = ping(lab, "-c", "1", "-W", "2", "-s", str(size))
            expect(" 0% packet loss" in result.stdout, f"{size} bytes: {result.stdout}")
        stats = daemon.stats()
        expect(stats["IpReasmOKs"] == 3 and stats["IpFragOKs"] == 3, "not put together, or not cut")
        expect(" 0% packet loss" in ping(lab, "-c", "1", "-W", "2").stdout, "ping after the fragments")


def contents(length, mac, number):
    """Frames of one length that lie about everything behind it."""
    noise = random.Random(number * 1000 + length).randbytes(80)
    for kind in (0x0800, 0x0806, 0x86dd, length, max(length - 14, 0), 0x88b5):
        frame = mac + b"\x02\x00\x00\x00\x00\x09" + struct.pack("!H", kind) + noise
        yield frame[:length]
    # Headers that are right as far as they go.
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + noise[:6] + socket.inet_aton(STRANGER) + bytes(6) + socket.inet_aton(TOYNET)
    yield (b"\xff" * 6 + noise[:6] + b"\x08\x06" + arp + bytes(40))[:length]
    for protocol in (1, 6, 17):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, max(length - 14, 0), 0, 0, 64, protocol, 0,
                         socket.inet_aton(KERNEL), socket.inet_aton(TOYNET))
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack("!H", ~total & 0xffff) + ip[12:]
        yield (mac + noise[:6] + b"\x08\x00" + ip + noise)[:length]


def inject(_, mac, rounds):
    """Sends frames of every length that the kernel lets through to the TAP; returns how many."""
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
        s.bind(("tap0", 0))
        for number in range(rounds):
            for length in range(71):
                for frame in contents(length, mac, number):
                    try:
                        sent += s.send(frame) == len(frame)
                    except OSError:
                        # The kernel itself refuses frames without a whole Ethernet header; tests/unit gives these to the stack.
                        expect(length < 14, f"the kernel refused a frame of {length} bytes")
    return sent


def daemon_mac(daemon):
    text = re.search(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", daemon.ctl("info").stdout).group(0)
    return bytes.fromhex(text.replace(":", ""))


@test()
def frames_of_every_length():
    with Lab() as lab:
        daemon = lab.start()
        expect(" 0% packet loss" in ping(lab, "-c", "1", "-W", "2").stdout, "ping before")
        before = daemon.stats()
        sent = lab.kernel(inject, daemon_mac(daemon), 3).wait()
        wait_until(lambda: daemon.stats()["LinkInFrames"] >= before["LinkInFrames"] + sent, 10,
                   f"{sent} frames arrive at the stack")
        after = daemon.stats()
        for name in ("LinkInLengthFrames", "LinkInUnknownType", "ArpInErrors", "IpInHdrErrors"):
            expect(after[name] > before[name], f"no drop was counted by {name}")
        expect(" 0% packet loss" in ping(lab, "-c", "1", "-W", "2").stdout, "ping after")
        daemon.no_sanitizer_report()
        expect_equal(os.path.exists(f"/proc/{daemon.pid}"), True, "the daemon lives")
