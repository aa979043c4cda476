"""Programs under toynet-run at both ends: two daemons on one bridge, the kernel's stack nowhere. See programs.py."""
import contextlib
import functools
import sys

from programs import (PAGES, PYTHON_CLIENT, Programs, fetched_by_curl, http_server, iperf3, make_pages, nginx,
                      scp_both_ways, shows, ssh_login, sshd)
from toynettest import Daemon

OTHER = "10.77.0.3"


@contextlib.contextmanager
def two_daemons(build="debug"):
    """Gives the lab, whose daemon is that of the clients, and the other daemon, that of the servers."""
    with Programs(build=build, kernel_address=False) as lab:
        other = lab.stack.enter_context(
            Daemon(lab, build=build, kernel_address=False, name="other", interface="tap1", address=f"{OTHER}/24"))
        lab.ip("link", "add", "bridge", "type", "bridge")
        for link in "tap0", "tap1":
            lab.ip("link", "set", link, "master", "bridge")
        for link in "tap0", "tap1", "bridge":
            lab.ip("link", "set", link, "up")
        yield lab, other


@shows("http.server; urllib in threads, asyncio, curl with 12 transfers", name="python3 and curl", short=True)
def python3_and_curl():
    with two_daemons() as (lab, other):
        pages = make_pages(lab)
        lab.toynet_server(*http_server(OTHER, 8000, pages), port=8000, daemon=other)
        lab.by_toynet(sys.executable, "-c", PYTHON_CLIENT, OTHER, 8000, PAGES, pages)
        fetched_by_curl(lab, lab.by_toynet, f"http://{OTHER}:8000")


@shows("HTTP/1.1 with SO_REUSEPORT, HTTP/2 with TLS", name="nginx and curl")
def nginx_and_curl():
    with two_daemons() as (lab, other):
        lab.toynet_server(*nginx(lab, OTHER, 4), port=8443, daemon=other)
        fetched_by_curl(lab, lab.by_toynet, f"http://{OTHER}:8081", "--http1.1")
        fetched_by_curl(lab, lab.by_toynet, f"https://{OTHER}:8443", "--http2", "--insecure")


@shows("a login, a command, scp both ways", name="sshd and ssh")
def sshd_and_ssh():
    with two_daemons() as (lab, other):
        lab.toynet_server(*sshd(lab, OTHER), port=2222, daemon=other)
        ssh_login(lab, lab.by_toynet, OTHER)
        scp_both_ways(lab, lab.by_toynet, OTHER)


@shows("TCP both ways and four at once, UDP both ways", name="iperf3 and iperf3")
def iperf3_and_iperf3():
    with two_daemons() as (lab, other):
        iperf3(functools.partial(lab.toynet_server, daemon=other), lab.by_toynet, OTHER)
