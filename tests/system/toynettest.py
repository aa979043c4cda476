"""What the system tests share: a namespace with a daemon and a kernel on one TAP, children, and libtoynet by ctypes.

Theory of operation. A test is a function with the decorator @test; run.py calls each in a process of its own. A Lab is a scratch
network namespace; a Daemon runs toynetd in it, whose TAP is the only link, so that the kernel of the namespace is the peer at
the other end. A Child is a forked process that runs one Python function: in the namespace (in_netns) it uses kernel
sockets, outside it uses toynet's, and what the function returns or raises comes back by wait(). Labs, daemons and children are
context managers, and every process is killed with the one that started it (PR_SET_PDEATHSIG): whatever happens, nothing is
left.

The daemon of the Debug build runs under AddressSanitizer; stopping it fails the test when it complained.
"""
import contextlib
import ctypes
import errno
import hashlib
import json
import os
import pickle
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
FULL = False

KERNEL = "10.77.0.1"
TOYNET = "10.77.0.2"
NOBODY = 65534

TESTS = []


def test(seconds=60):
    """Marks a test, which may take so many seconds."""

    def mark(function):
        function.seconds = seconds
        TESTS.append(function)
        return function

    return mark


class Failure(Exception):
    """A test has shown that something is wrong."""


def expect(condition, message):
    if not condition:
        raise Failure(message() if callable(message) else message)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


@contextlib.contextmanager
def expect_error(number, what):
    """The block must fail with OSError of this errno."""
    try:
        yield
    except OSError as error:
        if error.errno != number:
            raise Failure(f"{what}: failed with {errno.errorcode.get(error.errno, error.errno)} ({error}), "
                          f"wanted {errno.errorcode[number]}") from error
    else:
        raise Failure(f"{what}: succeeded, wanted {errno.errorcode[number]}")


def wait_until(condition, seconds, what, pause=0.02):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter_netns(name):
    with open(f"/run/netns/{name}") as f:
        if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")


def command(*argv, check=True, timeout=30, text=True, **more):
    """Runs a command to its end; its output is in .stdout and .stderr."""
    result = subprocess.run([str(a) for a in argv], capture_output=True, text=text, timeout=timeout, **more)
    if check and result.returncode != 0:
        raise Failure(f"{' '.join(map(str, argv))}: exit status {result.returncode}: {result.stderr.strip()}")
    return result


def program(name, build="debug"):
    path = os.path.join(BUILD, build, name)
    expect(os.access(path, os.X_OK), f"{path} was not built")
    return path


class Child:
    """A forked process that runs function(child, *args). child.tell() and child.ask() talk to the parent and back."""

    def __init__(self, function, *args, netns=None, uid=None, name=None):
        self.name = name or function.__name__
        self.result = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            self._run(theirs, parent, function, args, netns, uid)
        theirs.close()
        self.pipe = ours
        self.status = None

    def _run(self, pipe, parent, function, args, netns, uid):
        code = 1
        try:
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            self.pipe = pipe
            if netns:
                enter_netns(netns)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            value = function(self, *args)
            pipe.send(pickle.dumps(("result", value)))
            code = 0
        except BaseException as error:  # everything is the parent's to judge
            try:
                pipe.send(pickle.dumps(("error", error)))
            except Exception:
                pipe.send(pickle.dumps(("error", Failure(repr(error)))))
        finally:
            os._exit(code)

    # In the child and in the parent alike.
    def tell(self, value=None):
        self.pipe.send(pickle.dumps(("message", value)))

    def ask(self, timeout=20):
        """The next value that the other side tells."""
        if not select.select([self.pipe], [], [], timeout)[0]:
            raise Failure(f"{self.name}: no word within {timeout} s")
        data = self.pipe.recv(1 << 20)
        if not data:
            raise Failure(f"{self.name}: ended without a word")
        kind, value = pickle.loads(data)
        if kind == "error":
            raise Failure(f"{self.name}: {type(value).__name__}: {value}") from value
        self.kind = kind
        return value

    # In the parent.
    def wait(self, timeout=60):
        """What the function returned; what it raised is raised here."""
        end = time.monotonic() + timeout
        while True:
            value = self.ask(max(0.0, end - time.monotonic()))
            if self.kind == "result":
                break
        self._reap()
        return value

    def _reap(self):
        if self.status is None:
            self.status = os.waitpid(self.pid, 0)[1]

    def kill(self, number=signal.SIGKILL):
        if self.status is None:
            os.kill(self.pid, number)
            self._reap()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.pipe.close()


class Lab:
    """A scratch network namespace with everything that belongs to it."""

    _count = 0

    def __init__(self):
        Lab._count += 1
        self.netns = f"{prefix()}{Lab._count}"
        self.stack = contextlib.ExitStack()
        self.daemon = None

    def __enter__(self):
        command("ip", "netns", "add", self.netns)
        self.stack.callback(self._delete)
        self.dir = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="toynet-test-"))
        os.chmod(self.dir, 0o755)
        command("ip", "-n", self.netns, "link", "set", "lo", "up")
        return self

    def _delete(self):
        pids = command("ip", "netns", "pids", self.netns, check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        command("ip", "netns", "del", self.netns, check=False)

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)

    def start(self, build="debug", **options):
        """Starts the daemon; see Daemon. Its socket becomes the one that libtoynet and toynetctl use."""
        daemon = Daemon(self, build=build, **options)
        self.stack.enter_context(daemon)
        self.daemon = daemon
        os.environ["TOYNET_SOCKET"] = daemon.socket
        return daemon

    def kernel(self, function, *args, **more):
        """A child in the namespace: its sockets are the kernel's."""
        return self.stack.enter_context(Child(function, *args, netns=self.netns, **more))

    def client(self, function, *args, **more):
        """A child outside: it uses toynet's sockets."""
        return self.stack.enter_context(Child(function, *args, **more))

    def copy_for_everyone(self, path):
        """A copy of a program that every user may run, which is not so of a build in root's home."""
        copy = os.path.join(self.dir, os.path.basename(path))
        shutil.copy(path, copy)
        os.chmod(copy, 0o755)
        return copy

    def ip(self, *argv, **more):
        return command("ip", "-n", self.netns, *argv, **more)


def prefix():
    """What the names of this run's namespaces begin with; run.py sets it."""
    return os.environ.get("TOYNET_TEST_PREFIX", f"tnt{os.getpid()}-")


class Daemon:
    """A running toynetd. Options become its command line: time_wait="1s" is --time-wait=1s."""

    def __init__(self, lab, build="debug", kernel_address=True, name="toynetd", **options):
        self.lab = lab
        self.build = build
        self.name = name
        self.options = {
            "interface": "tap0",
            "address": f"{TOYNET}/24",
            "socket": os.path.join(lab.dir, f"{name}.sock"),
        }
        if kernel_address:
            self.options["host_address"] = f"{KERNEL}/24"
        self.options.update(options)
        self.socket = self.options["socket"]
        self.log_path = os.path.join(lab.dir, f"{name}.log")
        self.process = None

    def argv(self):
        argv = ["ip", "netns", "exec", self.lab.netns, program("daemon/toynetd", self.build)]
        argv += [f"--{key.replace('_', '-')}={value}" for key, value in self.options.items() if value is not None]
        return argv

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        try:
            wait_until(self._answers, 15, "the daemon answers at its control socket")
        except Failure as failure:
            self._kill()
            raise Failure(f"{failure}; its log:\n{self.log()}") from failure
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise Failure(f"toynetd ended with status {self.process.returncode}")
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
            except OSError:
                return False
        return True

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    @property
    def pid(self):
        return self.process.pid

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        return process_cpu(self.pid)

    def _kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM, and the verdict of the sanitizers."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self._kill()
                raise Failure("toynetd does not end on SIGTERM") from None
        log = self.log()
        if self.process.returncode != 0 or "Sanitizer" in log or "runtime error" in log:
            raise Failure(f"toynetd ended with status {self.process.returncode}; its log:\n{log[-6000:]}")

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.stop()
            return
        # The test has failed already; what the daemon said may be the reason.
        if self.process and self.process.poll() not in (None, 0) or "Sanitizer" in self.log():
            print(f"toynetd's log:\n{self.log()[-6000:]}", file=sys.stderr)
        self._kill()

    def ctl(self, *argv, check=True, build="debug", **more):
        return command(program("cli/toynetctl", build), "--socket", self.socket, *argv, check=check, **more)

    def sockets(self):
        """The rows of `toynetctl sockets --json`."""
        return json.loads(self.ctl("sockets", "--json").stdout)["sockets"]

    def control_block(self, number):
        return json.loads(self.ctl("socket", str(number), "--json").stdout)

    def stats(self):
        """Every counter by its name."""
        return {c["name"]: c["value"] for c in json.loads(self.ctl("stats", "-a", "--json").stdout)["counters"]}

    def impair(self, *words):
        self.ctl("impair", *words)

    def no_sanitizer_report(self):
        expect("Sanitizer" not in self.log() and self.process.poll() is None,
               lambda: f"toynetd complained:\n{self.log()[-6000:]}")


def process_cpu(pid):
    """Seconds of CPU time that a process has used."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# libtoynet, by ctypes.

_lib = None


def lib():
    """libtoynet of the Release build: a sanitized one cannot be loaded into Python."""
    global _lib
    if _lib is None:
        _lib = ctypes.CDLL(os.path.join(BUILD, "release", "client", "libtoynet.so"), use_errno=True)
        for name in ("send", "recv", "sendto", "recvfrom", "sendmsg", "recvmsg"):
            getattr(_lib, f"toynet_{name}").restype = ctypes.c_ssize_t
        _lib.toynet_error_detail.restype = ctypes.c_char_p
    return _lib


def _check(result):
    if result < 0:
        number = ctypes.get_errno()
        detail = lib().toynet_error_detail()
        raise OSError(number, f"{os.strerror(number)} [{detail.decode(errors='replace') if detail else ''}]")
    return result


def _pack(address):
    ip, port = address
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(ip) + bytes(8)


def _unpack(raw):
    return socket.inet_ntoa(raw[4:8]), struct.unpack("!H", raw[2:4])[0]


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class _Message:
    """A struct msghdr and the memory that it points to."""

    def __init__(self, buffers, control, name):
        self.buffers = [ctypes.create_string_buffer(b, len(b)) for b in buffers]
        self.parts = (_Iovec * len(buffers))(*[_Iovec(ctypes.addressof(b), len(b)) for b in self.buffers])
        self.control = ctypes.create_string_buffer(control, len(control))
        self.name = ctypes.create_string_buffer(name or b"", len(name or b""))
        self.header = _Header(ctypes.addressof(self.name) if name else None, len(name or b""),
                              ctypes.addressof(self.parts), len(buffers), ctypes.addressof(self.control), len(control), 0)


def _control(level, kind, data):
    return struct.pack("=Qii", 16 + len(data), level, kind) + data + bytes(-len(data) % 8)


def _controls(raw):
    while len(raw) >= 16:
        length, level, kind = struct.unpack("=Qii", raw[:16])
        yield level, kind, raw[16:length]
        raw = raw[(length + 7) & ~7:]


class Sock:
    """A toynet socket with the methods of Python's socket, on the calls of libtoynet."""

    def __init__(self, kind=socket.SOCK_STREAM, fd=None, protocol=0):
        self.fd = _check(lib().toynet_socket(socket.AF_INET, kind, protocol)) if fd is None else fd

    def fileno(self):
        return self.fd

    def bind(self, address):
        raw = _pack(address)
        _check(lib().toynet_bind(self.fd, raw, len(raw)))
        return self

    def connect(self, address):
        raw = _pack(address)
        _check(lib().toynet_connect(self.fd, raw, len(raw)))
        return self

    def disconnect(self):
        raw = struct.pack("=H", socket.AF_UNSPEC) + bytes(14)
        _check(lib().toynet_connect(self.fd, raw, len(raw)))

    def listen(self, backlog=128):
        _check(lib().toynet_listen(self.fd, backlog))
        return self

    def accept(self, flags=0):
        raw = ctypes.create_string_buffer(16)
        size = ctypes.c_uint32(16)
        fd = _check(lib().toynet_accept4(self.fd, raw, ctypes.byref(size), flags))
        return Sock(fd=fd), _unpack(raw.raw)

    def _name(self, call):
        raw = ctypes.create_string_buffer(16)
        size = ctypes.c_uint32(16)
        _check(call(self.fd, raw, ctypes.byref(size)))
        return _unpack(raw.raw)

    def getsockname(self):
        return self._name(lib().toynet_getsockname)

    def getpeername(self):
        return self._name(lib().toynet_getpeername)

    def setsockopt(self, level, name, value):
        raw = value if isinstance(value, bytes) else struct.pack("=i", value)
        _check(lib().toynet_setsockopt(self.fd, level, name, raw, len(raw)))

    def getsockopt(self, level, name):
        raw = ctypes.create_string_buffer(16)
        size = ctypes.c_uint32(16)
        _check(lib().toynet_getsockopt(self.fd, level, name, raw, ctypes.byref(size)))
        return struct.unpack("=i", raw.raw[:4])[0]

    def shutdown(self, how):
        _check(lib().toynet_shutdown(self.fd, how))

    def send(self, data, flags=socket.MSG_NOSIGNAL):
        return _check(lib().toynet_send(self.fd, bytes(data), ctypes.c_size_t(len(data)), flags))

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view):]

    def recv(self, size, flags=0):
        raw = ctypes.create_string_buffer(size)
        n = _check(lib().toynet_recv(self.fd, raw, ctypes.c_size_t(size), flags))
        return raw.raw[:n]

    def sendto(self, data, address, flags=0):
        raw = _pack(address)
        return _check(lib().toynet_sendto(self.fd, data, ctypes.c_size_t(len(data)), flags, raw, len(raw)))

    def recvfrom(self, size, flags=0):
        data = ctypes.create_string_buffer(size)
        raw = ctypes.create_string_buffer(16)
        length = ctypes.c_uint32(16)
        n = _check(lib().toynet_recvfrom(self.fd, data, ctypes.c_size_t(size), flags, raw, ctypes.byref(length)))
        return data.raw[:n], _unpack(raw.raw)

    def sendmsg(self, buffers, ancillary=(), flags=0, address=None):
        control = b"".join(_control(*c) for c in ancillary)
        m = _Message(buffers, control, _pack(address) if address else None)
        return _check(lib().toynet_sendmsg(self.fd, ctypes.byref(m.header), flags))

    def recvmsg(self, size, control=0, flags=0):
        data = ctypes.create_string_buffer(max(size, 1))
        m = _Message([], bytes(control), bytes(16))
        m.parts = (_Iovec * 1)(_Iovec(ctypes.addressof(data), size))
        m.header.iov, m.header.iovlen = ctypes.addressof(m.parts), 1
        n = _check(lib().toynet_recvmsg(self.fd, ctypes.byref(m.header), flags))
        ancillary = list(_controls(m.control.raw[:m.header.controllen]))
        return data.raw[:min(n, size)], ancillary, m.header.flags, _unpack(m.name.raw)

    def setblocking(self, blocking):
        os.set_blocking(self.fd, blocking)

    def close(self):
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            _check(lib().toynet_close(fd))

    def cookie(self):
        with socket.socket(fileno=os.dup(self.fd)) as s:
            return struct.unpack("=Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# Peers of both sorts.

def kernel_socket(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Not what the system's default happens to be.
        s.setsockopt(socket.IPPROTO_TCP, 13, b"cubic")  # TCP_CONGESTION
    return s


def kernel_listener(port, backlog=128):
    s = kernel_socket()
    s.bind((KERNEL, port))
    s.listen(backlog)
    return s


BLOCK = 1 << 18


def send_stream(write, size, seed):
    """Sends size bytes that depend on the seed, by write(memoryview) -> count; returns their SHA-256."""
    digest = hashlib.sha256()
    noise = bytearray(random.Random(seed).randbytes(BLOCK))
    number = 0
    while size:
        struct.pack_into("=Q", noise, 0, number)
        number += 1
        block = memoryview(noise)[:min(size, BLOCK)]
        digest.update(block)
        size -= len(block)
        while block:
            block = block[write(block):]
    return digest.hexdigest()


def receive_stream(read_into, seen=None):
    """Receives until the end by read_into(buffer) -> count; returns (bytes, SHA-256). seen(n) is called for each piece."""
    digest = hashlib.sha256()
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    total = 0
    while True:
        n = read_into(view)
        if n == 0:
            return total, digest.hexdigest()
        if seen:
            seen(n)
        digest.update(view[:n])
        total += n


def read_into(fd):
    return lambda view: os.readv(fd, [view])


def writer(fd):
    return lambda view: os.write(fd, view)


def read_all(fd):
    parts = []
    while True:
        part = os.read(fd, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
