"""C programs on libtoynet, under the sanitizers: the examples, and those beside this file."""
import contextlib
import os
import signal
import subprocess

import toynettest
from toynettest import (KERNEL, TOYNET, Lab, command, die_with_parent, expect, expect_equal, kernel_listener, program,
                        test, wait_until)

CLEAN = {"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1"}


def in_netns(lab, *argv, **more):
    return command("ip", "netns", "exec", lab.netns, *argv, env={**os.environ, **CLEAN}, **more)


@contextlib.contextmanager
def running(argv, ready):
    """A program in the background, which is ended with SIGTERM."""
    process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, preexec_fn=die_with_parent, env={**os.environ, **CLEAN})
    try:
        wait_until(ready, 10, f"{argv[0]} is ready")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    expect("Sanitizer" not in errors.decode(errors="replace"), errors.decode(errors="replace"))


def listening(daemon, port, protocol="tcp"):
    return lambda: any(r["local"]["port"] == port and r["protocol"] == protocol and
                       (protocol == "udp" or r["state"] == "LISTEN") for r in daemon.sockets())


def peers_program(name):
    """sockets and sharing hold both ends: toynet's, and the kernel's in the namespace."""
    with Lab() as lab:
        lab.start(time_wait="2s")
        result = in_netns(lab, program(f"tests/system/{name}"), TOYNET, KERNEL, check=False, timeout=220)
        expect(result.returncode == 0 and "ok" in result.stdout,
               f"exit status {result.returncode}; it said:\n{result.stdout[-4000:]}{result.stderr[-4000:]}\n")


@test(240)
def sockets_of_libtoynet():
    peers_program("sockets")


@test(240)
def sharing_among_threads_processes_and_programs():
    peers_program("sharing")


def kernel_echo(child, port):
    """One process that echoes on every connection until its end."""
    import select

    with kernel_listener(port, 1024) as listener:
        child.tell()
        epoll = select.epoll()
        epoll.register(listener.fileno(), select.EPOLLIN)
        connections = {}
        while True:
            for fd, _ in epoll.poll():
                if fd == listener.fileno():
                    connection, _ = listener.accept()
                    connections[connection.fileno()] = connection
                    epoll.register(connection.fileno(), select.EPOLLIN)
                    continue
                try:
                    data = connections[fd].recv(65536)
                    connections[fd].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    connections.pop(fd).close()


@test(180)
def many_connections():
    with Lab() as lab:
        daemon = lab.start(time_wait="1s", fin_wait_2="1s")
        lab.kernel(kernel_echo, 6100).ask()
        result = command(program("tests/system/many"), KERNEL, 6100, 200, 60 if toynettest.FULL else 5, check=False, timeout=150)
        expect_equal(result.returncode, 0, f"exit status; it said:\n{result.stdout[-2000:]}{result.stderr[-2000:]}\n")
        wait_until(lambda: daemon.sockets() == [], 15, lambda: f"all rows are gone; left: {daemon.sockets()[:3]}", 0.2)


@test()
def http_server_and_curl():
    with Lab() as lab:
        daemon = lab.start()
        with running([program("client/examples/http_server"), 8080], listening(daemon, 8080)):
            for _ in range(3):
                result = in_netns(lab, "curl", "-sS", "--max-time", "10", f"http://{TOYNET}:8080/")
                expect("html" in result.stdout.lower(), result.stdout)


@test()
def http_get_from_a_kernel_server():
    with Lab() as lab:
        daemon = lab.start()
        page = os.urandom(300_000).hex()
        with open(os.path.join(lab.dir, "page.txt"), "w") as f:
            f.write(page)
        serve = ["ip", "netns", "exec", lab.netns, "python3", "-m", "http.server", "-d", lab.dir, "--bind", KERNEL, "8000"]
        up = lambda: "8000" in in_netns(lab, "ss", "-ltn").stdout
        with running(serve, up):
            result = command(program("client/examples/http_get"), f"http://{KERNEL}:8000/page.txt", timeout=20)
            expect_equal(result.stdout == page, True, "the page arrives whole")
            result = command(program("client/examples/http_get"), f"http://{KERNEL}:8000/nothing", check=False)
            expect(result.returncode != 0, "exit status for a page that does not exist")
        daemon.no_sanitizer_report()


@test()
def echo_servers():
    import socket

    def tcp(_):
        with socket.create_connection((TOYNET, 7), timeout=10) as s:
            sent = os.urandom(200_000)
            s.settimeout(10)
            import threading

            thread = threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR)))
            thread.start()
            got = b""
            while True:
                part = s.recv(65536)
                if not part:
                    thread.join()
                    return got == sent
                got += part

    def udp(_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(b"hello", (TOYNET, 7))
            return s.recv(100)

    with Lab() as lab:
        daemon = lab.start()
        with running([program("client/examples/tcp_echo"), 7], listening(daemon, 7)):
            expect(lab.kernel(tcp).wait(), "200,000 bytes come back the same")
        with running([program("client/examples/udp_echo"), 7], listening(daemon, 7, "udp")):
            expect_equal(lab.kernel(udp).wait(), b"hello", "the datagram that comes back")


@test()
def server_ends_when_the_daemon_does():
    """A listener whose daemon has gone is an error, not a loop."""
    with Lab() as lab:
        daemon = lab.start()
        with running([program("client/examples/http_server"), 8080], listening(daemon, 8080)) as server:
            daemon.stop()
            wait_until(lambda: server.poll() is not None, 5, "http_server ends")
            expect(server.returncode not in (0, 99), f"its exit status is {server.returncode}")
