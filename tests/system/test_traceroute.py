"""traceroute through two routers, both ways: the kernel's program to toynet, and a libtoynet program to the kernel."""
from test_path import HOP_HERE, HOP_THERE, PEER, ROUTER_HERE, ROUTER_THERE, Path
from toynettest import KERNEL, TOYNET, Lab, Sock, command, expect, expect_equal, program, test

TCP_PORT = 5330
CLOSED_PORT = 5331


def start(lab):
    """Routers that answer every probe, and a peer behind them."""
    daemon = lab.start(gateway=ROUTER_HERE)
    path = Path(lab, mute=False)
    for netns in (lab.netns, path.router, path.netns):
        path.inside(netns, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=10000",
                    "net.ipv4.icmp_msgs_burst=1000")
    return daemon, path


def hops_of_the_kernel(path, *words):
    """(TTL, address, all three probes answered) of each line."""
    text = command("ip", "netns", "exec", path.netns, "traceroute", "-n", "-m", "6", *words, TOYNET).stdout
    hops = []
    for line in text.splitlines()[1:]:
        number, address, *times = line.split()
        hops.append((int(number), address, times.count("ms")))
        expect("!" not in line, f"not an answer of the target: {line}")
    return hops


@test()
def the_kernel_traces_toynet():
    there = [(1, ROUTER_THERE, 3), (2, HOP_HERE, 3), (3, TOYNET, 3)]
    with Lab() as lab:
        daemon, path = start(lab)
        with Sock() as listener:
            listener.bind((TOYNET, TCP_PORT)).listen()
            for words in (("-U",), (), ("-I",), ("-T", "-p", TCP_PORT), ("-T", "-p", CLOSED_PORT), ("-U", "-p", "53")):
                expect_equal(hops_of_the_kernel(path, *words), there, f"traceroute {' '.join(map(str, words))}")
        stats = daemon.stats()
        expect(stats["IcmpOutDestUnreachs"] > 0 and stats["IcmpInEchos"] > 0 and stats["TcpOutRsts"] > 0,
               f"probes were not answered in every way: {stats}")
        expect_equal(stats["IcmpOutTimeExcds"], 0, "time exceeded: a host sends none for a TTL that has come to its end")


def hops_of_toynet(kind, port, to=PEER):
    text = command(program("tests/system/traceroute", "release"), kind, to, port).stdout
    return [tuple(line.split()) for line in text.splitlines()]


@test()
def toynet_traces_the_kernel():
    with Lab() as lab:
        daemon, _ = start(lab)
        for kind, port, told, answer in (("udp", 33434, "EHOSTUNREACH", "ECONNREFUSED"), ("icmp", 0, "EHOSTUNREACH", "0"),
                                         ("tcp", CLOSED_PORT, "EINPROGRESS", "ECONNREFUSED")):
            expect_equal(hops_of_toynet(kind, port),
                         [("1", ROUTER_HERE, told), ("2", HOP_THERE, told), ("3", PEER, answer)], f"hops by {kind}")
        expect_equal(hops_of_toynet("udp", 33434, KERNEL), [("1", KERNEL, "ECONNREFUSED")], "a target on the link")
        expect_equal(daemon.stats()["IcmpInTimeExcds"], 6, "IcmpInTimeExcds")
