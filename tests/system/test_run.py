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


def echo_until_end(child, port, connections):
    with kernel_listener(port) as listener:
        child.tell()
        for _ in range(connections):
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)


@test()
def a_program_that_empties_its_environment():
    script = ("import os, socket\n"
              "s = socket.socket()\nos.environ.clear()\n"
              "if os.fork() == 0:\n"
              f"    s.connect(('{KERNEL}', 7000))\n    s.sendall(b'hello')\n    s.shutdown(socket.SHUT_WR)\n"
              "    os._exit(0 if s.recv(99) == b'hello' else 1)\n"
              "raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))\n")
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(echo_until_end, 7000, 1)
        server.ask()
        run(daemon, sys.executable, "-c", script)
        server.wait()


# A child that may only read, write, shut down, close and end, as that of sshd.
CONFINED = f"""
import ctypes, os, socket, struct
s = socket.socket()
s.connect(("{KERNEL}", 7001))
ALLOWED = 0, 1, 3, 19, 20, 48, 231  # read, write, close, readv, writev, shutdown, exit_group
code = [(0x20, 0, 0, 0)]  # the number of the call
code += [(0x15, len(ALLOWED) - i, 0, nr) for i, nr in enumerate(ALLOWED)]
code += [(0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7fff0000)]  # kill the process; allow
code = b"".join(struct.pack("=HBBI", *c) for c in code)
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
program = Program(len(code) // 8, code)
libc = ctypes.CDLL(None)
pid = os.fork()
if pid == 0:
    fd = s.fileno()
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    SET_FILTER
    os.write(fd, b"hel")
    os.writev(fd, [b"l", b"o"])
    libc.shutdown(fd, socket.SHUT_WR)
    got = b""
    while data := os.read(fd, 4):
        got += data
    libc.close(fd)
    os._exit(0 if got == b"hello" else 1)
s.close()
raise SystemExit(abs(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
"""


@test()
def a_program_that_forbids_itself_system_calls():
    by_prctl = "assert libc.prctl(22, 2, ctypes.byref(program)) == 0"
    by_seccomp = "assert libc.syscall(317, 1, 0, ctypes.byref(program)) == 0"
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(echo_until_end, 7001, 2)
        server.ask()
        for set_filter in by_prctl, by_seccomp:
            result = run(daemon, sys.executable, "-c", CONFINED.replace("SET_FILTER", set_filter), check=False)
            expect_equal(result.returncode, 0, f"{set_filter}: {result.stderr}")
        server.wait()


@test()
def no_socket_is_bound_to_a_device():
    script = ("import socket\ns = socket.socket()\nprint(s.getsockopt(socket.SOL_SOCKET, 25, 16))\n"
              "s.setsockopt(socket.SOL_SOCKET, 25, b'')\n"
              "try:\n    s.setsockopt(socket.SOL_SOCKET, 25, b'lo')\nexcept OSError as e:\n    print(e.errno)\n")
    with Lab() as lab:
        expect_equal(run(lab.start(), sys.executable, "-c", script).stdout, "b''\n92\n", "SO_BINDTODEVICE")
