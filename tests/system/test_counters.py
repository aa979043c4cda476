"""The counters beside the kernel's: their names, and what the same traffic does to both."""
import json
import re
import socket
import struct

from toynettest import KERNEL, TOYNET, Lab, Sock, expect, expect_equal, read_all, test, wait_until
from toynettest import command

OPEN, CLOSED, STREAM = 7000, 7001, 7002
NOBODYS_PROTOCOL = 253  # RFC 3692

# Names of kernels that are younger than the oldest one that this runs on.
YOUNGER = {"IpOutTransmits", "IcmpOutRateLimitGlobal", "IcmpOutRateLimitHost", "TcpExtPAWSTimewait"}
# Names of our own that are like one of the kernel's and yet mean something else.
UNLIKE = {"TcpBeyondWindow": "the kernel drops such a segment, toynet takes what is in the window"}


def kernel_counters(_=None):
    """{nstat's name: value} of the namespace of this process."""
    found = {}
    for path in ("/proc/self/net/snmp", "/proc/self/net/netstat"):
        with open(path) as f:
            lines = f.read().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            group = names.split(":")[0]
            found |= {group + n: int(v) for n, v in zip(names.split()[1:], values.split()[1:])}
    return found


@test()
def names_are_those_of_the_kernel():
    theirs = set(kernel_counters()) | YOUNGER
    folded = {name.replace("TcpExtTCP", "Tcp").replace("Ext", "").lower(): name for name in theirs}
    with Lab() as lab:
        ours = lab.start().stats()
    wrong = [name for name in ours if re.match("IpExt|TcpExt", name) and name not in theirs]
    expect_equal(wrong, [], "names that claim to be of /proc/net/netstat and are not")
    for name in ours:
        if re.match("(Ip|Icmp|Tcp|Udp)(?!Ext|Msg)", name) and name not in theirs and name not in UNLIKE:
            same = folded.get(name.lower())
            expect(not same, f"{name} is called {same} by the kernel")
    for name in ("IpForwarding", "TcpRtoAlgorithm", "TcpCurrEstab", "UdpInErrors", "IpReasmTimeout", "IcmpMsgInType8"):
        expect(name in ours, f"{name} is missing")


@test()
def kinds_and_parts():
    with Lab() as lab:
        daemon = lab.start()
        rows = {r["name"]: r for r in json.loads(daemon.ctl("stats", "-a", "--json").stdout)["counters"]}
        expect_equal(sorted(rows["UdpInErrors"]), ["kind", "name", "part_of", "value"], "keys of a row")
        expect_equal((rows["UdpInErrors"]["kind"], rows["UdpInErrors"]["part_of"]), ("total", None), "UdpInErrors")
        expect_equal((rows["UdpInCsumErrors"]["kind"], rows["UdpInCsumErrors"]["part_of"]), ("events", "UdpInErrors"),
                     "UdpInCsumErrors")
        expect_equal((rows["TcpCurrEstab"]["kind"], rows["TcpMaxConn"]["kind"]), ("gauge", "gauge"), "gauges")
        text = daemon.ctl("stats", "-a").stdout
        expect(re.search(r"^UdpInCsumErrors +0 +UdpInErrors$", text, re.M), f"no part in the text: {text}")
        expect("IpForwarding" not in daemon.ctl("stats").stdout, "a setting is in the short list")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Forge:
    """Frames from KERNEL to TOYNET through one interface, whole or wrong in one respect."""

    def __init__(self, interface, mac):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((interface, 0))
        self.ethernet = mac + self.socket.getsockname()[4] + b"\x08\x00"
        self.number = 0

    def ip(self, protocol, payload, version_ihl=0x45, bad_csum=False, longer=0, fragment=0, number=None):
        self.number += 1
        header = struct.pack("!BBHHHBBH4s4s", version_ihl, 0, 20 + len(payload) + longer,
                             self.number if number is None else number, fragment, 64, protocol, 0,
                             socket.inet_aton(KERNEL), socket.inet_aton(TOYNET))
        value = checksum(header) ^ (0x100 if bad_csum else 0)
        packet = header[:10] + struct.pack("!H", value) + header[12:] + payload
        self.socket.send(self.ethernet + packet.ljust(46, b"\0"))

    def sum_of(self, protocol, payload):
        return checksum(socket.inet_aton(KERNEL) + socket.inet_aton(TOYNET) +
                        struct.pack("!BBH", 0, protocol, len(payload)) + payload)

    def udp_payload(self, port, data=b"twelve bytes", bad_csum=False, longer=0):
        header = struct.pack("!HHHH", 4000, port, 8 + len(data) + longer, 0)
        value = self.sum_of(17, header + data) ^ (0x100 if bad_csum else 0)
        return header[:6] + struct.pack("!H", value) + data

    def udp(self, *args, **more):
        self.ip(17, self.udp_payload(*args, **more))

    def tcp(self, port, flags, offset=5, bad_csum=False):
        header = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, offset << 4, flags, 1000, 0, 0)
        value = self.sum_of(6, header) ^ (0x100 if bad_csum else 0)
        self.ip(6, header[:16] + struct.pack("!H", value) + header[18:])

    def icmp(self, kind, code=0, bad_csum=False):
        message = struct.pack("!BBHHH", kind, code, 0, 1, 1) + b"data"
        value = checksum(message) ^ (0x100 if bad_csum else 0)
        self.ip(1, message[:2] + struct.pack("!H", value) + message[4:])


def traffic(_, interface, mac):
    """What both sides get to see. The errors stay below every rate limit."""
    f = Forge(interface, mac)
    for _ in range(4):
        f.udp(OPEN)
    for _ in range(2):
        f.udp(CLOSED)
        f.udp(OPEN, bad_csum=True)
        f.icmp(8)
        f.tcp(CLOSED, flags=2)
        f.tcp(CLOSED, flags=2, bad_csum=True)
        f.ip(17, f.udp_payload(OPEN), bad_csum=True)
    f.udp(OPEN, longer=30)
    f.icmp(8, bad_csum=True)
    f.tcp(CLOSED, flags=2, offset=4)
    f.ip(17, f.udp_payload(OPEN), version_ihl=0x65)
    f.ip(17, f.udp_payload(OPEN), version_ihl=0x44)
    f.ip(17, f.udp_payload(OPEN), longer=500)
    f.ip(NOBODYS_PROTOCOL, b"nobody's")
    whole = f.udp_payload(OPEN, bytes(40))
    f.ip(17, whole[:24], fragment=0x2000, number=9)
    f.ip(17, whole[24:], fragment=3, number=9)
    with socket.create_connection((TOYNET, STREAM), 10) as s:
        s.sendall(b"hello")
        s.shutdown(socket.SHUT_WR)
        expect_equal(s.recv(100), b"", "the end of the stream")


COMPARED = ("IpInHdrErrors IpExtInCsumErrors IpExtInTruncatedPkts IpInAddrErrors IpInUnknownProtos IpInDiscards IpReasmReqds "
            "IpReasmOKs IpReasmFails IpReasmTimeout IpOutNoRoutes IpOutDiscards IpFragOKs IpFragFails IpFragCreates "
            "IpExtInMcastPkts IpExtInBcastPkts IpExtReasmOverlaps "
            "IcmpInMsgs IcmpInErrors IcmpInCsumErrors IcmpInEchos IcmpInEchoReps IcmpInDestUnreachs IcmpOutMsgs IcmpOutErrors "
            "IcmpOutDestUnreachs IcmpOutEchoReps IcmpOutTimeExcds IcmpMsgInType8 IcmpMsgOutType0 IcmpMsgOutType3 "
            "UdpInDatagrams UdpNoPorts UdpInErrors UdpInCsumErrors UdpRcvbufErrors UdpIgnoredMulti UdpMemErrors "
            "TcpActiveOpens TcpPassiveOpens TcpAttemptFails TcpEstabResets TcpCurrEstab TcpInErrs TcpInCsumErrors TcpOutRsts "
            "TcpRetransSegs TcpExtListenOverflows TcpExtListenDrops TcpExtSyncookiesSent TcpExtTCPTimeouts "
            "TcpExtTCPOFOQueue TcpExtTCPChallengeACK TcpExtPAWSEstab TcpExtEmbryonicRsts").split()


def kernel_receiver(child):
    """The mirror of toynet: reads what comes, and tells its counters before and after."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.create_server((TOYNET, STREAM)) as listener:
        datagrams.bind((TOYNET, OPEN))
        child.tell(kernel_counters())
        with listener.accept()[0] as s:
            expect_equal(read_all(s.fileno()), b"hello", "the stream")
        for _ in range(5):
            datagrams.recv(100)
        child.tell(None)
        child.ask()
        return kernel_counters()


def toynet_receiver(child):
    with Sock(socket.SOCK_DGRAM) as datagrams, Sock() as listener:
        datagrams.bind((TOYNET, OPEN))
        listener.bind((TOYNET, STREAM))
        listener.listen()
        child.tell(None)
        with listener.accept()[0] as s:
            expect_equal(s.recv(100), b"hello", "the stream")
            expect_equal(s.recv(100), b"", "its end")
        for _ in range(5):
            datagrams.recvfrom(100)
        child.tell(None)
        child.ask()


def deltas(before, after):
    """A gauge as it is, a counter by how much it grew; only what both have."""
    return {n: after[n] - (0 if n == "TcpCurrEstab" else before.get(n, 0)) for n in COMPARED if n in after}


def beside_the_kernel():
    """What the traffic does to a kernel that has toynet's address."""
    with Lab() as here, Lab() as there:
        command("ip", "link", "add", "v0", "netns", here.netns, "type", "veth", "peer", "name", "v0", "netns", there.netns)
        for lab, address in ((here, KERNEL), (there, TOYNET)):
            lab.ip("link", "set", "v0", "up")
            lab.ip("addr", "add", f"{address}/24", "dev", "v0")
        link = json.loads(there.ip("-j", "link", "show", "v0").stdout)[0]
        receiver = there.kernel(kernel_receiver)
        before = receiver.ask()
        here.kernel(traffic, "v0", bytes.fromhex(link["address"].replace(":", ""))).wait()
        receiver.ask()
        receiver.tell()
        return deltas(before, receiver.wait())


@test()
def the_same_traffic_counts_the_same():
    kernel = beside_the_kernel()
    with Lab() as lab:
        daemon = lab.start()
        mac = re.search(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", daemon.ctl("info").stdout).group(0)
        receiver = lab.client(toynet_receiver)
        receiver.ask()
        before = daemon.stats()
        lab.kernel(traffic, "tap0", bytes.fromhex(mac.replace(":", ""))).wait()
        receiver.ask()
        wait_until(lambda: daemon.stats()["TcpCurrEstab"] == 0, 5, "the connection ends")
        toynet = deltas(before, daemon.stats())
        receiver.tell()
        receiver.wait()
    # Type 0 of a name is only there once the kernel has seen one.
    both = [n for n in COMPARED if n in kernel and n in toynet]
    expect(len(both) > 45, f"only {len(both)} counters can be compared")
    differ = {n: (toynet[n], kernel[n]) for n in both if toynet[n] != kernel[n]}
    expect_equal(differ, {}, "counters that differ (toynet's, the kernel's)")
    expect_equal({n: toynet[n] for n in ("UdpNoPorts", "UdpInErrors", "IpInHdrErrors", "TcpInErrs", "IcmpInErrors")},
                 {"UdpNoPorts": 2, "UdpInErrors": 3, "IpInHdrErrors": 4, "TcpInErrs": 3, "IcmpInErrors": 1}, "what was sent")
