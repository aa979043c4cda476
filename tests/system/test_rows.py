"""toynetctl: the rows, the holders, the control block, the exit statuses."""
import json
import os
import re
import socket
import subprocess

from toynettest import (KERNEL, TOYNET, Lab, Sock, command, die_with_parent, expect, expect_equal,
                        kernel_listener, program, test, wait_until)


def row_of(daemon, sock):
    inode = os.fstat(sock.fd).st_ino
    rows = [r for r in daemon.sockets() if r["inode"] == inode]
    expect_equal(len(rows), 1, f"rows of inode {inode}")
    return rows[0]


def holders(row):
    return sorted((h["pid"], h["fd"]) for h in row["holders"])


def hold(child):
    child.tell()
    child.ask(60)


def accept_and_hold(child, port):
    with kernel_listener(port) as listener:
        child.tell()
        connections = []
        while True:
            connections.append(listener.accept())


@test()
def fresh_socket_shows():
    with Lab() as lab:
        daemon = lab.start()
        for kind, name in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
            with Sock(kind) as s:
                row = row_of(daemon, s)
                expect_equal((row["protocol"], row["state"], row["ss_state"]), (name, "CLOSED", "UNCONN"), "a fresh row")
                expect_equal((row["recv_q"], row["send_q"], row["peer"]["port"]), (0, 0, 0), "its queues and peer")
                expect_equal((row["owned"], row["uid"], row["creator_pid"]), (True, 0, os.getpid()), "its owner")
                expect_equal(holders(row), [(os.getpid(), s.fd)], "its holders")
                expect_equal(row["cookie"], s.cookie(), "its cookie")
            wait_until(lambda: daemon.sockets() == [], 1, "the row goes when the socket is closed")


@test()
def text_looks_like_ss():
    with Lab() as lab:
        daemon = lab.start()
        lab.kernel(accept_and_hold, 5700).ask()
        with Sock() as s, Sock() as listener:
            s.connect((KERNEL, 5700))
            listener.bind(("0.0.0.0", 5701)).listen(7)
            lines = daemon.ctl("sockets").stdout.splitlines()
            expect(re.match(r"Netid +State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port +Id +Process$", lines[0]),
                   f"the titles: {lines[0]}")
            pid = os.getpid()
            port = s.getsockname()[1]
            expect(any(re.match(rf'tcp +ESTAB +0 +0 +{re.escape(TOYNET)}:{port} +{re.escape(KERNEL)}:5700 +\d+ +'
                                rf'users:\(\("[^"]+",pid={pid},fd={s.fd}\)\)$', line) for line in lines), "\n".join(lines))
            expect(any(re.match(r'tcp +LISTEN +0 +7 +0\.0\.0\.0:5701 +0\.0\.0\.0:\* +\d+ +users:', line) for line in lines),
                   "\n".join(lines))
            listening = daemon.ctl("sockets", "-l", "-H").stdout.splitlines()
            expect_equal(len(listening), 1, "rows of sockets -l -H")
            expect_equal(daemon.ctl("sockets", "-u", "-H").stdout, "", "rows of sockets -u -H")


@test()
def holders_after_dup_fork_and_exec():
    with Lab() as lab:
        daemon = lab.start()
        s = Sock()
        me = os.getpid()
        copy = os.dup(s.fd)
        expect_equal(holders(row_of(daemon, s)), sorted([(me, s.fd), (me, copy)]), "holders after dup")
        child = lab.client(hold)
        child.ask()
        expect_equal(holders(row_of(daemon, s)), sorted([(me, s.fd), (me, copy), (child.pid, s.fd), (child.pid, copy)]),
                     "holders after fork")
        child.kill()
        os.set_inheritable(copy, True)
        sleeper = subprocess.Popen(["sleep", "60"], close_fds=False, pass_fds=(copy,), preexec_fn=die_with_parent)
        try:
            wait_until(lambda: any(h["pid"] == sleeper.pid and h["name"] == "sleep" and h["fd"] == copy
                                   for h in row_of(daemon, s)["holders"]), 5, "the program after exec is a holder by its name")
            # The last holder is another program than the one that opened the socket.
            number = row_of(daemon, s)["id"]
            s.close()
            os.close(copy)
            row = [r for r in daemon.sockets() if r["id"] == number][0]
            expect_equal((holders(row), row["owned"]), ([(sleeper.pid, copy)], True), "the last holder")
        finally:
            sleeper.kill()
            sleeper.wait()
        wait_until(lambda: daemon.sockets() == [], 1, "the row goes with its last holder")


@test()
def names_are_sanitised():
    def rename(child):
        with open("/proc/self/comm", "w") as f:
            f.write('a"b\\\x1b[1m')
        with Sock():
            child.tell()
            child.ask()

    with Lab() as lab:
        daemon = lab.start()
        child = lab.client(rename)
        child.ask()
        expect_equal(daemon.sockets()[0]["holders"][0]["name"], "a?b??[1m", "a hostile process name")
        child.tell()
        child.wait()


@test()
def control_block():
    with Lab() as lab:
        daemon = lab.start()
        lab.kernel(accept_and_hold, 5700).ask()
        with Sock() as s:
            s.connect((KERNEL, 5700))
            s.sendall(b"twelve bytes")
            wait_until(lambda: row_of(daemon, s)["send_q"] == 0, 5, "the bytes are acknowledged")
            number = row_of(daemon, s)["id"]
            block = daemon.control_block(number)
            tcp = block["tcp"]
            expect_equal((tcp["snd_una"] - tcp["iss"]) % 2**32, 13, "SND.UNA - ISS after 12 bytes and the SYN")
            expect_equal(tcp["snd_nxt"], tcp["snd_una"], "SND.NXT")
            expect_equal((tcp["rcv_nxt"] - tcp["irs"]) % 2**32, 1, "RCV.NXT - IRS after the SYN")
            expect_equal(tcp["bytes_acked"], 12, "bytes acked")
            expect(tcp["snd_mss"] in (1448, 1460), f"effective MSS {tcp['snd_mss']}")
            expect(tcp["rto_us"] >= 200000 and tcp["srtt_us"] > 0, f"RTO {tcp['rto_us']}, SRTT {tcp['srtt_us']}")
            expect(0 <= block["socket"]["since_send_us"] < 10_000_000, f"time since the last send {block['socket']}")
            text = daemon.ctl("socket", str(number)).stdout
            for name in ("SND.UNA", "SND.NXT", "SND.WND", "RCV.NXT", "RCV.WND", "ISS", "IRS", "cwnd", "ssthresh", "SRTT",
                         "RTTVAR", "RTO", "since last send"):
                expect(name in text, f"toynetctl socket does not show {name}")
            # A byte that is not acknowledged has a retransmission timer.
            daemon.impair("out", "loss", "100%")
            s.sendall(b"x")
            timers = wait_until(lambda: daemon.control_block(number)["timers"], 5, "a timer runs")
            expect(any(0 < t["expires_us"] <= 10_000_000 for t in timers), f"what is left of the timers: {timers}")
            daemon.impair("off")


@test()
def only_your_own_sockets():
    def list_as_nobody(_, toynetctl, path):
        result = command(toynetctl, "--socket", path, "sockets", "--json")
        return [r["uid"] for r in json.loads(result.stdout)["sockets"]]

    def hold_as_nobody(child):
        with Sock():
            child.tell()
            child.ask()

    with Lab() as lab:
        daemon = lab.start(socket_mode="0666")
        with Sock():
            nobody = lab.client(hold_as_nobody, uid=65534)
            nobody.ask()
            toynetctl = lab.copy_for_everyone(program("cli/toynetctl", "release"))
            expect_equal(lab.client(list_as_nobody, toynetctl, daemon.socket, uid=65534).wait(), [65534],
                         "uids that nobody sees")
            expect_equal(sorted(r["uid"] for r in daemon.sockets()), [0, 65534], "uids that root sees")
            nobody.tell()
            nobody.wait()


@test()
def exit_statuses():
    with Lab() as lab:
        daemon = lab.start()

        def status(*argv):
            result = daemon.ctl(*argv, check=False)
            lines = result.stderr.strip().splitlines()
            expect(result.returncode == 0 or 1 <= len(lines) <= 2, f"{argv}: {result.stderr}")
            return result.returncode

        expect_equal(status("info"), 0, "toynetctl info")
        expect_equal(status("socket", "12345"), 1, "a socket that does not exist")
        expect_equal(status("socket", "x"), 2, "an Id that is none")
        expect_equal(status("frobnicate"), 2, "a verb that is none")
        expect_equal(status("impair", "both", "loss", "200%"), 2, "a loss of 200 %")
        expect_equal(command(program("cli/toynetctl"), "--socket", "/nonexistent", "info", check=False).returncode, 3,
                     "no daemon")
        for verb in ("sockets", "socket", "stats", "impair", "info", "version"):
            expect("Usage:" in daemon.ctl(verb, "--help").stdout, f"{verb} --help")


@test()
def impairment_needs_privilege():
    def change(_, toynetctl, path):
        return command(toynetctl, "--socket", path, "impair", "both", "loss", "50%", check=False).returncode

    with Lab() as lab:
        daemon = lab.start(socket_mode="0666")
        toynetctl = lab.copy_for_everyone(program("cli/toynetctl", "release"))
        expect_equal(lab.client(change, toynetctl, daemon.socket, uid=65534).wait(), 1, "exit status for nobody")
        settings = json.loads(daemon.ctl("impair", "--json").stdout)["impairment"]
        expect(all(line["loss_ppm"] == 0 for line in settings), f"the refused change is in force: {settings}")
        daemon.impair("in", "loss", "3%", "delay", "5ms", "out", "rate", "10Mbit")
        settings = {line["direction"]: line for line in json.loads(daemon.ctl("impair", "--json").stdout)["impairment"]}
        expect_equal((settings["in"]["loss_ppm"], settings["in"]["delay_us"], settings["out"]["rate_bps"]),
                     (30000, 5000, 10_000_000), "the settings in force")
