"""The control plane, as a stock gRPC client sees it."""
import errno
import os
import subprocess
import time

import stubs
from toynettest import (KERNEL, TOYNET, Lab, Sock, expect, expect_equal, test, wait_until)


def in_client(lab, function):
    """function(grpc, pb, channel) in a child that has nothing of toynet but the .proto."""
    def body(_):
        grpc, pb = stubs.load(lab.dir)
        with grpc.insecure_channel(f"unix:{lab.daemon.socket}") as channel:
            return function(grpc, pb, channel)

    return lab.client(body, name=function.__name__).wait()


@test()
def stock_client_lists_the_sockets():
    def listing(_, pb, channel):
        return [(r.id, r.protocol, r.state, r.local.port) for r in
                stubs.call(channel, pb, "Sockets", "List")(pb.ListRequest(), timeout=10)]

    with Lab() as lab:
        lab.start()
        with Sock() as fresh, Sock() as listener:
            listener.bind((TOYNET, 6000)).listen()
            rows = in_client(lab, listing)
            expect_equal([(p, s, port) for _, p, s, port in rows], [(1, 1, 0), (1, 2, 6000)], "(protocol, state, port)")
            expect_equal(rows[0][0] < rows[1][0], True, "ids ascend")
            expect(fresh.fd != listener.fd, "two descriptors")


@test()
def stock_client_drives_a_socket():
    def drive(grpc, pb, channel):
        def call(method, request):
            return stubs.call(channel, pb, "Sockets", method)(request, timeout=10)

        s = call("Open", pb.OpenRequest(protocol=pb.PROTOCOL_TCP)).socket
        expect_equal(s.cookie, 0, "the cookie of a socket without descriptor")
        names = call("Bind", pb.BindRequest(socket=s, local=pb.Address(ip=TOYNET, port=6001)))
        expect_equal((names.local.ip, names.local.port), (TOYNET, 6001), "names after Bind")
        call("SetOption", pb.SetOptionRequest(socket=s, option=pb.TCP_NODELAY, value=pb.OptionValue(number=1)))
        got = call("GetOption", pb.GetOptionRequest(socket=s, option=pb.TCP_NODELAY)).value.number
        expect_equal(got, 1, "TCP_NODELAY")
        call("Listen", pb.ListenRequest(socket=s, backlog=5))
        expect_equal(call("Get", s).row.state, pb.STATE_LISTEN, "the state after Listen")
        other = call("Open", pb.OpenRequest(protocol=pb.PROTOCOL_TCP)).socket
        try:
            call("Connect", pb.ConnectRequest(socket=other, peer=pb.Address(ip=KERNEL, port=6099), wait=True))
            raise AssertionError("Connect to a closed port succeeded")
        except grpc.RpcError as error:
            numbers = {k: v for k, v in error.trailing_metadata()}
            expect_equal(numbers.get("toynet-errno"), str(errno.ECONNREFUSED), "toynet-errno")
            expect(error.details().startswith("ECONNREFUSED"), error.details())
        call("Close", pb.CloseRequest(socket=s))
        return [r.id for r in stubs.call(channel, pb, "Sockets", "List")(pb.ListRequest(), timeout=10)] == [other.id]

    with Lab() as lab:
        daemon = lab.start()
        expect(in_client(lab, drive), "Close removes the row")
        wait_until(lambda: daemon.sockets() == [], 2, "a socket without descriptor ends with its RPC connection")


@test()
def stock_client_captures():
    def capture(_, pb, channel):
        request = pb.CaptureRequest(count=4, snap_length=64, match=pb.FlowMatch(host=KERNEL, protocol=1))
        chunks = list(stubs.call(channel, pb, "Admin", "Capture")(request, timeout=20))
        expect_equal((chunks[-1].captured, chunks[-1].lost), (4, 0), "frames captured and lost")
        return b"".join(chunk.pcapng for chunk in chunks)

    with Lab() as lab:
        lab.start()
        ping = subprocess.Popen(["ip", "netns", "exec", lab.netns, "ping", "-q", "-i", "0.1", "-c", "100", TOYNET],
                                stdout=subprocess.DEVNULL)
        try:
            file = in_client(lab, capture)
        finally:
            ping.kill()
            ping.wait()
        expect_equal(file[:4], b"\x0a\x0d\x0d\x0a", "the magic number")
        expect_equal(file.count(b"\x45\x00\x00\x54"), 4, "IP headers of a ping")


@test()
def statuses_of_bad_calls():
    def calls(grpc, pb, channel):
        def code(path, data, timeout=10):
            try:
                channel.unary_unary(path)(data, timeout=timeout)
                return "OK"
            except grpc.RpcError as error:
                return error.code().name

        sockets = "/toynet.v1.Sockets/"
        return {
            "unknown method": code(sockets + "Frobnicate", b""),
            "unknown service": code("/nobody.v9.Home/Call", b""),
            "no such socket": code(sockets + "Get", pb.SocketRef(id=99999).SerializeToString()),
            "no reference": code(sockets + "Get", b""),
            "not a message": code(sockets + "Open", b"\xff\xff\xff\xff"),
            "unknown protocol": code(sockets + "Open", pb.OpenRequest(protocol=2000000).SerializeToString()),
            "oversized message": code(sockets + "Bind", bytes(100_000)),
            "very large message": code(sockets + "Bind", bytes(3_000_000)),
            "after all that": code("/toynet.v1.Admin/GetInfo", b""),
        }

    with Lab() as lab:
        daemon = lab.start()
        codes = in_client(lab, calls)
        expect_equal(codes["unknown method"], "UNIMPLEMENTED", "unknown method")
        expect_equal(codes["unknown service"], "UNIMPLEMENTED", "unknown service")
        expect_equal(codes["no such socket"], "NOT_FOUND", "no such socket")
        expect_equal(codes["oversized message"], "RESOURCE_EXHAUSTED", "oversized message")
        expect_equal(codes["very large message"], "RESOURCE_EXHAUSTED", "very large message")
        for what in ("no reference", "not a message", "unknown protocol"):
            expect(codes[what] not in ("OK", "UNKNOWN", "INTERNAL"), f"{what}: {codes[what]}")
        expect_equal(codes["after all that"], "OK", "a good call after the bad ones")
        expect_equal(daemon.sockets(), [], "rows")


@test()
def deadline_ends_a_connect():
    def connect(grpc, pb, channel):
        s = stubs.call(channel, pb, "Sockets", "Open")(pb.OpenRequest(protocol=pb.PROTOCOL_TCP), timeout=5).socket
        began = time.monotonic()
        try:
            stubs.call(channel, pb, "Sockets", "Connect")(
                pb.ConnectRequest(socket=s, peer=pb.Address(ip=KERNEL, port=6002), wait=True), timeout=0.5)
        except grpc.RpcError as error:
            return error.code().name, time.monotonic() - began
        return "OK", 0

    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("out", "loss", "100%")
        code, seconds = in_client(lab, connect)
        expect_equal(code, "DEADLINE_EXCEEDED", "Connect with a deadline")
        expect(seconds < 2, f"it took {seconds:.1f} s")
        wait_until(lambda: daemon.sockets() == [], 5, "the socket ends with its RPC connection")


@test()
def health_is_served():
    def check(_, __, channel):
        return channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5)

    with Lab() as lab:
        lab.start()
        expect_equal(in_client(lab, check), b"\x08\x01", "HealthCheckResponse SERVING")


@test()
def many_rows_in_one_list():
    """A long list is streamed, not bounded by what a client takes as one message."""
    def count(_, pb, channel):
        return sum(1 for _ in stubs.call(channel, pb, "Sockets", "List")(pb.ListRequest(), timeout=30))

    with Lab() as lab:
        daemon = lab.start()
        held = [Sock() for _ in range(900)]
        expect_equal(in_client(lab, count), 900, "rows in the list")
        expect_equal(len(daemon.sockets()), 900, "rows of toynetctl")
        for s in held:
            os.close(s.fd)
        wait_until(lambda: daemon.sockets() == [], 5, "all rows are gone")
