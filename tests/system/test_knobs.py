"""Options of one connection and of the whole stack: TCP_INFO, corks, congestion control, SOL_TOYNET, toynetctl config."""
import ctypes
import errno
import json
import os
import socket
import struct
import time

import toynettest
from toynettest import (KERNEL, NOBODY, TOYNET, Lab, Sock, command, expect, expect_equal, expect_error, kernel_listener,
                        kernel_socket, program, read_all, test, wait_until)

SOL_TCP = socket.IPPROTO_TCP
TCP_CONGESTION = 13
SOL_TOYNET = 0x746e
TIMESTAMPS, SACK, WINDOW_SCALING, ECN, INITIAL_WINDOW, DELACK, TIME_WAIT = range(1, 8)
OPT_TIMESTAMPS, OPT_SACK, OPT_WSCALE, OPT_ECN = 1, 2, 4, 8

# struct tcp_info of <linux/tcp.h> up to tcpi_snd_wnd.
INFO_NAMES = """state ca_state retransmits probes backoff options wscale flags rto ato snd_mss rcv_mss unacked sacked lost
    retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh
    snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received
    segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited
    delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd""".split()
INFO = struct.Struct("=8B24I4Q6I4Q2I2Q4I")


def raw_option(s, level, name, room):
    raw = ctypes.create_string_buffer(room)
    size = ctypes.c_uint32(room)
    toynettest._check(toynettest.lib().toynet_getsockopt(s.fd, level, name, raw, ctypes.byref(size)))
    return raw.raw[:size.value]


def info(s):
    return dict(zip(INFO_NAMES, INFO.unpack(raw_option(s, SOL_TCP, socket.TCP_INFO, 512)[:INFO.size])))


def kernel_info(s):
    return dict(zip(INFO_NAMES, INFO.unpack(s.getsockopt(SOL_TCP, socket.TCP_INFO, INFO.size))))


def congestion(s):
    return raw_option(s, SOL_TCP, TCP_CONGESTION, 16).rstrip(b"\0")


def kernel_server(child, port):
    """Accepts one connection; for each word, does it and tells the result with TCP_INFO."""
    with open("/proc/sys/net/ipv4/tcp_ecn", "w") as f:
        f.write("2")  # agreed to when it is asked for; of this namespace
    with kernel_listener(port) as listener:
        child.tell()
        s = listener.accept()[0]
        with s:
            while (word := child.ask()) is not None:
                verb, size = word
                if verb == "read":
                    left = size
                    while left:
                        left -= len(s.recv(min(left, 1 << 18)))
                elif verb == "write":
                    s.sendall(bytes(size))
                child.tell((time.monotonic(), kernel_info(s)))


def ask(server, verb, size=0):
    server.tell((verb, size))
    return server.ask()


def row_id(daemon, s):
    cookie = s.cookie()
    return next(r["id"] for r in daemon.sockets() if r["cookie"] == cookie)


@test()
def tcp_info_is_true():
    size = 3_000_000
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(kernel_server, 5800)
        server.ask()
        with Sock().connect((KERNEL, 5800)) as s:
            expect_equal(len(raw_option(s, SOL_TCP, socket.TCP_INFO, 512)), INFO.size, "length of struct tcp_info")
            expect_equal(len(raw_option(s, SOL_TCP, socket.TCP_INFO, 104)), 104, "cut to the room of an old program")
            expect_equal(raw_option(s, SOL_TCP, socket.TCP_INFO, 1), b"\x01", "one byte: TCP_ESTABLISHED")
            with expect_error(errno.ENOPROTOOPT, "setting TCP_INFO"):
                s.setsockopt(SOL_TCP, socket.TCP_INFO, 1)
            server.tell(("read", size))
            s.sendall(bytes(size))
            kernel = server.ask()[1]
            wait_until(lambda: info(s)["bytes_acked"] == size, 5, "all is acknowledged")
            mine = info(s)
            kernel = ask(server, "write", 100_000)[1]
            expect_equal(len(s.recv(100_000, socket.MSG_WAITALL)), 100_000, "bytes received")
            wait_until(lambda: info(s)["bytes_received"] == 100_000, 5, "bytes_received")
            mine = info(s)
            expect_equal((mine["state"], mine["ca_state"], mine["retransmits"], mine["unacked"]), (1, 0, 0, 0), "at rest")
            expect_equal(mine["options"] & 7, OPT_TIMESTAMPS | OPT_SACK | OPT_WSCALE, "options in force")
            expect_equal((mine["wscale"] & 15, mine["wscale"] >> 4), (kernel["wscale"] >> 4, kernel["wscale"] & 15),
                         "window scales, the kernel's the other way round")
            expect_equal(mine["bytes_sent"] - mine["bytes_retrans"], size, "bytes sent, but for retransmissions")
            expect_equal(kernel["bytes_received"], size, "what the kernel received")
            expect_equal((mine["snd_mss"], mine["advmss"], mine["pmtu"]), (1448, 1460, 1500), "sizes of segments")
            expect(mine["data_segs_out"] >= size // 1448, "data_segs_out")
            # The kernel counts a super-frame that it gets from a TAP once.
            expect(0 < kernel["data_segs_in"] <= mine["data_segs_out"], "data segments in the kernel's count")
            expect_equal(mine["data_segs_in"], kernel["data_segs_out"], "data segments the other way")
            expect(mine["delivered"] >= size // 1448, "delivered")
            expect(0 < mine["min_rtt"] <= mine["rtt"] < 1_000_000 and mine["rto"] >= mine["rtt"], f"times: {mine}")
            expect(mine["delivery_rate"] > 1_000_000, f"delivery rate {mine['delivery_rate']}")
            expect(0 < mine["busy_time"] < 60_000_000, f"busy for {mine['busy_time']} us")
            expect(mine["snd_cwnd"] >= 10 and mine["snd_wnd"] > 0, "windows")
            # toynetctl tells the same.
            block = daemon.control_block(row_id(daemon, s))
            for name in ("bytes_sent", "snd_mss", "data_segs_out", "delivered", "min_rtt", "snd_wscale", "total_retrans"):
                if name in mine:
                    expect_equal(block["tcp_info"][name], mine[name], f"toynetctl's {name}")
            expect_equal((block["tcp_info"]["ca_state"], block["options"]["congestion_control"]), ("open", "cubic"),
                         "toynetctl's names")
            expect("delivery_rate" in daemon.ctl("socket", str(row_id(daemon, s))).stdout, "the text has them, too")
            time.sleep(0.3)
            expect(290 <= info(s)["last_data_sent"] < 60_000, f"last_data_sent: {info(s)['last_data_sent']} ms")
            server.tell(None)
            server.wait()
        with Sock() as listener:
            listener.bind((TOYNET, 5801)).listen(9)
            mine = info(listener)
            expect_equal((mine["state"], mine["unacked"], mine["sacked"]), (10, 0, 9), "TCP_INFO of a listener")


@test()
def tcp_info_of_a_bad_line():
    """Loss shows in the figures, and the peer's counts agree."""
    size = 2_000_000
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(kernel_server, 5802)
        server.ask()
        daemon.impair("out", "loss", "2%", "delay", "5ms")
        with Sock().connect((KERNEL, 5802)) as s:
            server.tell(("read", size))
            s.sendall(bytes(size))
            kernel = server.ask(60)[1]
            wait_until(lambda: info(s)["bytes_acked"] == size, 20, "all is acknowledged")
            mine = info(s)
            expect(mine["total_retrans"] > 0 and mine["bytes_retrans"] > 0, f"retransmissions: {mine}")
            expect_equal(mine["bytes_sent"] - mine["bytes_retrans"], size, "bytes sent, but for retransmissions")
            expect(mine["min_rtt"] >= 5000, f"the smallest round trip is not below the delay: {mine['min_rtt']} us")
            expect(mine["snd_ssthresh"] < 0x7fffffff, "ssthresh was set")
            expect(kernel["rcv_ooopack"] > 0, "the kernel saw what came out of order")
            server.tell(None)
            server.wait()


@test()
def congestion_control_by_name():
    with Lab() as lab:
        lab.start()
        server = lab.kernel(kernel_server, 5803)
        server.ask()
        with Sock() as s:
            expect_equal(congestion(s), b"cubic", "the default")
            with expect_error(errno.ENOENT, "an algorithm that is not there"):
                s.setsockopt(SOL_TCP, TCP_CONGESTION, b"bbr")
            s.setsockopt(SOL_TCP, TCP_CONGESTION, b"reno")
            s.connect((KERNEL, 5803))
            expect_equal(congestion(s), b"reno", "of the connection")
            server.tell(("read", 2_000_000))
            s.sendall(bytes(1_000_000))
            s.setsockopt(SOL_TCP, TCP_CONGESTION, b"cubic\0")
            s.sendall(bytes(1_000_000))
            server.ask()
            expect_equal(congestion(s), b"cubic", "changed under way")
            server.tell(None)
            server.wait()

        def connect(_):
            with kernel_socket() as k:
                k.connect((TOYNET, 5804))
                return k.recv(1)

        with Sock() as listener:
            listener.setsockopt(SOL_TCP, TCP_CONGESTION, b"reno")
            listener.bind((TOYNET, 5804)).listen()
            client = lab.kernel(connect)
            with listener.accept()[0] as s:
                expect_equal(congestion(s), b"reno", "the child has its listener's")
            client.wait()


@test()
def cork_and_nodelay():
    with Lab() as lab:
        lab.start()
        server = lab.kernel(kernel_server, 5805)
        server.ask()
        with Sock().connect((KERNEL, 5805)) as s:
            s.setsockopt(SOL_TCP, socket.TCP_CORK, 1)
            expect_equal(s.getsockopt(SOL_TCP, socket.TCP_CORK), 1, "TCP_CORK")
            for _ in range(10):
                s.sendall(bytes(50))
                time.sleep(0.002)
            s.setsockopt(SOL_TCP, socket.TCP_CORK, 0)
            segments = ask(server, "read", 500)[1]["data_segs_in"]
            expect_equal(segments, 1, "segments of ten corked writes")
            # A cork leaks after 200 ms.
            s.setsockopt(SOL_TCP, socket.TCP_CORK, 1)
            began = time.monotonic()
            s.sendall(bytes(10))
            ended = ask(server, "read", 10)[0]
            expect(0.15 <= ended - began < 2, f"the cork held for {ended - began:.3f} s")
            # TCP_NODELAY pushes, though the cork stays.
            began = time.monotonic()
            s.sendall(bytes(10))
            s.setsockopt(SOL_TCP, socket.TCP_NODELAY, 1)
            ended = ask(server, "read", 10)[0]
            expect(ended - began < 0.15, f"TCP_NODELAY pushed after {ended - began:.3f} s")
            expect_equal(s.getsockopt(SOL_TCP, socket.TCP_CORK), 1, "the cork is still there")
            server.tell(None)
            server.wait()


@test()
def choices_of_one_socket():
    """What is switched off for a socket is missing at the peer; ECN is asked for."""
    rows = [
        ({}, OPT_TIMESTAMPS | OPT_SACK | OPT_WSCALE),
        ({TIMESTAMPS: 0}, OPT_SACK | OPT_WSCALE),
        ({SACK: 0, WINDOW_SCALING: 0}, OPT_TIMESTAMPS),
        ({ECN: 2}, OPT_TIMESTAMPS | OPT_SACK | OPT_WSCALE | OPT_ECN),
    ]
    with Lab() as lab:
        lab.start()
        for number, (choices, wanted) in enumerate(rows):
            server = lab.kernel(kernel_server, 5810 + number)
            server.ask()
            with Sock() as s:
                for name, value in choices.items():
                    s.setsockopt(SOL_TOYNET, name, value)
                s.connect((KERNEL, 5810 + number))
                s.sendall(b"x")
                kernel = ask(server, "read", 1)[1]
                expect_equal(kernel["options"] & 15, wanted, f"the peer's options with {choices}")
                expect_equal(info(s)["options"] & 15, wanted, f"our options with {choices}")
                with expect_error(errno.EISCONN, "too late"):
                    s.setsockopt(SOL_TOYNET, SACK, 1)
                server.tell(None)
                server.wait()
        with Sock() as s:
            for name, value in ((DELACK, 500), (TIME_WAIT, -1), (ECN, 3), (INITIAL_WINDOW, 0), (TIMESTAMPS, 2)):
                with expect_error(errno.EINVAL, f"option {name} = {value}"):
                    s.setsockopt(SOL_TOYNET, name, value)
            with expect_error(errno.ENOPROTOOPT, "an option that toynet lacks"):
                s.setsockopt(SOL_TOYNET, 99, 1)
            s.setsockopt(SOL_TOYNET, DELACK, 7)
            expect_equal(s.getsockopt(SOL_TOYNET, DELACK), 7, "delayed ACK")


@test()
def time_wait_and_initial_window_of_one_socket():
    with Lab() as lab:
        daemon = lab.start()
        server = lab.kernel(kernel_server, 5820)
        server.ask()
        s = Sock()
        s.setsockopt(SOL_TOYNET, TIME_WAIT, 300)
        s.setsockopt(SOL_TOYNET, INITIAL_WINDOW, 2)
        s.connect((KERNEL, 5820))
        expect_equal(info(s)["snd_cwnd"], 2, "the initial window")
        options = daemon.control_block(row_id(daemon, s))["options"]
        expect_equal((options["time_wait_us"], options["initial_window"]), (300_000, 2), "toynetctl's options")
        s.close()
        server.tell(None)
        server.wait()
        wait_until(lambda: [r["state"] for r in daemon.sockets()] == ["TIME-WAIT"], 3, "TIME-WAIT")
        began = time.monotonic()
        wait_until(lambda: not daemon.sockets(), 5, "the end of TIME-WAIT")
        expect(time.monotonic() - began < 3, "TIME-WAIT was as short as was asked for")


@test()
def configuration_at_run_time():
    def refused(_, toynetctl, path):
        done = command(toynetctl, "--socket", path, "config", "tcp.sack=no", check=False)
        shown = command(toynetctl, "--socket", path, "config", "--json")
        return done.returncode, done.stderr, len(json.loads(shown.stdout)["config"])

    def value(daemon, key):
        return json.loads(daemon.ctl("config", key, "--json").stdout)["config"][0]["value"]

    with Lab() as lab:
        daemon = lab.start()
        old = Sock()
        expect_equal(value(daemon, "tcp.sack"), "yes", "tcp.sack")
        expect_equal(value(daemon, "address"), f"{TOYNET}/24", "a key without its section")
        daemon.ctl("config", "tcp.sack=no", "delack=15ms", "tcp.congestion-control=reno")
        expect_equal((value(daemon, "tcp.sack"), value(daemon, "tcp.delack")), ("no", "15ms"), "changed")
        with Sock() as s:
            expect_equal((s.getsockopt(SOL_TOYNET, SACK), s.getsockopt(SOL_TOYNET, DELACK), congestion(s)),
                         (0, 15, b"reno"), "a new socket")
        expect_equal((old.getsockopt(SOL_TOYNET, SACK), congestion(old)), (1, b"cubic"), "a socket from before")
        old.close()
        # All or none.
        for bad in ("tcp.sack=maybe", "tcp.nonsense=1", "stack.address=10.0.0.9/24", "tcp.max-segment=3", "rto-min=40s"):
            words = ["tcp.timestamps=no", bad] + (["tcp.rto-max=30s"] if bad.startswith("rto") else [])
            done = daemon.ctl("config", *words, check=False)
            expect_equal(done.returncode, 1, f"exit status of {bad}: {done.stderr}")
            expect(bad.split("=")[0].split(".")[-1] in done.stderr, f"the message names the key: {done.stderr}")
        expect_equal(value(daemon, "tcp.timestamps"), "yes", "nothing of what was refused")
        expect_equal(daemon.ctl("config", "tcp.nonsense", check=False).returncode, 1, "a key that is not there")
        expect_equal(daemon.ctl("config", "tcp.sack", "ecn=on", check=False).returncode, 2, "with a value and without")
        # Everybody may look; only administrators change.
        os.chmod(daemon.socket, 0o666)
        code, text, keys = lab.client(refused, lab.copy_for_everyone(program("cli/toynetctl")), daemon.socket,
                                      uid=NOBODY).wait()
        expect_equal(code, 1, "exit status for a user")
        expect("EACCES" in text or "ERMISSION" in text or "allowed" in text, f"the refusal: {text}")
        expect(keys > 40, f"keys that a user sees: {keys}")
        expect_equal(value(daemon, "tcp.sack"), "no", "unchanged by the user")
