"""Servers under toynet-run, with clients on the kernel's side of the TAP. See programs.py."""
import os
import re
import sys

from programs import (ASYNCIO_ECHO, ECHO_CLIENT, NODE_CLIENT, NODE_SERVER, PAGES, PYTHON_CLIENT, Programs, dig_asks,
                      fetched_by_curl, http_server, iperf3, make_pages, nginx, redis, scp_both_ways, shows, ssh_login,
                      sshd, unbound)
from toynettest import TOYNET, expect, expect_equal


def workers(daemon, port):
    """The processes that hold the listeners of a port, and how many listeners these are."""
    rows = [r for r in daemon.sockets() if r["local"]["port"] == port and r["state"] == "LISTEN"]
    return {h["pid"] for r in rows for h in r["holders"]}, len(rows)


@shows("a master and four workers: HTTP/1.1, SO_REUSEPORT, HTTP/2 with TLS", name="nginx")
def nginx_with_workers():
    with Programs() as lab:
        lab.toynet_server(*nginx(lab, TOYNET, 4), port=8443)
        pids, listeners = workers(lab.daemon, 8081)
        expect(len(pids) == 5 and listeners == 4, f"{len(pids)} processes, {listeners} listeners")
        for port in 8080, 8081:
            fetched_by_curl(lab, lab.by_kernel, f"http://{TOYNET}:{port}", "--http1.1")
        fetched_by_curl(lab, lab.by_kernel, f"https://{TOYNET}:8443", "--http2", "--cacert", lab.path("tls.crt"))


@shows("wrk with 200 connections for 30 s, no request fails", name="nginx", seconds=180)
def nginx_under_wrk():
    with Programs(build="release") as lab:
        lab.toynet_server(*nginx(lab, TOYNET, 2), port=8080)
        lab.write("www/small", "x" * 1000)
        words = ["-c", "200", "-t", "2", "-d", "30", "--timeout", "20", f"http://{TOYNET}:8080/small"]
        said = lab.by_kernel("wrk", *words, timeout=90).stdout
        expect("Socket errors" not in said and "Non-2xx" not in said, said)
        requests = int(re.search(r"(\d+) requests in", said)[1])
        expect(requests > 10_000, said)


@shows("a login with separated privileges, a command, scp both ways", name="sshd")
def sshd_with_a_login():
    with Programs() as lab:
        server = lab.toynet_server(*sshd(lab, TOYNET), port=2222)
        ssh_login(lab, lab.by_kernel, TOYNET)
        scp_both_ways(lab, lab.by_kernel, TOYNET)
        expect(server.poll() is None, "sshd has ended")


@shows("redis-benchmark with 50 clients", name="redis-server", seconds=180)
def redis_under_benchmark():
    with Programs(build="release") as lab:
        lab.toynet_server(*redis(TOYNET), port=6379)
        words = ["-h", TOYNET, "-c", "50", "-n", "50000", "-q", "-t", "set,get,lpush,mset"]
        said = lab.by_kernel("redis-benchmark", *words, timeout=150).stdout
        for what in "SET", "GET", "LPUSH", "MSET":
            expect(re.search(rf"^.*{what}.*: [\d.]+ requests per second", said, re.M), said[-2000:])


@shows("http.server in threads", name="python3", short=True)
def python3_http_server():
    with Programs() as lab:
        pages = make_pages(lab)
        lab.toynet_server(*http_server(TOYNET, 8000, pages), port=8000)
        lab.by_kernel(sys.executable, "-c", PYTHON_CLIENT, TOYNET, 8000, PAGES, pages)


@shows("asyncio, ten echoes at once with half-close", name="python3", short=True)
def python3_asyncio():
    with Programs() as lab:
        lab.toynet_server(sys.executable, "-c", ASYNCIO_ECHO, TOYNET, 7000, port=7000)
        lab.by_kernel(sys.executable, "-c", ECHO_CLIENT, TOYNET, 7000)


@shows("http: files, and a POST of 5 MB that comes back", name="node")
def node_http():
    with Programs() as lab:
        pages = make_pages(lab)
        lab.toynet_server("node", lab.write("server.js", NODE_SERVER), TOYNET, 8000, pages, port=8000)
        script = lab.write("client.js", NODE_CLIENT)
        expect_equal(lab.by_kernel("node", script, TOYNET, 8000, PAGES, pages).stdout, "all\n", "node")
        data = os.urandom(5_000_000)
        path = lab.write("data", data)
        got = lab.by_kernel("curl", "-sS", "--data-binary", f"@{path}", f"http://{TOYNET}:8000/", text=False).stdout
        expect(got == data, f"{len(got)} bytes of {len(data)}")


MEMCACHED_CLIENT = """
import socket, sys
s = socket.create_connection((sys.argv[1], 11211), 10)
s.sendall(b"set a 0 0 500000\\r\\n" + b"x" * 500000 + b"\\r\\n")
assert s.recv(100) == b"STORED\\r\\n"
s.sendall(b"get a\\r\\n")
got = b""
while not got.endswith(b"END\\r\\n"):
    got += s.recv(65536)
assert got.count(b"x") == 500000
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(10)
u.sendto(bytes((0, 1, 0, 0, 0, 1, 0, 0)) + b"version\\r\\n", (sys.argv[1], 11211))
assert b"VERSION" in u.recv(2000)
"""


@shows("four threads, TCP and UDP")
def memcached():
    with Programs() as lab:
        words = ["-u", "nobody", "-l", TOYNET, "-p", "11211", "-U", "11211", "-t", "4"]
        lab.toynet_server("memcached", *words, port=11211)
        lab.by_kernel(sys.executable, "-c", MEMCACHED_CLIENT, TOYNET)


@shows("a name server in two threads with SO_REUSEPORT, UDP and TCP", name="unbound")
def unbound_answers():
    with Programs() as lab:
        lab.toynet_server(*unbound(lab, TOYNET), port=53, protocol="udp")
        for _ in range(20):
            dig_asks(lab.by_kernel, TOYNET)


@shows("-s: TCP both ways and four at once, UDP both ways", name="iperf3")
def iperf3_server():
    with Programs() as lab:
        iperf3(lab.toynet_server, lab.by_kernel, TOYNET)


@shows("fork with exec: over pipes, and with the socket as standard input and output")
def socat():
    with Programs() as lab:
        for port, more in (8001, "EXEC:cat"), (8002, "EXEC:cat,nofork"):
            lab.toynet_server("socat", f"TCP4-LISTEN:{port},bind={TOYNET},reuseaddr,fork", more, port=port)
            lab.by_kernel(sys.executable, "-c", ECHO_CLIENT, TOYNET, port)


@shows("at [::], with clients of IPv4", name="nginx, sshd, node, socat, iperf3")
def servers_of_both_families():
    with Programs() as lab:
        words = sshd(lab, TOYNET)
        change(words[-1], f"ListenAddress {TOYNET}\n", "")
        lab.toynet_server(*words, port=2222)
        ssh_login(lab, lab.by_kernel, TOYNET)
        words = nginx(lab, "[::]", 2)
        change(words[-1], "[::]:8080", "[::]:8080 ipv6only=off")
        lab.toynet_server(*words, port=8080)
        fetched_by_curl(lab, lab.by_kernel, f"http://{TOYNET}:8080")
        lab.toynet_server("node", lab.write("server.js", NODE_SERVER), "::", 8000, lab.path("www"), port=8000)
        fetched_by_curl(lab, lab.by_kernel, f"http://{TOYNET}:8000")
        lab.toynet_server("socat", "TCP6-LISTEN:7000,reuseaddr,fork", "EXEC:cat", port=7000)
        lab.by_kernel(sys.executable, "-c", ECHO_CLIENT, TOYNET, 7000)
        lab.toynet_server("iperf3", "-s", "-1", port=5201)
        lab.by_kernel("iperf3", "-c", TOYNET, "-t", "1")


def change(path, old, new):
    with open(path) as f:
        text = f.read()
    expect(old in text, f"{path} has no {old!r}")
    with open(path, "w") as f:
        f.write(text.replace(old, new))
