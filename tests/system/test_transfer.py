"""Streams of many bytes, both ways, whole and in order; also over a line that loses, reorders and duplicates."""
import os
import socket

import toynettest
from toynettest import (KERNEL, TOYNET, Lab, Sock, expect_equal, kernel_listener, kernel_socket, read_into,
                        receive_stream, send_stream, test, wait_until, writer)

GIB = 1 << 30
MIB = 1 << 20
PORT = 5001


def kernel_sink(child, port):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        with connection:
            return receive_stream(connection.recv_into)


def kernel_source(child, port, size, seed):
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        with connection:
            digest = send_stream(connection.send, size, seed)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)  # until the other side has closed
            return digest


def toynet_source(_, port, size, seed):
    with Sock() as s:
        s.connect((KERNEL, port))
        digest = send_stream(writer(s.fd), size, seed)
        s.shutdown(socket.SHUT_WR)
        os.read(s.fd, 1)
        return digest


def toynet_sink(_, port):
    with Sock() as s:
        s.connect((KERNEL, port))
        return receive_stream(read_into(s.fd))


def toynet_listening_sink(child, port):
    with Sock() as s:
        s.bind((TOYNET, port)).listen()
        child.tell()
        connection, _ = s.accept()
        with connection:
            return receive_stream(read_into(connection.fd))


def kernel_connecting_source(_, port, size, seed):
    with kernel_socket() as s:
        s.connect((TOYNET, port))
        digest = send_stream(s.send, size, seed)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
        return digest


def up(lab, size, seed=1, timeout=300):
    """A libtoynet program sends to a kernel program."""
    sink = lab.kernel(kernel_sink, PORT)
    sink.ask()
    source = lab.client(toynet_source, PORT, size, seed)
    digest = source.wait(timeout)
    expect_equal(sink.wait(30), (size, digest), "bytes and SHA-256 at the kernel program")


def down(lab, size, seed=2, timeout=300):
    """A kernel program sends to a libtoynet program."""
    source = lab.kernel(kernel_source, PORT + 1, size, seed)
    source.ask()
    sink = lab.client(toynet_sink, PORT + 1)
    got = sink.wait(timeout)
    expect_equal(got, (size, source.wait(30)), "bytes and SHA-256 at the libtoynet program")


@test(120)
def one_gibibyte_up():
    with Lab() as lab:
        lab.start("release")
        up(lab, GIB)


@test(120)
def one_gibibyte_down():
    with Lab() as lab:
        lab.start("release")
        down(lab, GIB)


@test(120)
def both_ways_under_sanitizers():
    with Lab() as lab:
        lab.start("debug")
        size = GIB if toynettest.FULL else 64 * MIB
        up(lab, size)
        down(lab, size)


@test(120)
def into_a_listener():
    with Lab() as lab:
        lab.start("debug")
        sink = lab.client(toynet_listening_sink, PORT)
        sink.ask()
        source = lab.kernel(kernel_connecting_source, PORT, 32 * MIB, 3)
        digest = source.wait(100)
        expect_equal(sink.wait(30), (32 * MIB, digest), "bytes and SHA-256 behind the listener")


@test(120)
def without_offload_and_with_a_small_mtu():
    with Lab() as lab:
        lab.start("debug", mtu=576)
        up(lab, 8 * MIB)
        down(lab, 8 * MIB)
        for feature in ("tx", "tso", "gso", "gro", "sg"):
            toynettest.command("ip", "netns", "exec", lab.netns, "ethtool", "-K", "tap0", feature, "off", check=False)
        up(lab, 8 * MIB)
        down(lab, 8 * MIB)


def impaired(size, transfer, build):
    with Lab() as lab:
        daemon = lab.start(build)
        daemon.impair("seed", "7", "both", "loss", "2%", "reorder", "1%", "2ms", "duplicate", "1%")
        before = daemon.stats()
        transfer(lab, size, timeout=900)
        wait_until(lambda: daemon.stats()["LinkInFrames"] > before["LinkInFrames"], 1, "frames were counted")
        daemon.impair("off")
        transfer(lab, MIB)


@test(1000)
def impaired_up():
    impaired(GIB if toynettest.FULL else 256 * MIB, up, "release")


@test(1000)
def impaired_down():
    impaired(GIB if toynettest.FULL else 256 * MIB, down, "release")


@test(200)
def impaired_under_sanitizers():
    impaired(16 * MIB, up, "debug")
    impaired(16 * MIB, down, "debug")


@test(120)
def corrupted_frames_do_no_harm():
    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("seed", "5", "both", "corrupt", "1%")
        up(lab, 8 * MIB)
        down(lab, 8 * MIB)


@test(120)
def many_streams_at_once():
    with Lab() as lab:
        lab.start()
        sinks = [lab.kernel(kernel_sink, PORT + 10 + i) for i in range(8)]
        for sink in sinks:
            sink.ask()
        sources = [lab.client(toynet_source, PORT + 10 + i, 4 * MIB, i) for i in range(8)]
        for source, sink in zip(sources, sinks):
            expect_equal(sink.wait(60), (4 * MIB, source.wait(60)), "bytes and SHA-256")
