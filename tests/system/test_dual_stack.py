"""Sockets of AF_INET6 under toynet-run: unmodified programs that expect a dual-stack kernel."""
import difflib
import os
import signal
import subprocess
import sys

import toynettest
from toynettest import (KERNEL, TOYNET, Lab, command, die_with_parent, expect, expect_equal, kernel_listener,
                        kernel_socket, program, test, wait_until)

HERE = os.path.dirname(os.path.abspath(__file__))


def run(daemon, *argv, **more):
    return command(program("client/toynet-run"), "--socket", daemon.socket, *argv, **more)


class Server:
    """A program under toynet-run that serves until the end of the block; its output is in .output."""

    def __init__(self, lab, daemon, port, *argv):
        self.daemon, self.port, self.path = daemon, port, os.path.join(lab.dir, "output")
        self.argv = [program("client/toynet-run"), "--socket", daemon.socket, *argv]

    def __enter__(self):
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(self.argv, stdout=output, stderr=output, preexec_fn=die_with_parent)
        try:
            wait_until(self._listens, 20, lambda: f"it listens: {self.output}")
        except toynettest.Failure:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _listens(self):
        expect(self.process.poll() is None, lambda: f"it ended: {self.output}")
        return self.listeners()

    def listeners(self):
        return [r for r in self.daemon.sockets() if r["local"]["port"] == self.port and r["state"] == "LISTEN"]

    @property
    def output(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def ask(child, port, line):
    """A client of the kernel, over IPv4: sends a line, reads all."""
    got = b""
    with kernel_socket() as s:
        s.settimeout(20)
        s.connect((TOYNET, port))
        s.sendall(line)
        while chunk := s.recv(65536):
            got += chunk
    return got


def answer(child, port, connections):
    """A server of the kernel: the peer's name is the answer."""
    with kernel_listener(port) as listener:
        child.tell()
        for _ in range(connections):
            connection, (ip, _) = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + ip.encode())


@test(90)
def the_calls_as_on_the_kernel():
    script = os.path.join(HERE, "dual_stack_calls.py")
    with Lab() as lab:
        # The kernel of the namespace, before the daemon makes its TAP: the loopback is all it has.
        kernel = command("ip", "netns", "exec", lab.netns, sys.executable, script, timeout=60)
        daemon = lab.start()
        toynet = run(daemon, sys.executable, script, timeout=60)
        difference = list(difflib.unified_diff(kernel.stdout.splitlines(), toynet.stdout.splitlines(), "kernel", "toynet",
                                               n=0, lineterm=""))
        expect(not difference and kernel.stdout.count("\n") > 90, "\n".join(difference))


@test()
def python_serves_dual_stack():
    """http.server on :: clears IPV6_V6ONLY and hears IPv4."""
    with Lab() as lab:
        daemon = lab.start()
        with Server(lab, daemon, 8080, sys.executable, "-u", "-m", "http.server", "--bind", "::", "8080",
                    "--directory", HERE) as server:
            got = lab.kernel(ask, 8080, b"GET /test_dual_stack.py HTTP/1.0\r\n\r\n").wait()
            with open(__file__, "rb") as f:
                expect(got.endswith(f.read()), "the file by HTTP")
            expect(f"::ffff:{KERNEL}" in server.output, server.output)
            row, = server.listeners()
            expect_equal((row["family"], row["local"]), (6, {"ip": "0.0.0.0", "port": 8080}), "row")
            text = daemon.ctl("sockets").stdout
            expect("*:8080" in text or "0.0.0.0:8080" in text, text)


ASYNCIO = """
import asyncio, sys
async def serve(reader, writer):
    await reader.readline()
    writer.write(repr((writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[0])).encode())
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, {host}, 8081)
    print(sorted(s.family.name for s in server.sockets), flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@test(90)
def asyncio_serves_on_every_family():
    """With no host it opens 0.0.0.0 and, with IPV6_V6ONLY, :: on the same port; localhost is 127.0.0.1 and ::1."""
    with Lab() as lab:
        daemon = lab.start()
        with Server(lab, daemon, 8081, sys.executable, "-c", ASYNCIO.format(host="None")) as server:
            wait_until(lambda: len(server.listeners()) == 2, 20, lambda: f"two listeners: {server.output}")
            expect_equal(lab.kernel(ask, 8081, b"hello\n").wait(), repr((KERNEL, TOYNET)).encode(), "names")
            expect_equal(sorted((r["family"], r["local"]["ip"]) for r in server.listeners()),
                         [(4, "0.0.0.0"), (6, "::")], "listeners")
        wait_until(lambda: not server.listeners(), 10, "the listeners are gone")
        with Server(lab, daemon, 8081, sys.executable, "-c", ASYNCIO.format(host="'localhost'")) as server:
            wait_until(lambda: "]" in server.output, 20, "it tells its sockets")
            script = "import socket; s = socket.create_connection(('localhost', 8081)); s.send(b'x\\n'); print(s.recv(99))"
            expect("127.0.0.1" in run(daemon, sys.executable, "-c", script).stdout, "by localhost")


CLIENT = """
import socket, sys
for family, address in ((socket.AF_INET6, "::ffff:%s"), (socket.AF_INET, "%s")):
    with socket.socket(family) as s:
        s.settimeout(20)
        s.connect((address % sys.argv[1], 8000))
        s.sendall(b"x")
        print(s.getpeername()[0], s.recv(999).split()[-1].decode())
info, = socket.getaddrinfo(sys.argv[1], 8000, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_V4MAPPED)
with socket.socket(*info[:3]) as s:
    s.connect(info[4])
    s.sendall(b"x")
    print(s.getsockname()[0], s.recv(999).split()[-1].decode())
"""


@test()
def a_client_reaches_ipv4():
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(answer, 8000, 3)
        server.ask()
        got = run(daemon, sys.executable, "-c", CLIENT, KERNEL).stdout
        expect_equal(got.splitlines(), [f"::ffff:{KERNEL} {TOYNET}", f"{KERNEL} {TOYNET}", f"::ffff:{TOYNET} {TOYNET}"],
                     "names")
        server.wait()


LOOPBACK = """
import socket
listener = socket.socket(socket.AF_INET6)
listener.bind(("::1", 8082))
listener.listen()
client = socket.create_connection(("::1", 8082))
server, _ = listener.accept()
client.sendall(b"heard")
print(server.recv(9), listener.getsockname()[0])
with socket.create_connection(("127.0.0.1", 8082)):
    pass
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind(("::", 8083))
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x28)
client.sendmsg([b"x"], [(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, (7).to_bytes(4, "little"))], 0, ("::1", 8083))
print([(kind, value[0]) for _, kind, value in udp.recvmsg(9, 99)[1]])
"""


@test()
def the_loopback_address_of_ipv6_stands_for_that_of_ipv4():
    with Lab() as lab:
        daemon = lab.start()
        got = run(daemon, sys.executable, "-c", LOOPBACK).stdout
        expect_equal(got.splitlines(), ["b'heard' ::ffff:127.0.0.1", "[(52, 7), (67, 40)]"], "over ::1")


NODE = """
const http = require("http");
http.createServer((request, response) => response.end(request.socket.remoteAddress)).listen(8084);
http.get("http://%s:8000/", (response) => response.on("data", (data) => console.log("got " + data)));
"""


@test(120)
def node_serves_and_connects():
    """Its server listens on :: when it is given no host. Part of --full, as its package is large."""
    if not toynettest.FULL:
        return
    with Lab() as lab:
        daemon = lab.start()
        kernel = lab.kernel(answer, 8000, 1)
        kernel.ask()
        with Server(lab, daemon, 8084, "node", "-e", NODE % KERNEL) as server:
            expect(lab.kernel(ask, 8084, b"GET / HTTP/1.0\r\n\r\n").wait().endswith(f"::ffff:{KERNEL}".encode()),
                   "the client's name")
            wait_until(lambda: f"got {TOYNET}" in server.output, 30, lambda: f"node's client: {server.output}")
            expect_equal(server.listeners()[0]["family"], 6, "family")
        kernel.wait()
