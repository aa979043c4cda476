"""Several addresses and the routing table: toynetctl interfaces, addresses, routes, neighbors; and the keys of the configuration."""
import json
import os
import socket

from toynettest import (KERNEL, NOBODY, TOYNET, Child, Lab, Sock, command, expect, expect_equal, kernel_socket, program, test,
                        wait_until)

SECOND = "10.77.0.3"
PORT = 5401
SERVER = "10.79.0.2"
ROUTERS = ("10.77.0.8", "10.77.0.9")


def rows(daemon, verb):
    return json.loads(daemon.ctl(verb, "--json").stdout)[verb]


def routes(daemon):
    """The table as the words of ip-route(8)."""
    words = []
    for r in rows(daemon, "routes"):
        line = r["destination"]
        for key, word in (("gateway", "via"), ("source", "src")):
            line += f" {word} {r[key]}" if r[key] else ""
        words.append(f"{line} metric {r['metric']}" if r["metric"] else line)
    return words


def ping(lab, address):
    return command("ip", "netns", "exec", lab.netns, "ping", "-n", "-c", "1", "-W", "1", address, check=False).returncode == 0


def listener(address):
    s = Sock()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, PORT))
    s.listen(8)
    return s


def kernel_client(child):
    """Connects to addresses as it is told, and echoes what it gets; None ends it."""
    while (address := child.ask()) is not None:
        with kernel_socket() as s:
            s.settimeout(20)
            s.connect((address, PORT))
            child.tell("connected")
            while data := s.recv(100):
                s.sendall(data)


@test()
def two_addresses():
    with Lab() as lab:
        daemon = lab.start()
        expect(not ping(lab, SECOND), "an address that is not there yet answers")
        daemon.ctl("addresses", "add", f"{SECOND}/24")
        expect_equal([(r["address"], r["primary"], r["origin"]) for r in rows(daemon, "addresses")],
                     [(f"{TOYNET}/24", True, "static"), (f"{SECOND}/24", False, "static")], "toynetctl addresses")
        # The kernel may have learned meanwhile that nobody has the address.
        lab.ip("neigh", "flush", "dev", "tap0")
        for address in (TOYNET, SECOND):
            wait_until(lambda a=address: ping(lab, a), 10, f"{address} answers ping")
        kernel = lab.kernel(kernel_client)
        with listener("0.0.0.0") as both:
            for address in (TOYNET, SECOND):
                kernel.tell(address)
                connection, _ = both.accept()
                with connection:
                    kernel.ask()
                    expect_equal(connection.getsockname(), (address, PORT), "the local address of a connection")
                    connection.send(b"there")
                    expect_equal(connection.recv(100), b"there", f"what comes back to {address}")
                    connection.shutdown(socket.SHUT_WR)
                    expect_equal(connection.recv(100), b"", "the end")
        with listener(SECOND) as one:
            kernel.tell(SECOND)
            connection, _ = one.accept()
            with connection:
                kernel.ask()
                # The connection outlives its address, and goes on when that comes back.
                daemon.ctl("addresses", "delete", SECOND)
                expect(not ping(lab, SECOND), "an address that was deleted answers")
                expect(ping(lab, TOYNET), "the other address")
                before = daemon.stats()["IpOutNoRoutes"]
                connection.send(b"patience")
                wait_until(lambda: daemon.stats()["IpOutNoRoutes"] > before, 10, "nothing leaves from an address that is not ours")
                states = [r["state"] for r in daemon.sockets() if r["local"]["ip"] == SECOND]
                expect("ESTABLISHED" in states, f"the connection is there: {states}")
                daemon.ctl("addresses", "add", f"{SECOND}/24")
                expect_equal(connection.recv(100), b"patience", "what comes back at last")
                connection.shutdown(socket.SHUT_WR)
        kernel.tell(None)
        kernel.wait()


class Routers:
    """A bridge with the TAP and two routers, each a namespace of its own with a link to a third one, where SERVER is."""

    def __init__(self, lab):
        self.lab = lab
        self.far = lab.netns + "f"
        self.names = [f"{lab.netns}r{i}" for i in (1, 2)]
        for name in (self.far, *self.names):
            command("ip", "netns", "add", name)
            lab.stack.callback(command, "ip", "netns", "del", name, check=False)
            command("ip", "-n", name, "link", "set", "lo", "up")
            for knob in ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"):
                command("ip", "netns", "exec", name, "sysctl", "-qw", knob)
        lab.ip("link", "add", "br0", "type", "bridge")
        lab.ip("address", "add", f"{KERNEL}/24", "dev", "br0")
        lab.ip("link", "set", "br0", "up")
        lab.ip("link", "set", "tap0", "master", "br0", "up")
        command("ip", "-n", self.far, "address", "add", f"{SERVER}/32", "dev", "lo")
        for i, (name, address) in enumerate(zip(self.names, ROUTERS), 1):
            lab.ip("link", "add", f"p{i}", "type", "veth", "peer", "name", "near", "netns", name)
            lab.ip("link", "set", f"p{i}", "master", "br0", "up")
            command("ip", "-n", name, "link", "add", "far", "type", "veth", "peer", "name", f"r{i}", "netns", self.far)
            for netns, device, prefix in ((name, "near", f"{address}/24"), (name, "far", f"10.78.{i}.1/24"),
                                          (self.far, f"r{i}", f"10.78.{i}.2/24")):
                command("ip", "-n", netns, "address", "add", prefix, "dev", device)
                command("ip", "-n", netns, "link", "set", device, "up")
            command("ip", "-n", name, "route", "add", f"{SERVER}/32", "via", f"10.78.{i}.2")
        # Answers come back one way, whichever way the question took.
        command("ip", "-n", self.far, "route", "add", "10.77.0.0/24", "via", "10.78.1.1")

    def forwarded(self):
        """Packets that each router has sent towards the server."""
        counts = []
        for name in self.names:
            link = json.loads(command("ip", "-n", name, "-s", "-j", "link", "show", "far").stdout)[0]
            counts.append(link["stats64"]["tx"]["packets"])
        return counts

    def kernel(self, function, *args):
        return self.lab.stack.enter_context(Child(function, *args, netns=self.far))


def far_echo(child):
    with kernel_socket() as s:
        s.bind((SERVER, PORT))
        s.listen()
        child.tell()
        connection, _ = s.accept()
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)


@test(120)
def two_metrics():
    with Lab() as lab:
        daemon = lab.start(kernel_address=False, route=f"10.79.0.0/16 via {ROUTERS[1]} metric 20")
        net = Routers(lab)
        daemon.ctl("routes", "add", "10.79.0.0/16", "via", ROUTERS[0], "metric", "10")
        expect_equal(routes(daemon), ["10.77.0.0/24", f"10.79.0.0/16 via {ROUTERS[0]} metric 10",
                                      f"10.79.0.0/16 via {ROUTERS[1]} metric 20"], "the table")
        server = net.kernel(far_echo)
        server.ask()

        def exchange(s, count):
            """How many packets each router forwarded meanwhile."""
            before = net.forwarded()
            for i in range(count):
                s.send(b"%d" % i)
                expect_equal(s.recv(100), b"%d" % i, "the echo")
            return [after - b for after, b in zip(net.forwarded(), before)]

        with Sock() as s:
            s.connect((SERVER, PORT))
            first, second = exchange(s, 10)
            expect(first >= 10 and second < 5, f"forwarded by the router with metric 10: {first}, with 20: {second}")
            daemon.ctl("routes", "delete", "10.79.0.0/16", "metric", "10")
            first, second = exchange(s, 10)
            expect(first < 5 and second >= 10, f"after the deletion: metric 10: {first}, 20: {second}")
            # And back again, by a longer prefix.
            daemon.ctl("routes", "add", SERVER, "via", ROUTERS[0], "metric", "4294967295")
            first, second = exchange(s, 10)
            expect(first >= 10 and second < 5, f"by the longer prefix: {first}, by the shorter: {second}")
        server.wait()
        daemon.ctl("routes", "del", SERVER)
        daemon.ctl("routes", "del", "10.79.0.0/16", "via", ROUTERS[1])
        with Sock() as s:
            try:
                s.connect((SERVER, PORT))
                expect(False, "connect without a route succeeded")
            except OSError as error:
                expect_equal(error.errno, 101, "connect without a route: ENETUNREACH")


@test()
def what_toynetctl_says():
    with Lab() as lab:
        config = os.path.join(lab.dir, "toynetd.conf")
        with open(config, "w") as f:
            f.write(f"[stack]\naddress = {TOYNET}/24, {SECOND}/24\naddress = 10.88.0.2/16\ngateway = {KERNEL}\n"
                    "route = default via 10.88.0.1 metric 5, 192.0.2.0/24\n")
        daemon = lab.start(config=config, address=None)
        expect(f"{TOYNET}/24, {SECOND}/24, 10.88.0.2/16" in daemon.log(), f"the log: {daemon.log()}")
        expect_equal(routes(daemon), ["192.0.2.0/24", "10.77.0.0/24", "10.88.0.0/16", f"0.0.0.0/0 via {KERNEL}",
                                      "0.0.0.0/0 via 10.88.0.1 metric 5"], "the table")
        values = {e["key"]: e["value"] for e in json.loads(daemon.ctl("config", "--json").stdout)["config"]}
        expect_equal(values["stack.route"], "default via 10.88.0.1 metric 5, 192.0.2.0/24", "the key `route'")

        text = daemon.ctl("routes").stdout.splitlines()
        expect_equal(text[0].split(), ["Destination", "Gateway", "Source", "Metric", "Interface", "Origin"], "the titles")
        expect_equal(text[4].split(), ["default", KERNEL, "0", "tap0", "static"], "the default route")
        expect_equal(len(daemon.ctl("routes", "list", "-H").stdout.splitlines()), 5, "rows without titles")
        (interface,) = rows(daemon, "interfaces")
        expect_equal((interface["name"], interface["state"], interface["mtu"]), ("tap0", "up", 1500), "the interface")
        expect(ping(lab, TOYNET), "ping")
        (after,) = rows(daemon, "interfaces")
        expect(after["in_frames"] > interface["in_frames"] and after["out_octets"] > interface["out_octets"],
               f"the counters of the interface stand still: {interface}, {after}")
        expect(after["checksum_offload"] and after["segment_offload"] > 1514, f"offloads: {after}")
        daemon.impair("in", "loss", "1%")
        (after,) = rows(daemon, "interfaces")
        expect(not after["checksum_offload"] and after["segment_offload"] == 0, f"offloads with an impairment: {after}")
        lab.ip("link", "set", "tap0", "down")
        expect_equal(rows(daemon, "interfaces")[0]["state"], "down", "the state")
        lab.ip("link", "set", "tap0", "up")

        # A change prints nothing in text, and its row as JSON.
        expect_equal(daemon.ctl("routes", "add", "10.5.0.0/16", "via", KERNEL).stdout, "", "routes add")
        changed = json.loads(daemon.ctl("routes", "replace", "10.5.0.0/16", "via", "10.77.0.7", "--json").stdout)
        expect_equal(changed["routes"], [{"destination": "10.5.0.0/16", "gateway": "10.77.0.7", "source": None, "metric": 0,
                                          "interface": "tap0", "origin": "static"}], "routes replace --json")

        def refused(status, says, *words):
            done = daemon.ctl(*words, check=False)
            expect_equal(done.returncode, status, f"exit status of {words}")
            expect(says in done.stderr and done.stdout == "", f"{words}: {done.stdout} {done.stderr}")

        refused(1, "replace it", "routes", "add", "10.5.0.0/16", "via", KERNEL)
        refused(1, "delete the address", "routes", "delete", "10.77.0.0/24")
        refused(1, "no such route", "routes", "delete", "10.6.0.0/16")
        refused(1, "is not a host on the network of an address", "routes", "add", "10.6.0.0/16", "via", "10.99.0.1")
        refused(1, "such as 10.0.0.3/24", "addresses", "add", "10.77.0.4")
        refused(1, "not an address of the stack", "addresses", "delete", "10.77.0.4")
        refused(2, "needs a destination", "routes", "add")
        refused(2, "'via' needs an operand", "routes", "add", "default", "via")
        refused(2, "it is via, src or metric", "routes", "add", "default", "dev", "tap0")
        refused(2, "this is not a number", "routes", "add", "default", "metric", "-1")
        refused(2, "it is list, add or delete", "addresses", "flush")
        refused(2, "unknown argument 'x'", "interfaces", "list", "x")
        refused(1, "not another host", "neighbors", "add", "10.99.0.1", "lladdr", "02:00:00:00:00:09")
        refused(1, "no neighbour", "neighbors", "delete", "10.77.0.99")
        refused(2, "needs an address and its MAC address", "neighbors", "add", "10.77.0.9", "02:00:00:00:00:09")
        for verb in ("interfaces", "addresses", "routes", "neighbors"):
            expect("Usage:" in daemon.ctl(verb, "--help").stdout, f"{verb} --help")


@test()
def everybody_looks_and_administrators_change():
    def as_nobody(_, toynetctl, path):
        def run(*words):
            return command(toynetctl, "--socket", path, *words, check=False)

        shown = [run(verb).returncode for verb in ("interfaces", "addresses", "routes", "neighbors")]
        changed = [run(*words) for words in (("addresses", "add", "10.77.0.4/24"), ("addresses", "delete", TOYNET),
                                             ("routes", "add", "default", "via", KERNEL),
                                             ("routes", "delete", "10.77.0.0/24"), ("neighbors", "delete", KERNEL),
                                             ("neighbors", "add", KERNEL, "lladdr", "02:00:00:00:00:09"))]
        return shown, [(c.returncode, "group toynet" in c.stderr) for c in changed]

    with Lab() as lab:
        daemon = lab.start(socket_mode="0666")
        toynetctl = lab.copy_for_everyone(program("cli/toynetctl", "release"))
        shown, changed = lab.client(as_nobody, toynetctl, daemon.socket, uid=NOBODY).wait()
        expect_equal(shown, [0, 0, 0, 0], "exit statuses of looking")
        expect_equal(changed, [(1, True)] * 6, "exit statuses of changing, and whether they say who may")
        expect_equal([r["address"] for r in rows(daemon, "addresses")], [f"{TOYNET}/24"], "the addresses")


@test()
def an_address_that_somebody_has():
    with Lab() as lab:
        # The kernel has it, too, and defends it.
        daemon = lab.start(address=f"{TOYNET}/24,{SECOND}/24", gateway=KERNEL, route="192.0.2.0/24 via 10.77.0.7",
                           conflict_detection="probe", kernel_address=False, time_wait="1s")
        lab.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        lab.ip("address", "add", f"{SECOND}/24", "dev", "tap0")

        def states():
            return {r["address"].split("/")[0]: r["state"] for r in rows(daemon, "addresses")}

        expect_equal((states(), routes(daemon)), ({TOYNET: "tentative", SECOND: "tentative"}, []), "at first")
        wait_until(lambda: states() == {TOYNET: "ready", SECOND: "conflict"}, 15, lambda: f"the tests end: {states()}")
        wait_until(lambda: routes(daemon) == ["192.0.2.0/24 via 10.77.0.7", "10.77.0.0/24", f"0.0.0.0/0 via {KERNEL}"], 2,
                   lambda: f"the routes that waited: {routes(daemon)}")
        expect(ping(lab, TOYNET), "the address that nobody else has")
        daemon.ctl("addresses", "delete", SECOND)
        expect_equal(states(), {TOYNET: "ready"}, "after the deletion")


@test()
def an_address_is_announced():
    """The kernel learns a new station for an address from its announcement."""
    with Lab() as lab:
        lab.start(kernel_address=False, mac="02:00:00:00:00:07", name="first")
        lab.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        lab.ip("neigh", "replace", SECOND, "lladdr", "02:00:00:00:00:99", "dev", "tap0", "nud", "stale")
        lab.daemon.ctl("addresses", "add", f"{SECOND}/24")
        wait_until(lambda: "02:00:00:00:00:07" in lab.ip("neigh", "show", SECOND).stdout, 3,
                   lambda: "the kernel's entry: " + lab.ip("neigh", "show", SECOND).stdout)
        expect(lab.daemon.stats()["ArpOutAnnouncements"] >= 1, "no announcement was counted")


def neighbor(daemon, address):
    """(state, MAC address) of a neighbour; None: there is none."""
    return next(((r["state"], r["mac"]) for r in rows(daemon, "neighbors") if r["address"] == address), None)


@test()
def neighbors():
    with Lab() as lab:
        daemon = lab.start(neighbor="10.77.0.8 02:00:00:00:00:08")
        expect_equal(neighbor(daemon, "10.77.0.8"), ("static", "02:00:00:00:00:08"), "the one of the key `neighbor'")
        expect(ping(lab, TOYNET), "ping")
        mac = json.loads(lab.ip("-j", "link", "show", "tap0").stdout)[0]["address"]
        with Sock(socket.SOCK_DGRAM) as s:
            s.sendto(b"x", (KERNEL, 9))
            wait_until(lambda: neighbor(daemon, KERNEL) == ("reachable", mac), 5, lambda: f"{rows(daemon, 'neighbors')}")
            # To a station that is not there, by a static entry; back, by what ARP says.
            daemon.ctl("neighbors", "add", KERNEL, "lladdr", "02:00:00:00:00:99")
            expect_equal(neighbor(daemon, KERNEL), ("static", "02:00:00:00:00:99"), "the static entry")
            expect(not ping(lab, TOYNET), "the answers go to the station of the static entry")
            wait_until(lambda: daemon.ctl("neighbors", "delete", KERNEL, check=False).returncode == 0, 5, "it is deleted")
            expect(ping(lab, TOYNET), "ping after the deletion")
            # Nobody has this one.
            s.sendto(b"x", ("10.77.0.77", 9))
            wait_until(lambda: neighbor(daemon, "10.77.0.77") == ("incomplete", None), 2, "it is asked for")
            row = next(r for r in rows(daemon, "neighbors") if r["address"] == "10.77.0.77")
            expect_equal((row["queued_frames"], row["interface"]), (1, "tap0"), "what waits for it")
            wait_until(lambda: neighbor(daemon, "10.77.0.77") == ("failed", None), 10, "nobody answers")
