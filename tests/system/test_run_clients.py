"""Clients under toynet-run, with servers on the kernel's side of the TAP. See programs.py."""
import os
import socket
import sys

from programs import (NODE_CLIENT, PAGES, PYTHON_CLIENT, Programs, dig_asks, fetched_by_curl, http_server,
                      iperf3, make_pages, nginx, redis, same, scp_both_ways, shows, ssh_login, ssh_options, sshd,
                      unbound)
from toynettest import KERNEL, command, expect, expect_equal, kernel_listener, kernel_socket


@shows("HTTP/1.1, 12 transfers at once", name="curl", short=True)
def curl_http1():
    with Programs() as lab:
        lab.kernel_server(*http_server(KERNEL, 8000, make_pages(lab)), port=8000)
        fetched_by_curl(lab, lab.by_toynet, f"http://{KERNEL}:8000")


@shows("HTTP/2 with TLS, 12 streams at once", name="curl")
def curl_http2():
    with Programs() as lab:
        lab.kernel_server(*nginx(lab, KERNEL, 1), port=8443)
        words = ["--http2", "--cacert", lab.path("tls.crt")]
        url = f"https://{KERNEL}:8443"
        got = lab.by_toynet("curl", "-sS", *words, "-w", "%{http_version}", "-o", "/dev/null", f"{url}/page1")
        expect_equal(got.stdout, "2", "the version of HTTP")
        fetched_by_curl(lab, lab.by_toynet, url, *words)


@shows("a file, and a mirror of a folder")
def wget():
    with Programs() as lab:
        lab.kernel_server(*http_server(KERNEL, 8000, make_pages(lab)), port=8000)
        lab.by_toynet("wget", "-q", "-O", lab.path("one"), f"http://{KERNEL}:8000/page1")
        same(lab.path("www/page1"), lab.path("one"))
        lab.by_toynet("wget", "-q", "-r", "-np", "-nH", "-P", lab.path("mirror"), f"http://{KERNEL}:8000/")
        for i in range(1, PAGES + 1):
            same(lab.path(f"www/page{i}"), lab.path(f"mirror/page{i}"))


@shows("a command at the other end, with input and output")
def ssh():
    with Programs() as lab:
        lab.kernel_server(*sshd(lab, KERNEL), port=2222)
        ssh_login(lab, lab.by_toynet, KERNEL)


@shows("20 MB there and back")
def scp():
    with Programs() as lab:
        lab.kernel_server(*sshd(lab, KERNEL), port=2222)
        scp_both_ways(lab, lab.by_toynet, KERNEL)


@shows("1 GiB across 1 % loss, equal SHA-256", name="scp", seconds=900)
def scp_across_loss():
    with Programs(build="release") as lab:
        lab.kernel_server(*sshd(lab, KERNEL), port=2222)
        command("openssl", "rand", "-out", lab.path("blob"), 1 << 30)
        lab.daemon.impair("both", "loss", "1%")
        target = f"root@{KERNEL}:{lab.path('there')}"
        lab.by_toynet("scp", *ssh_options(lab, "-P"), lab.path("blob"), target, timeout=600)
        sums = [command("sha256sum", lab.path(name), timeout=120).stdout.split()[0] for name in ("blob", "there")]
        expect_equal(sums[1], sums[0], "SHA-256")


@shows("clone over HTTP")
def git():
    with Programs() as lab:
        repository = lab.path("repository")
        author = "-c", "user.name=t", "-c", "user.email=t@test.invalid"
        work = lambda *words: command("git", "-C", repository, *author, *words)
        command("git", "init", "-q", repository)
        for i in range(20):
            lab.write(f"repository/file{i}", os.urandom(20_000))
            work("add", ".")
            work("commit", "-q", "-m", f"file {i}")
        work("update-server-info")
        lab.kernel_server(*http_server(KERNEL, 8000, lab.dir), port=8000)
        lab.by_toynet("git", "clone", "-q", f"http://{KERNEL}:8000/repository/.git", lab.path("clone"))
        head = lambda folder: command("git", "-C", folder, "rev-parse", "HEAD").stdout
        expect_equal(head(lab.path("clone")), head(repository), "HEAD")
        command("git", "-C", lab.path("clone"), "fsck", "--strict")


@shows("set and get, a value of a megabyte, a pipe of commands", name="redis-cli")
def redis_cli():
    with Programs() as lab:
        lab.kernel_server(*redis(KERNEL), port=6379)
        cli = lambda *words, **more: lab.by_toynet("redis-cli", "-h", KERNEL, *words, **more).stdout
        expect_equal(cli("set", "a", "1") + cli("get", "a"), "OK\n1\n", "set and get")
        cli("-x", "set", "big", input="x" * (1 << 20))
        expect_equal(cli("strlen", "big"), f"{1 << 20}\n", "the length of a megabyte")
        expect("replies: 5000" in cli("--pipe", input="SET k v\r\n" * 5000), "5000 replies")


@shows("TCP both ways and four at once, UDP both ways", name="iperf3")
def iperf3_client():
    with Programs() as lab:
        iperf3(lab.kernel_server, lab.by_toynet, KERNEL)


def echo_tcp_and_udp(child):
    with kernel_listener(7000) as listener, kernel_socket(socket.SOCK_DGRAM) as s:
        s.bind((KERNEL, 7000))
        child.tell()
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)
        data, peer = s.recvfrom(2048)
        s.sendto(data.upper(), peer)


@shows("TCP with half-close, UDP")
def nc():
    with Programs() as lab:
        lab.kernel(echo_tcp_and_udp).ask()
        data = os.urandom(1 << 20)
        expect(lab.by_toynet("nc", "-N", KERNEL, "7000", input=data, text=False).stdout == data, "by TCP")
        got = lab.by_toynet("nc", "-u", "-W", "1", KERNEL, "7000", input="hello\n").stdout
        expect_equal(got, "HELLO\n", "by UDP")


@shows("urllib in threads, asyncio, a refused connection", short=True)
def python3():
    with Programs() as lab:
        pages = make_pages(lab)
        lab.kernel_server(*http_server(KERNEL, 8000, pages), port=8000)
        lab.by_toynet(sys.executable, "-c", PYTHON_CLIENT, KERNEL, 8000, PAGES, pages)


@shows("http and net, 12 requests at once, a refused connection")
def node():
    with Programs() as lab:
        pages = make_pages(lab)
        lab.kernel_server(*http_server(KERNEL, 8000, pages), port=8000)
        script = lab.write("client.js", NODE_CLIENT)
        expect_equal(lab.by_toynet("node", script, KERNEL, 8000, PAGES, pages).stdout, "all\n", "node")


@shows("UDP, TCP, and from UDP to TCP after a truncated answer")
def dig():
    with Programs() as lab:
        lab.kernel_server(*unbound(lab, KERNEL), port=53)
        dig_asks(lab.by_toynet, KERNEL)
