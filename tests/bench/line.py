"""The line of tests/bench/path and tests/bench/fairness: toynet and a kernel at one end of toynet-wire, a kernel at the other.

Theory of operation. Two namespaces, joined by toynet-wire (tests/wire), which has a TAP in each:

    near: toynetd -- its TAP --+
                               +-- bridge -- wire's TAP  ~~~ toynet-wire ~~~  wire's TAP :far
    near's kernel (10.82.0.1) -+   10.82.0.1             loss delay rate      10.82.0.2

A flow of toynet's and one of the near kernel's take the same way: over the bridge and through the same queues of the wire,
whose other end is the far kernel in both cases. While the line is not perfect, toynet-wire switches the offloads of
its TAPs off: what either stack sends in super-frames is cut to segments by the kernel in front of the wire, so the
wire drops, delays and counts single frames for both, and the receiver gets single frames. The queues of the TAPs are
longer than the wire's, so that nothing is lost but by the wire. The kernels keep no metrics of former connections
(tcp_no_metrics_save), use cubic, and have the sizes of buffers below, whatever the machine has set.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEAR, FAR, TOYNET = "10.82.0.1", "10.82.0.2", "10.82.0.9"
PORT = 7100
TAP_QUEUE = 20000  # frames
# The kernel's own defaults on a machine with 4 GiB and more (tcp(7)).
KERNEL_BUFFERS = {"tcp_rmem": "4096 131072 6291456", "tcp_wmem": "4096 16384 4194304"}
NEEDED_TO_BUILD = ("cmake", "ninja", "gcc", "pkg-config", "protoc", "protoc-c", "protoc-gen-nanopb")
TARGETS = ("toynetd", "toynetctl", "toynet-wire", "bench-flows")
SETTLE = 0.3  # seconds of a perfect line between measurements, for resets and retransmissions to pass


def sh(*args, **kw):
    return subprocess.run(args, check=True, **kw)


def require(programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        sys.exit(f"{sys.argv[0]}: no {', '.join(missing)}: daemon/quickstart installs the packages that are needed")


def build_release():
    require(NEEDED_TO_BUILD)
    build = os.path.join(TOP, "build", "release")
    sh("cmake", "-S", TOP, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", stdout=subprocess.DEVNULL)
    sh("cmake", "--build", build, "--target", *TARGETS, stdout=subprocess.DEVNULL)
    return build


def check_machine():
    if os.geteuid() != 0:
        sys.exit(f"{sys.argv[0]}: needs root, for network namespaces and TAPs")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    require(("ip", "ping"))
    if not os.path.exists("/dev/net/tun"):
        sys.exit(f"{sys.argv[0]}: no /dev/net/tun, so no TAP: modprobe tun")
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))


class Line:
    def __init__(self, build, daemon_options=()):
        self.build = os.path.abspath(build)
        self.daemon_options = daemon_options
        self.children = []
        tag = f"tnl{os.getpid() % 10000}"
        self.near, self.far = f"{tag}a", f"{tag}b"
        self.sock = f"/tmp/{tag}.sock"

    def start(self, *cmd, ns=None, **kw):
        p = subprocess.Popen(["ip", "netns", "exec", ns, *cmd] if ns else cmd, text=True, **kw)
        self.children.append(p)
        return p

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make_namespace(self, ns):
        sh("ip", "netns", "add", ns)
        sh("ip", "-n", ns, "link", "set", "lo", "up")
        settings = {"net.ipv6.conf.default.disable_ipv6": "1", "net.ipv4.tcp_no_metrics_save": "1"}
        settings |= {f"net.ipv4.{k}": v for k, v in KERNEL_BUFFERS.items()}
        for name, value in settings.items():
            path = "/proc/sys/" + name.replace(".", "/")
            sh("ip", "netns", "exec", ns, "tee", path, input=value, text=True, stdout=subprocess.DEVNULL)

    def set_up(self):
        for ns in (self.near, self.far):
            self.make_namespace(ns)
        self.wire = self.start(f"{self.build}/tests/toynet-wire", f"{self.near}/wa", f"{self.far}/wb",
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.wire.stdout.readline() != "ready\n":
            raise RuntimeError("toynet-wire does not start")
        near = lambda *a: sh("ip", "-n", self.near, *a)
        near("link", "add", "br0", "type", "bridge")
        near("addr", "add", f"{NEAR}/24", "dev", "br0")
        near("link", "set", "br0", "up")
        near("link", "set", "wa", "txqueuelen", str(TAP_QUEUE), "master", "br0", "up")
        sh("ip", "-n", self.far, "addr", "add", f"{FAR}/24", "dev", "wb")
        sh("ip", "-n", self.far, "link", "set", "wb", "txqueuelen", str(TAP_QUEUE), "up")
        self.daemon = self.start(f"{self.build}/daemon/toynetd", "--interface", "tn0", "--address", f"{TOYNET}/24",
                                 "--socket", self.sock, *self.daemon_options, ns=self.near, stderr=subprocess.PIPE)
        os.environ["TOYNET_SOCKET"] = self.sock
        for _ in range(100):
            if os.path.exists(self.sock):
                break
            if self.daemon.poll() is not None:
                raise RuntimeError(self.daemon.stderr.read())
            time.sleep(0.05)
        near("link", "set", "tn0", "txqueuelen", str(TAP_QUEUE), "master", "br0", "up")
        # So that no flow begins with a lost question for an address.
        sh("ip", "netns", "exec", self.far, "ping", "-qc1", "-w5", NEAR, stdout=subprocess.DEVNULL)
        sh("ip", "netns", "exec", self.far, "ping", "-qc1", "-w5", TOYNET, stdout=subprocess.DEVNULL)

    def __exit__(self, *unused):
        for p in reversed(self.children):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
        for ns in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL, check=False)

    def set(self, settings):
        """Changes the wire: the words of a line of toynet-wire's standard input."""
        self.wire.stdin.write(settings + "\n")
        self.wire.stdin.flush()
        answer = self.wire.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"toynet-wire: {answer}")

    def wire_counters(self):
        """{"a-to-b": {"passed": ..., ...}, "b-to-a": ...}; a is the near end."""
        self.wire.stdin.write("stats\n")
        self.wire.stdin.flush()
        both = {}
        for _ in range(2):
            name, *words = self.wire.stdout.readline().split()
            both[name] = {k: int(v) for k, v in zip(words[::2], words[1::2])}
        return both

    def toynet_counters(self):
        out = sh(f"{self.build}/cli/toynetctl", "stats", "-a", "--json", stdout=subprocess.PIPE).stdout
        return {c["name"]: c["value"] for c in json.loads(out)["counters"]}

    def kernel_counters(self, ns):
        """SNMP and extended TCP counters of a namespace's kernel."""
        text = ""
        for name in ("snmp", "netstat"):
            text += sh("ip", "netns", "exec", ns, "cat", f"/proc/net/{name}", stdout=subprocess.PIPE, text=True).stdout
        lines = [l.split() for l in text.splitlines() if l.startswith("Tcp")]
        return {k: int(v) for names, values in zip(lines[::2], lines[1::2]) for k, v in zip(names[1:], values[1:])}

    def begin(self, stack, direction, flows, seconds, port=PORT):
        """Starts flows between the near end's stack ("toynet", "kernel") and the far kernel; direction is the near
        end's: "send" or "receive". Returns the pair (sink, source)."""
        far_role, near_role = ("sink", "source") if direction == "send" else ("source", "sink")
        words = [str(port), str(flows), str(seconds)]
        program = f"{self.build}/tests/bench/flows"
        far = self.start(program, "listen", far_role, *words, ns=self.far, stdout=subprocess.PIPE)
        if far.stdout.readline() != "ready\n":
            raise RuntimeError("the far end does not listen")
        near = self.start(program, stack, near_role, FAR, *words, ns=self.near, stdout=subprocess.PIPE)
        return (far, near) if direction == "send" else (near, far)

    def end(self, sink, source, seconds):
        """The bytes that each flow brought in its time."""
        out, _ = sink.communicate(timeout=seconds + 60)
        if source.poll() is None:
            source.terminate()
        source.communicate(timeout=20)
        if sink.returncode:
            raise RuntimeError(f"the sink ended with status {sink.returncode}")
        return json.loads(out)["bytes"]

    def settle(self):
        self.set("both")
        time.sleep(SETTLE)
