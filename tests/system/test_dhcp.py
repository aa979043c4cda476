"""The DHCP client: with dnsmasq, and with a server made by hand that gives leases of seconds."""
import json
import os
import socket
import subprocess
import time

from dhcp_server import (DECLINE, DISCOVER, RELEASE, REQUEST, heard, serve)
from test_start import refused
from toynettest import (KERNEL, Daemon, Failure, Lab, Sock, command, die_with_parent, expect, expect_equal, kernel_listener,
                        test, wait_until)

FIRST, SECOND = "10.77.0.50", "10.77.0.60"
LEASED = "10.77.0.5"
# Until an address is in use: two seconds and more of probes, two of silence (RFC 5227 1.1), and a first DHCPDISCOVER that may
# come before there is a server.
BOUND_WITHIN = 20


def dhcp(daemon):
    return json.loads(daemon.ctl("dhcp", "--json").stdout)["dhcp"]


def wait_bound(daemon, seconds=BOUND_WITHIN):
    wait_until(lambda: dhcp(daemon)["state"] == "bound", seconds, lambda: f"bound; {dhcp(daemon)}\n{daemon.log()}")
    return dhcp(daemon)


def lines(daemon, word):
    return sum(word in line for line in daemon.log().splitlines())


class Dnsmasq:
    """dnsmasq on the kernel's side of the TAP."""

    def __init__(self, lab, *options, dns=0):
        self.lab = lab
        self.leases = os.path.join(lab.dir, "leases")
        self.log_path = os.path.join(lab.dir, "dnsmasq.log")
        self.argv = ["ip", "netns", "exec", lab.netns, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--port={dns}",
                     "--interface=tap0", "--bind-interfaces", "--user=root", "--no-ping", "--dhcp-authoritative",
                     f"--dhcp-leasefile={self.leases}", f"--pid-file={lab.dir}/dnsmasq.pid", "--log-dhcp",
                     f"--log-facility={self.log_path}", f"--dhcp-range={FIRST},{SECOND},255.255.255.0,2m", *options]
        self.process = None
        self.start()
        lab.stack.callback(self.stop)

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        preexec_fn=die_with_parent)
        wait_until(lambda: "started" in self.log() or self.process.poll() is not None, 10, "dnsmasq starts")
        expect(self.process.poll() is None, lambda: f"dnsmasq: {self.process.stdout.read()}\n{self.log()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def leased(self):
        with open(self.leases) as f:
            return [line.split()[2] for line in f if line.strip()]


def make_tap(lab):
    """A TAP that stays when the daemon goes, so that what it says last is heard."""
    lab.ip("tuntap", "add", "tap0", "mode", "tap")
    lab.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
    lab.ip("link", "set", "tap0", "up")


def talk(lab, address):
    """Ping from the kernel, and TCP to it from the leased address."""
    command("ip", "netns", "exec", lab.netns, "ping", "-c", "3", "-i", "0.2", "-W", "2", address)

    def listen(child):
        with kernel_listener(8000) as s:
            child.tell("ready")
            peer, name = s.accept()
            with peer:
                peer.sendall(peer.recv(100))
            return name[0]

    server = lab.kernel(listen)
    server.ask()
    with Sock() as s:
        s.connect((KERNEL, 8000))
        expect_equal(s.getsockname()[0], address, "local address")
        s.sendall(b"over a leased address")
        expect_equal(s.recv(100), b"over a leased address", "echo")
    expect_equal(server.wait(), address, "address as the kernel sees it")


@test(120)
def dnsmasq_leases_an_address():
    with Lab() as lab:
        make_tap(lab)
        daemon = lab.start(kernel_address=False, address=None, dhcp="yes", hostname="toynet-host")
        expect("ready on tap0 by DHCP" in daemon.log(), f"ready before there is a lease: {daemon.log()}")
        dnsmasq = Dnsmasq(lab, f"--dhcp-option=option:dns-server,{KERNEL},8.8.8.8", "--domain=example.org",
                          "--dhcp-option=option:mtu,1400", "--dhcp-option=option:domain-search,eng.example.org,example.org",
                          "--no-resolv", "--no-hosts", "--host-record=www.eng.example.org,10.77.0.9", dns=53)
        d = wait_bound(daemon)
        address = d["address"].split("/")[0]
        expect_equal(dnsmasq.leased(), [address], "leases of dnsmasq")
        expect_equal((d["address"], d["server"], d["lease_s"]), (f"{address}/24", KERNEL, 120), "lease")
        expect(50 <= d["renew_s"] <= 60 < d["rebind_s"] <= 105 < d["left_s"] <= 120, f"times: {d}")
        expect_equal((d["routers"], d["dns"], d["domain"], d["search"], d["mtu"]),
                     (KERNEL, f"{KERNEL} 8.8.8.8", "example.org", "eng.example.org example.org", 1400), "parameters")
        expect(d["client_id"].startswith("ff:") and d["client_id"].count(":") == 14, f"RFC 4361: {d['client_id']}")
        expect_equal(json.loads(daemon.ctl("info", "--json").stdout)["info"]["mtu"], 1400, "MTU of the lease")
        with open(dnsmasq.leases) as f:
            expect("toynet-host" in f.read(), "the host name was told")
        talk(lab, address)
        expect("10.77.0.9" in daemon.ctl("resolve", "-4", "www", build="release").stdout,
               "a name by the server and the search list of the lease")
        expect("left of it" in daemon.ctl("dhcp").stdout, "the same as text")
        expect_equal(lines(daemon, "DHCP: bound to"), 1, "lines of the log")
        daemon.stop()
        expect("DHCPRELEASE" in dnsmasq.log(), f"released: {dnsmasq.log()}")
        wait_until(lambda: dnsmasq.leased() == [], 5, "dnsmasq has the address back")


@test(120)
def dnsmasq_renews():
    with Lab() as lab:
        make_tap(lab)
        dnsmasq = Dnsmasq(lab, "--dhcp-option-force=option:T1,8")
        daemon = lab.start(kernel_address=False, address=None, dhcp="yes")
        address = wait_bound(daemon)["address"]
        # A server that has no more of it than its file.
        dnsmasq.stop()
        dnsmasq.start()
        wait_until(lambda: lines(daemon, f"{address} renewed for 120 s") == 1, 20, lambda: f"renewed; {daemon.log()}")
        d = dhcp(daemon)
        expect_equal((d["state"], d["address"]), ("bound", address), "lease")
        expect(d["left_s"] > 110, f"the lease is new: {d}")
        talk(lab, address.split("/")[0])


@test(120)
def the_same_address_after_a_crash():
    with Lab() as lab:
        make_tap(lab)
        dnsmasq = Dnsmasq(lab)
        first = Daemon(lab, name="first", kernel_address=False, address=None, dhcp="yes")
        lab.stack.callback(first._kill)
        before = wait_bound(first.__enter__())
        first._kill()
        expect_equal(dnsmasq.leased(), [before["address"].split("/")[0]], "leases after a crash")
        second = lab.start(name="second", kernel_address=False, address=None, dhcp="yes")
        after = wait_bound(second)
        expect_equal((after["address"], after["client_id"]), (before["address"], before["client_id"]), "the same client")


SETTINGS = {"server": KERNEL, "address": LEASED, "lease": 16, "t1": 9, "t2": 13, "silent": False, "refuse": False}


def start_by_hand(lab, **settings):
    daemon = lab.start(address=None, dhcp="yes", client_id="01:02:03")
    server = lab.kernel(serve, "tap0", {**SETTINGS, **settings})
    server.ask()
    return daemon, server


def of_type(messages, kind):
    return [m for m in messages if m["type"] == kind]


@test(120)
def renewal_and_rebinding():
    with Lab() as lab:
        daemon, server = start_by_hand(lab)
        wait_bound(daemon)
        talk(lab, LEASED)
        messages = heard(server)
        first, last = messages[0], messages[-1]
        expect_equal((first["type"], first["source"], first["flags"], first["client_id"]),
                     (DISCOVER, "0.0.0.0", 0x8000, b"\1\2\3"), "first message")
        expect_equal((last["type"], last["source"], last["requested"], last["server"], last["ciaddr"]),
                     (REQUEST, "0.0.0.0", LEASED, KERNEL, "0.0.0.0"), "request")
        # T1: by unicast to the server that gave the lease.
        wait_until(lambda: lines(daemon, "renewed") == 1, 15, lambda: f"renewed; {daemon.log()}")
        renewal = heard(server)
        expect_equal(len(renewal), 1, "messages until it was renewed")
        expect_equal((renewal[0]["type"], renewal[0]["source"], renewal[0]["flags"], renewal[0]["ciaddr"],
                      renewal[0]["requested"], renewal[0]["server"]), (REQUEST, LEASED, 0, LEASED, None, None), "renewal")
        expect(8 < renewal[0]["at"] - last["at"] < 10, f"T1 after {renewal[0]['at'] - last['at']:.1f} s")
        # T2: the server is silent first, and gives the lease under another name then.
        server.tell({"silent": True})
        wait_until(lambda: dhcp(daemon)["state"] == "renewing", 15, "renewing")
        wait_until(lambda: dhcp(daemon)["state"] == "rebinding", 10, "rebinding")
        server.tell({"silent": False, "server": "10.77.0.9", "t1": 2, "t2": 12})
        # Its only request at T2 got no answer; the lease ends before 60 s are over.
        wait_until(lambda: lines(daemon, "lost") == 1, 10, lambda: f"lost; {daemon.log()}")
        expect_equal([m["ciaddr"] for m in of_type(heard(server), REQUEST)[:2]], [LEASED, LEASED], "renewing, rebinding")
        expect_equal(dhcp(daemon)["state"], "init", "state")
        expect_equal(dhcp(daemon)["address"], "", "address")
        wait_bound(daemon, 30)
        expect_equal(dhcp(daemon)["server"], "10.77.0.9", "server")


@test(120)
def rebinding_by_another_server():
    with Lab() as lab:
        # The server asks to be asked at an address that nobody has: only a broadcast finds it.
        daemon, server = start_by_hand(lab, server="10.77.0.9")
        wait_bound(daemon)
        heard(server)
        wait_until(lambda: dhcp(daemon)["state"] == "renewing", 15, "renewing")
        wait_until(lambda: lines(daemon, "renewed") == 1, 10, lambda: f"renewed; {daemon.log()}")
        messages = heard(server)
        expect_equal([(m["type"], m["source"], m["ciaddr"], m["server"]) for m in messages], [(REQUEST, LEASED, LEASED, None)],
                     "what the server heard")
        expect_equal(dhcp(daemon)["state"], "bound", "state")


@test(120)
def expiry():
    with Lab() as lab:
        daemon, server = start_by_hand(lab)
        wait_bound(daemon)

        def listen(child):
            with kernel_listener(8000) as s:
                child.tell("ready")
                peer, _ = s.accept()
                with peer:
                    return peer.recv(100) + peer.recv(100)

        listener = lab.kernel(listen)
        listener.ask()
        with Sock() as s:
            s.connect((KERNEL, 8000))
            s.sendall(b"before ")
            server.tell({"silent": True})
            wait_until(lambda: lines(daemon, "lost") == 1, 25, lambda: f"lost; {daemon.log()}")
            result = command("ip", "netns", "exec", lab.netns, "ping", "-c", "2", "-i", "0.2", "-W", "1", LEASED, check=False)
            expect(result.returncode != 0, "nobody has the address any more")
            try:
                with Sock() as other:
                    other.connect((KERNEL, 8000))
                raise Failure("a connection was opened without an address")
            except OSError as error:
                expect_equal(error.errno, 101, "ENETUNREACH")
            # The connection waits, and goes on when a lease brings the address back.
            s.sendall(b"and after")
            server.tell({"silent": False, "lease": 600, "t1": 300, "t2": 500})
            wait_bound(daemon, 60)
            expect_equal(listener.wait(40), b"before and after", "bytes of the connection that waited")


@test(120)
def refusal():
    with Lab() as lab:
        daemon, server = start_by_hand(lab)
        wait_bound(daemon)
        heard(server)
        # The server comes back without its memory, and has another address.
        server.tell({"address": "10.77.0.6", "lease": 600, "t1": 300, "t2": 500})
        wait_until(lambda: lines(daemon, "refused to renew") == 1, 15, lambda: f"refused; {daemon.log()}")
        wait_bound(daemon, 30)
        expect_equal(dhcp(daemon)["address"], "10.77.0.6/24", "the new address")
        talk(lab, "10.77.0.6")


@test(120)
def conflict():
    with Lab() as lab:
        daemon = lab.start(address=None, dhcp="yes")
        lab.ip("address", "add", f"{LEASED}/32", "dev", "tap0")
        server = lab.kernel(serve, "tap0", {**SETTINGS, "lease": 600, "t1": 300, "t2": 500})
        server.ask()
        # The kernel answers the probe, for the address is its own.
        wait_until(lambda: lines(daemon, "another station's") == 1, 20, lambda: f"declined; {daemon.log()}")
        declined = time.monotonic()
        messages = wait_until(lambda: of_type(heard(server), DECLINE), 5, "DHCPDECLINE arrives")
        expect_equal([(m["source"], m["requested"], m["server"], m["ciaddr"]) for m in messages],
                     [("0.0.0.0", LEASED, KERNEL, "0.0.0.0")], "DHCPDECLINE")
        server.tell({"address": "10.77.0.6"})
        wait_bound(daemon, 30)
        first = of_type(heard(server), DISCOVER)[0]
        expect(first["at"] - declined > 9, f"asked again after {first['at'] - declined:.1f} s")
        talk(lab, "10.77.0.6")
        expect_equal(daemon.stats()["DhcpConflicts"], 1, "DhcpConflicts")


@test(120)
def release():
    with Lab() as lab:
        daemon, server = start_by_hand(lab, lease=600, t1=300, t2=500)
        wait_bound(daemon)
        # The server's MAC address is not known: ARP comes before the release.
        time.sleep(1)
        heard(server)
        daemon.stop()
        messages = wait_until(lambda: heard(server), 5, "a message arrives")
        expect_equal([(m["type"], m["source"], m["ciaddr"], m["server"], m["requested"], m["client_id"]) for m in messages],
                     [(RELEASE, LEASED, LEASED, KERNEL, None, b"\1\2\3")], "DHCPRELEASE")
        expect_equal(lines(daemon, "given back to server"), 1, "lines of the log")


@test(60)
def without_a_server():
    with Lab() as lab:
        daemon = lab.start(address=None, dhcp="yes")
        expect_equal(dhcp(daemon)["state"], "selecting", "state")
        with Sock(socket.SOCK_DGRAM) as s:
            try:
                s.bind(("0.0.0.0", 68))
                raise Failure("port 68 is the client's")
            except OSError as error:
                expect_equal(error.errno, 98, "EADDRINUSE")
        begin = time.monotonic()
        daemon.stop()
        expect(time.monotonic() - begin < 3, "nothing to release, nothing to wait for")


@test()
def combinations():
    with Lab() as lab:
        refused(lab, "dhcp", "address", dhcp="yes")
        refused(lab, "dhcp", "gateway", address=None, dhcp="yes", gateway="10.77.0.1")
        refused(lab, "hostname", "dhcp", hostname="host")
        refused(lab, "client-id", "dhcp", client_id="01:02")
        refused(lab, "hostname", "letters", address=None, dhcp="yes", hostname="a.b")
        refused(lab, "client-id", "hexadecimal", address=None, dhcp="yes", client_id="xyz")
