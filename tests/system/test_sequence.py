"""What nmap can predict: initial sequence numbers and IP identifications, toynet's beside the kernel's.

Theory of operation. nmap -O sends six SYNs to an open port, 100 ms apart, and takes from the differences of the ISNs an index
of how hard the next one is to predict. Six numbers make a noisy measure: the index of the very same kernel goes from about
250 to 265. So each stack is probed several times, in turns, and the medians are compared with a slack of SLACK; a stack
whose ISNs were a counter, or a clock without a secret, has an index below 20. The kernel is probed over veth, since
its answers over the loopback interface are the same stack's, but not those that others get.
"""
import re
import statistics
import xml.etree.ElementTree as tree

from toynettest import (TOYNET, Lab, Sock, command, expect, kernel_socket, test)

PROBES = 5
SLACK = 0.95
PORT = 5950
CLOSED = 5951
OTHER = "10.78.0.1"
GOOD = "Good luck!"  # nmap's word for the hardest class
PREDICTABLE = re.compile(r"incremental|counter|constant|duplicated|busy", re.IGNORECASE)


def toynet_server(child):
    with Sock() as listener:
        listener.bind((TOYNET, PORT)).listen()
        child.tell()
        while True:
            listener.accept()[0].close()


def kernel_server(child):
    with kernel_socket() as listener:
        listener.bind((OTHER, PORT))
        listener.listen()
        child.tell()
        while True:
            listener.accept()[0].close()


def probe(lab, address):
    """(index, class) of the sequence numbers and the class of the IP identifications, as nmap has it."""
    out = command("ip", "netns", "exec", lab.netns, "nmap", "-O", "-v", "-n", "-Pn", "--max-os-tries", "1", "-p",
                  f"{PORT},{CLOSED}", "-oX", "-", address, timeout=60).stdout
    host = tree.fromstring(out).find("host")
    sequence, ids = host.find("tcpsequence"), host.find("ipidsequence")
    ports = {int(p.get("portid")): p.find("state").get("state") for p in host.iter("port")}
    expect(ports == {PORT: "open", CLOSED: "closed"}, f"the ports of {address}: {ports}")
    expect(sequence is not None and ids is not None, f"nmap has no word on the sequence numbers of {address}:\n{out}")
    return int(sequence.get("index")), sequence.get("difficulty"), ids.get("class")


@test(seconds=180)
def sequence_numbers_are_as_hard_to_predict_as_the_kernels():
    with Lab() as lab, Lab() as other:
        lab.start()
        lab.client(toynet_server).ask()
        lab.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", other.netns)
        lab.ip("addr", "add", "10.78.0.2/24", "dev", "v0")
        other.ip("addr", "add", f"{OTHER}/24", "dev", "v1")
        lab.ip("link", "set", "v0", "up")
        other.ip("link", "set", "v1", "up")
        other.kernel(kernel_server).ask()
        ours, theirs = [], []
        for _ in range(PROBES):
            ours.append(probe(lab, TOYNET))
            theirs.append(probe(lab, OTHER))
        print(f"toynet {ours}\nkernel {theirs}")
        mine, kernels = (statistics.median(p[0] for p in some) for some in (ours, theirs))
        expect(mine >= SLACK * kernels, f"difficulty {mine}, the kernel's {kernels}")
        expect(all(p[1] == GOOD for p in ours), f"nmap's word: {[p[1] for p in ours]}")
        expect(not any(PREDICTABLE.search(p[2]) for p in ours), f"IP identifications: {[p[2] for p in ours]}")
