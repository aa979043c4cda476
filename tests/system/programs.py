"""Unmodified programs under toynet-run: what test_run_clients.py, test_run_servers.py and test_run_both.py share.

Theory of operation. The programs of a test run in two namespaces. Those of the kernel's side are in that of the Lab,
behind the TAP. Those under toynet-run are in another one, which has no interface at all: whatever of theirs reaches the
other side went through toynet. A test is a function with the decorator @shows, whose words become its row in the
README's matrix (matrix.py); the long run has them all, the short run those whose programs every machine has that builds
toynet.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys

import toynettest
from toynettest import KERNEL, TOYNET, Lab, command, die_with_parent, expect, program, test, wait_until

ROWS = []  # (name of the test, program, what was done), of short and long runs alike


def shows(what, name=None, seconds=120, short=False):
    """Marks a test of the matrix: the program's name (the function's, when there is no other) and what was done."""

    def mark(function):
        module = function.__module__.removeprefix("test_")
        ROWS.append((f"{module}/{function.__name__}", name or function.__name__, what))
        return test(seconds)(function) if short or toynettest.FULL else function

    return mark


class Programs(Lab):
    """A Lab with a namespace for the programs under toynet-run, too. `build` is the daemon's."""

    def __init__(self, build="debug", **options):
        super().__init__()
        self.build = build
        self.options = options

    def __enter__(self):
        super().__enter__()
        self.apart = f"{self.netns}a"
        command("ip", "netns", "add", self.apart)
        self.stack.callback(self._delete_apart)
        self.start(build=self.build, **self.options)
        return self

    def _delete_apart(self):
        pids = command("ip", "netns", "pids", self.apart, check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        command("ip", "netns", "del", self.apart, check=False)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        """A file in the scratch folder; returns its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def kernel_argv(self, *argv):
        return ["ip", "netns", "exec", self.netns, *map(str, argv)]

    def toynet_argv(self, *argv, daemon=None):
        run = program("client/toynet-run", self.build)
        return ["ip", "netns", "exec", self.apart, run, "--socket", (daemon or self.daemon).socket, *map(str, argv)]

    def by_kernel(self, *argv, timeout=60, **more):
        return command(*self.kernel_argv(*argv), timeout=timeout, **more)

    def by_toynet(self, *argv, timeout=60, daemon=None, **more):
        return command(*self.toynet_argv(*argv, daemon=daemon), timeout=timeout, **more)

    def _server(self, argv, ready, what):
        log_path = self.path(f"server-{len(os.listdir(self.dir))}.log")
        with open(log_path, "wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                       preexec_fn=die_with_parent)
        self.stack.callback(end, process)

        def said():
            with open(log_path, errors="replace") as f:
                return f"{what}; it said:\n{f.read()[-4000:]}"

        def is_ready():
            expect(process.poll() is None, said)
            return ready()

        wait_until(is_ready, 20, said)
        return process

    def kernel_server(self, *argv, port, protocol="tcp"):
        """A program on the kernel's side; returns when somebody listens on the port."""
        flags = "-Hltn" if protocol == "tcp" else "-Hlun"
        return self._server(self.kernel_argv(*argv),
                            lambda: self.by_kernel("ss", flags, "sport", "=", f":{port}").stdout.strip(), argv[0])

    def toynet_server(self, *argv, port, protocol="tcp", daemon=None):
        """A program under toynet-run; returns when one of its sockets listens on the port."""
        daemon = daemon or self.daemon
        return self._server(self.toynet_argv(*argv, daemon=daemon), lambda: any(
            r["local"]["port"] == port and r["protocol"] == protocol and (protocol == "udp" or r["state"] == "LISTEN")
            for r in daemon.sockets()), argv[0])


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# What several tests do with a server or a client of either side.

PAGES = 12
PAGE_BYTES = 300_000


def make_pages(lab):
    """A folder www with PAGES files of random bytes."""
    for i in range(1, PAGES + 1):
        lab.write(f"www/page{i}", os.urandom(PAGE_BYTES))
    return lab.path("www")


def same(path, other):
    with open(path, "rb") as a, open(other, "rb") as b:
        expect(a.read() == b.read(), f"{path} and {other} differ")


def fetched_by_curl(lab, by, url, *options):
    """All pages at once, by curl of the side `by`."""
    got = lab.path("got")
    shutil.rmtree(got, ignore_errors=True)
    os.mkdir(got)
    by("curl", "-sS", "-m", "40", "-Z", "--parallel-immediate", *options, "-o", f"{got}/page#1",
       f"{url}/page[1-{PAGES}]")
    for i in range(1, PAGES + 1):
        same(lab.path(f"www/page{i}"), f"{got}/page{i}")


def http_server(address, port, folder):
    return [sys.executable, "-m", "http.server", str(port), "--bind", address, "--directory", folder]


PYTHON_CLIENT = """
import asyncio, sys, threading, urllib.request
host, port, pages, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
want = {i: open(f"{folder}/page{i}", "rb").read() for i in range(1, pages + 1)}
got = {}
def fetch(i):
    got[i] = urllib.request.urlopen(f"http://{host}:{port}/page{i}").read()
threads = [threading.Thread(target=fetch, args=(i,)) for i in want]
for t in threads: t.start()
for t in threads: t.join()
assert got == want, "urllib in threads"
async def one(i):
    r, w = await asyncio.open_connection(host, port)
    w.write(f"GET /page{i} HTTP/1.0\\r\\n\\r\\n".encode())
    data = await r.read()
    w.close()
    await w.wait_closed()
    return data.split(b"\\r\\n\\r\\n", 1)[1]
async def all_of_them():
    return await asyncio.gather(*(one(i) for i in want))
assert asyncio.run(all_of_them()) == list(want.values()), "asyncio"
try:
    urllib.request.urlopen(f"http://{host}:1/")
except urllib.error.URLError as e:
    assert isinstance(e.reason, ConnectionRefusedError), e
"""

ASYNCIO_ECHO = """
import asyncio, sys
async def echo(r, w):
    while data := await r.read(65536):
        w.write(data)
        await w.drain()
    w.close()
async def main():
    await (await asyncio.start_server(echo, sys.argv[1], int(sys.argv[2]))).serve_forever()
asyncio.run(main())
"""

ECHO_CLIENT = """
import os, socket, sys, threading
def one():
    data, got = os.urandom(500_000), b""
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
    def send():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    while more := s.recv(65536):
        got += more
    sender.join()
    if got == data:
        good.append(1)
good = []
threads = [threading.Thread(target=one) for _ in range(10)]
for t in threads: t.start()
for t in threads: t.join()
assert len(good) == 10, f"{len(good)} of 10"
"""

NODE_CLIENT = """
const http = require('http'), net = require('net'), fs = require('fs');
const [host, port, pages, folder] = process.argv.slice(2);
let left = Number(pages) + 2;
const done = () => { if (--left === 0) { console.log('all'); process.exit(0); } };
const check = (i, parts) => {
  if (!Buffer.concat(parts).equals(fs.readFileSync(`${folder}/page${i}`))) throw new Error(`page ${i}`);
  done();
};
for (let i = 1; i <= pages; i++)
  http.get({host, port, path: `/page${i}`}, r => {
    const parts = [];
    r.on('data', d => parts.push(d));
    r.on('end', () => check(i, parts));
  });
const s = net.connect(port, host, () => s.write('GET /page1 HTTP/1.0\\r\\n\\r\\n'));
const raw = [];
s.on('data', d => raw.push(d));
s.on('end', () => {
  const all = Buffer.concat(raw);
  check(1, [all.subarray(all.indexOf('\\r\\n\\r\\n') + 4)]);
});
net.connect(1, host).on('error', e => { if (e.code !== 'ECONNREFUSED') throw e; done(); });
"""

NODE_SERVER = """
const http = require('http'), fs = require('fs');
const [host, port, folder] = process.argv.slice(2);
http.createServer((q, s) => {
  if (q.method === 'POST') q.pipe(s);
  else if (fs.existsSync(folder + q.url)) fs.createReadStream(folder + q.url).pipe(s);
  else { s.statusCode = 404; s.end(); }
}).listen(Number(port), host);
"""


def certificate(lab):
    command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
            f"subjectAltName=IP:{KERNEL},IP:{TOYNET}", "-keyout", lab.path("tls.key"), "-out", lab.path("tls.crt"))
    return lab.path("tls.crt")


def nginx(lab, address, workers):
    """The words that start nginx: HTTP at port 8080, the same with SO_REUSEPORT at 8081, HTTP/2 with TLS at 8443."""
    certificate(lab)
    make_pages(lab)
    os.makedirs(lab.path("tmp"), exist_ok=True)
    kinds = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
    temporary = "".join(f"{kind}_temp_path {lab.path('tmp')};\n" for kind in kinds)
    config = lab.write("nginx.conf", f"""
        daemon off;
        user nobody nogroup;
        worker_processes {workers};
        pid {lab.path("nginx.pid")};
        error_log stderr;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            {temporary}
            server {{
                listen {address}:8080;
                listen {address}:8081 reuseport;
                listen {address}:8443 ssl http2;
                ssl_certificate {lab.path("tls.crt")};
                ssl_certificate_key {lab.path("tls.key")};
                root {lab.path("www")};
            }}
        }}
        """)
    return ["nginx", "-e", "stderr", "-c", config]


def sshd(lab, address, port=2222):
    """The words that start sshd; it lets root in with the key that ssh_options names."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # Debian's sshd wants it for the separation of privileges
    for key in "host_key", "user_key":
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab.path(key))
    shutil.copy(lab.path("user_key.pub"), lab.path("authorized_keys"))
    config = lab.write("sshd_config", f"""
Port {port}
ListenAddress {address}
HostKey {lab.path("host_key")}
AuthorizedKeysFile {lab.path("authorized_keys")}
PidFile none
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
""")
    return ["/usr/sbin/sshd", "-D", "-e", "-f", config]


def ssh_options(lab, port_flag, port=2222):
    options = ["-F", "none", "-i", lab.path("user_key"), port_flag, str(port)]
    for o in ("IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
              "LogLevel=ERROR"):
        options += ["-o", o]
    return options


def ssh_login(lab, by, host):
    """A command at the other end, with a megabyte for it to read."""
    data = os.urandom(1 << 20)
    got = by("ssh", *ssh_options(lab, "-p"), f"root@{host}", "cat; echo $SSH_CONNECTION >&2", text=False, input=data)
    expect(got.stdout == data, f"{len(got.stdout)} bytes of {len(data)}")
    expect(f"{host} 2222" in got.stderr.decode(), got.stderr)


def scp_both_ways(lab, by, host, size=20_000_000, timeout=60):
    path = lab.write("blob", os.urandom(size))
    by("scp", *ssh_options(lab, "-P"), path, f"root@{host}:{path}.there", timeout=timeout)
    by("scp", *ssh_options(lab, "-P"), f"root@{host}:{path}.there", f"{path}.back", timeout=timeout)
    same(path, f"{path}.there")
    same(path, f"{path}.back")


def unbound(lab, address):
    """The words that start unbound: www.test, and big.test, whose answer is too long for a datagram."""
    texts = "".join(f"  local-data: 'big.test. 60 IN TXT \"{i} {'x' * 60}\"'\n" for i in range(60))
    config = lab.write("unbound.conf", f"""
server:
  interface: {address}
  access-control: 10.77.0.0/24 allow
  port: 53
  num-threads: 2
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{lab.dir}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  local-zone: "test." static
  local-data: "www.test. 60 IN A 192.0.2.7"
{texts}
remote-control:
  control-enable: no
""")
    return ["unbound", "-d", "-c", config]


def redis(address):
    """The words that start redis-server."""
    return ["redis-server", "--bind", address, "--port", "6379", "--protected-mode", "no", "--save", ""]


def dig_asks(by, server):
    ask = lambda *words: by("dig", f"@{server}", "+time=5", "+tries=1", "+short", *words).stdout.split("\n")[:-1]
    expect(ask("www.test") == ["192.0.2.7"], "by UDP")
    expect(ask("+tcp", "www.test") == ["192.0.2.7"], "by TCP")
    expect(len(ask("big.test", "TXT")) == 60, "too long for UDP: again by TCP")


def iperf3(serve, by, host):
    """Both directions, by TCP and UDP, a second each. Each with a server of its own: between two tests iperf3 -s does
    not listen for a moment."""
    for words in ([], ["-R"], ["-P", "4"], ["-u", "-b", "50M"], ["-u", "-b", "50M", "-R"]):
        server = serve("iperf3", "-s", "-1", "-B", host, port=5201)
        said = by("iperf3", "-c", host, "-t", "1", "-J", *words, check=False).stdout
        report = json.loads(said)
        expect("error" not in report, f"iperf3 {words}: {report.get('error')}; {said[-1000:]}")
        if "-u" in words:
            total = report["end"]["sum"]
            expect(total["packets"] - total["lost_packets"] > 1000, f"iperf3 {words}: {total}")
        else:
            expect(report["end"]["sum_received"]["bytes"] > 1 << 20, f"iperf3 {words}: {report['end']}")
        server.wait(10)
