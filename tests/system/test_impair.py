"""Impairment by match: one flow suffers, another one does not."""
import json
import os
import time

from toynettest import (KERNEL, Lab, Sock, command, expect, expect_equal, kernel_listener, program, read_into, receive_stream,
                        send_stream, test, writer)

MIB = 1 << 20
BAD, GOOD = 5801, 5802


def sink(child, port):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        with connection:
            return receive_stream(read_into(connection.fileno()))


def rules(daemon):
    return json.loads(daemon.ctl("impair", "--json").stdout)["rules"]


def source(child, port, size):
    """Sends size bytes; returns their SHA-256, and how often a segment went out again."""
    with Sock() as s:
        s.connect((KERNEL, port))
        digest = send_stream(writer(s.fileno()), size, port)
        inode = os.fstat(s.fd).st_ino
        child.tell(inode)
        child.ask(60)
        return digest


def transfer_both(lab, daemon, size):
    """Two transfers at a time; returns the segments that each of them sent again."""
    sinks, sources, again = {}, {}, {}
    for port in (BAD, GOOD):
        sinks[port] = lab.kernel(sink, port)
        sinks[port].ask()
    for port in (BAD, GOOD):
        sources[port] = lab.client(source, port, size)
    for port in (BAD, GOOD):
        inode = sources[port].ask(120)
        row = [r for r in daemon.sockets() if r["inode"] == inode][0]
        deadline = time.monotonic() + 60
        while daemon.control_block(row["id"])["tcp"]["bytes_acked"] < size:
            expect(time.monotonic() < deadline, f"port {port}: not everything is acknowledged")
            time.sleep(0.05)
        again[port] = daemon.control_block(row["id"])["tcp"]["segments_retransmitted"]
    for port in (BAD, GOOD):
        sources[port].tell()
        digest = sources[port].wait(20)
        expect_equal(sinks[port].wait(20), (size, digest), f"bytes and SHA-256 behind port {port}")
    return again


@test(180)
def loss_for_one_port():
    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("seed", "11")
        daemon.ctl("impair", "add", "out", "proto", "tcp", "dport", str(BAD), "loss", "2%")
        again = transfer_both(lab, daemon, 16 * MIB)
        expect(again[BAD] > 20, f"segments sent again to the port with loss: {again[BAD]}")
        expect_equal(again[GOOD], 0, "segments sent again to the other port")
        rule = rules(daemon)[0]
        expect(rule["lost"] > 20 and rule["frames"] > 50 * rule["lost"] // 2, f"what the rule did: {rule}")
        expect_equal(daemon.stats()["ImpairLost"], rule["lost"], "ImpairLost")
        frames = rule["frames"]
        daemon.ctl("impair", "delete", str(rule["id"]))
        expect_equal(rules(daemon), [], "rules after delete")
        transfer_both(lab, daemon, MIB)
        expect_equal(daemon.stats()["ImpairLost"], rule["lost"], "ImpairLost afterwards")
        expect(frames > 1000, f"frames that the rule took: {frames}; super-frames are off")


@test(60)
def one_socket_is_cut_off():
    def accept_two(child):
        with kernel_listener(GOOD) as listener:
            child.tell()
            connections = [listener.accept()[0] for _ in range(2)]
            for connection in connections:
                connection.setblocking(True)
            child.tell()
            return [connection.recv(1) for connection in reversed(connections[1:])]

    with Lab() as lab:
        daemon = lab.start()
        peer = lab.kernel(accept_two)
        peer.ask()
        with Sock() as first, Sock() as second:
            first.connect((KERNEL, GOOD))
            second.connect((KERNEL, GOOD))
            peer.ask()
            number = [r["id"] for r in daemon.sockets() if r["inode"] == os.fstat(first.fd).st_ino][0]
            daemon.ctl("impair", "add", "both", "socket", str(number), "loss", "100%")
            first.sendall(b"x")
            second.sendall(b"y")
            expect_equal(peer.wait(10), [b"y"], "what the other socket's peer got")
            expect_equal(daemon.control_block(number)["tcp"]["bytes_acked"], 0, "bytes acknowledged on the socket that is cut off")
            daemon.impair("off")
            expect_equal(rules(daemon), [], "rules after off")


@test()
def rules_on_the_command_line():
    with Lab() as lab:
        daemon = lab.start()
        added = json.loads(daemon.ctl("impair", "add", "both", "src", "10.9.0.0/16", "sport", "7", "delay", "5ms", "loss", "1%",
                                      "--json").stdout)["rules"]
        expect_equal([(r["id"], r["direction"]) for r in added], [(1, "in"), (2, "out")], "rules added")
        daemon.ctl("impair", "add", "in", "proto", "icmp")
        text = daemon.ctl("impair", "list").stdout
        for words in ("src 10.9.0.0/16 sport 7", "loss 1% delay 5ms", "proto icmp", "none"):
            expect(words in text, f"'{words}' in:\n{text}")
        expect_equal([r["id"] for r in rules(daemon)], [1, 3, 2], "rules by direction, in order")
        expect_equal((rules(daemon)[0]["source"], rules(daemon)[0]["delay_us"]), ("10.9.0.0/16", 5000), "a rule in JSON")

        def status(*words):
            return command(program("cli/toynetctl"), "--socket", daemon.socket, "impair", *words, check=False).returncode

        expect_equal(status("delete", "2"), 0, "delete a rule")
        expect_equal(status("delete", "2"), 1, "delete it again")
        expect_equal(status("delete"), 2, "delete nothing")
        expect_equal(status("add"), 2, "no direction")
        expect_equal(status("add", "in", "port", "x"), 2, "a port that is none")
        expect_equal(status("add", "in", "loss"), 2, "a setting without operand")
        expect_equal(status("add", "in", "host", "nobody"), 1, "an address that is none")
        expect_equal(status("delete", "all"), 0, "delete all")
        expect_equal(rules(daemon), [], "rules after all")
