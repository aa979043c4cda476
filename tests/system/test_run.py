"""toynet-run: unmodified programs on toynet, with the kernel at the other end."""
import os
import subprocess
import sys

from toynettest import (KERNEL, TOYNET, Lab, command, die_with_parent, expect, expect_equal, kernel_listener,
                        kernel_socket, program, test, wait_until)


def run(daemon, *argv, **more):
    """A program under toynet-run, outside of the namespace: only toynet leads to the kernel's side."""
    return command(program("client/toynet-run"), "--socket", daemon.socket, *argv, **more)


def serve_file(child, port, data, connections):
    with kernel_listener(port) as listener:
        child.tell()
        for _ in range(connections):
            connection, _ = listener.accept()
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
            connection.close()


@test()
def curl_and_python_fetch_a_page():
    data = os.urandom(1 << 20)
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(serve_file, 8000, data, 2)
        server.ask()
        got = run(daemon, "curl", "-s", "-m", "20", f"http://{KERNEL}:8000/", text=False).stdout
        expect(got == data, f"curl: {len(got)} bytes")
        script = f"import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen('http://{KERNEL}:8000/').read())"
        got = run(daemon, sys.executable, "-c", script, text=False).stdout
        expect(got == data, f"urllib: {len(got)} bytes")
        server.wait()
        expect_equal([r for r in daemon.sockets() if r["state"] == "LISTEN"], [], "listeners")


@test()
def a_server_with_kernel_clients():
    with Lab() as lab:
        daemon = lab.start()
        argv = [program("client/toynet-run"), "--socket", daemon.socket, sys.executable, "-m", "http.server", "8080",
                "--directory", os.path.dirname(os.path.abspath(__file__))]
        server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  preexec_fn=die_with_parent)
        wait_until(lambda: any(r["local"]["port"] == 8080 and r["state"] == "LISTEN" for r in daemon.sockets()), 10,
                   "the server listens")

        def fetch(_):
            got = b""
            with kernel_socket() as s:
                s.connect((TOYNET, 8080))
                s.sendall(b"GET /test_run.py HTTP/1.0\r\n\r\n")
                while chunk := s.recv(65536):
                    got += chunk
            return got

        with open(__file__, "rb") as f:
            expect(lab.kernel(fetch).wait().endswith(f.read()), "the file by HTTP")
        server.terminate()
        server.wait(10)


@test()
def what_it_says_of_programs():
    check = lambda *argv: command(program("client/toynet-run"), "--check", *argv, check=False)
    expect_equal(check("cat").returncode, 0, "cat")
    missing = check("no-such-program")
    expect(missing.returncode == 127 and "no such program" in missing.stderr, missing.stderr)
    static = check(command("sh", "-c", "command -v ldconfig || echo /sbin/ldconfig").stdout.strip())
    expect(static.returncode == 126 and "static" in static.stderr, static.stderr)
    expect_equal(command(program("client/toynet-run"), "--nonsense", check=False).returncode, 125, "wrong option")


@test()
def other_families_are_refused():
    script = ("import socket\n"
              "try:\n    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
              "except OSError as e:\n    print(e.errno)\n"
              "a, b = socket.socketpair()\na.send(b'x')\nprint(b.recv(9))\n")
    with Lab() as lab:
        daemon = lab.start()
        expect_equal(run(daemon, sys.executable, "-c", script).stdout, "97\nb'x'\n", "without the option")
        expect_equal(run(daemon, "--families=kernel", sys.executable, "-c", script).stdout, "b'x'\n", "with it")


@test()
def without_a_daemon_the_call_fails():
    script = "import socket\ntry:\n    socket.socket()\nexcept OSError as e:\n    print(e.errno)\n"
    result = command(program("client/toynet-run"), "-v", "--socket", "/nonexistent/s", sys.executable, "-c", script)
    expect_equal(result.stdout, "2\n", "errno")
    expect("no toynetd at /nonexistent/s" in result.stderr, result.stderr)
