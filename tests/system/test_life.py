"""How sockets end: churn, killed clients, shutdown without close, other users."""
import contextlib
import errno
import os
import select
import signal
import socket
import time

import stubs
import toynettest
from toynettest import (KERNEL, NOBODY, TOYNET, Lab, Sock, expect, expect_equal, expect_error, kernel_listener,
                        read_all, test, wait_until)

AT_A_TIME = 200
PORT = 5800


def kernel_reader(child, port):
    """Accepts for ever, reads every connection until its end, closes it."""
    with kernel_listener(port, 1024) as listener:
        child.tell()
        epoll = select.epoll()
        epoll.register(listener.fileno(), select.EPOLLIN)
        connections = {}
        while True:
            for fd, _ in epoll.poll():
                if fd == listener.fileno():
                    connection, _ = listener.accept()
                    connections[connection.fileno()] = connection
                    epoll.register(connection.fileno(), select.EPOLLIN)
                    continue
                with contextlib.suppress(ConnectionResetError):
                    if connections[fd].recv(65536):
                        continue
                connections.pop(fd).close()


def churner(_, port, seconds, wait):
    """Opens AT_A_TIME connections without blocking, uses them, closes them all; again and again. Returns how many."""
    total = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        opened = []
        poller = select.poll()
        for _ in range(AT_A_TIME):
            s = Sock(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                s.connect((KERNEL, port))
            except BlockingIOError:
                pass
            poller.register(s.fd, select.POLLOUT)
            opened.append(s)
        by_fd = {s.fd: s for s in opened}
        waiting = set(by_fd)
        while waiting:
            ready = poller.poll(10000)
            expect(ready, f"{len(waiting)} connections are not established within 10 s")
            for fd, _ in ready:
                expect_equal(by_fd[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "SO_ERROR")
                by_fd[fd].send(b"x" * (fd % 7 + 1))
                poller.unregister(fd)
                waiting.discard(fd)
        if wait:
            time.sleep(wait)
        for number, s in enumerate(opened):
            if number % 3 == 0:
                s.shutdown(socket.SHUT_WR)
            s.close()
        total += len(opened)
    return total


@test(180)
def two_hundred_connections_in_a_loop():
    with Lab() as lab:
        daemon = lab.start(time_wait="2s", fin_wait_2="2s")
        lab.kernel(kernel_reader, PORT).ask()
        before = daemon.descriptors()
        churn = lab.client(churner, PORT, 60 if toynettest.FULL else 8, 0)
        total = churn.wait(120)
        expect(total >= 2 * AT_A_TIME, f"only {total} connections were opened")
        wait_until(lambda: not [r for r in daemon.sockets() if r["owned"] or r["holders"]], 1, "no row has an owner")
        wait_until(lambda: daemon.sockets() == [], 15, lambda: f"all rows are gone; left: {daemon.sockets()[:3]}", 0.2)
        wait_until(lambda: daemon.descriptors() <= before, 2,
                   lambda: f"the daemon is back at {before} descriptors; it has {daemon.descriptors()}")


@test()
def killed_client_with_a_hundred_sockets():
    """Half of the sockets hold unread bytes: their peers see a RST, the others a FIN."""
    count = 100

    def kernel_peers(child):
        connections = []
        with kernel_listener(PORT) as listener:
            child.tell()
            for _ in range(count):
                connection, _ = listener.accept()
                connection.settimeout(15)
                unread = connection.recv(1) == b"u"
                if unread:
                    connection.sendall(b"never read")
                connections.append((unread, connection))
            child.tell()
            child.ask()
            seen = []
            for unread, connection in connections:
                try:
                    seen.append((unread, "FIN" if connection.recv(1) == b"" else "data"))
                except ConnectionResetError:
                    seen.append((unread, "RST"))
            return seen

    def holder(child):
        held = []
        for number in range(count):
            s = Sock().connect((KERNEL, PORT))
            s.send(b"u" if number % 2 else b"r")
            held.append(s)
        for number in range(1, count, 2):
            expect(select.select([held[number].fd], [], [], 10)[0], "the bytes that will not be read arrive")
        child.tell()
        child.ask(120)

    with Lab() as lab:
        daemon = lab.start(time_wait="1s", fin_wait_2="1s")
        peers = lab.kernel(kernel_peers)
        peers.ask()
        before = daemon.descriptors()
        client = lab.client(holder)
        client.ask()
        peers.ask()
        expect_equal(len([r for r in daemon.sockets() if r["owned"]]), count, "rows with an owner before the kill")
        client.kill(signal.SIGKILL)
        wait_until(lambda: not [r for r in daemon.sockets() if r["owned"]], 1, "no row has an owner")
        peers.tell()
        seen = peers.wait()
        expect_equal({(u, s): seen.count((u, s)) for u, s in set(seen)}, {(True, "RST"): count // 2, (False, "FIN"): count // 2},
                     "what the peers of (unread bytes?, ...) saw")
        wait_until(lambda: daemon.sockets() == [], 10, "all rows are gone")
        wait_until(lambda: daemon.descriptors() <= before, 2, "the daemon's descriptors are closed")


def quiet(daemon, what):
    """Costs no CPU: next to nothing in two seconds."""
    time.sleep(0.3)
    before = daemon.cpu_seconds()
    time.sleep(2)
    used = daemon.cpu_seconds() - before
    expect(used <= 0.06, f"the daemon used {used:.2f} s of CPU in 2 s: {what}")


def peer_of_shutdown(child):
    with kernel_listener(PORT) as listener:
        child.tell()
        connection, _ = listener.accept()
        expect_equal(connection.recv(10), b"", "what the peer of shutdown(SHUT_RDWR) reads")
        child.tell()
        child.ask()
        connection.close()
        child.tell()
        child.ask()


def shutdown_is_not_close(shutdown):
    with Lab() as lab:
        daemon = lab.start(time_wait="1s", fin_wait_2="1s")
        peer = lab.kernel(peer_of_shutdown)
        peer.ask()
        s = Sock().connect((KERNEL, PORT))
        shutdown(s)
        peer.ask()

        def row(what):
            rows = daemon.sockets()
            expect_equal([(r["owned"], [(h["pid"], h["fd"]) for h in r["holders"]]) for r in rows],
                         [(True, [(os.getpid(), s.fd)])], f"(owned, holders) {what}")
            return rows[0]

        # The kernel may delay its acknowledgment of a FIN.
        wait_until(lambda: row("after shutdown")["state"] == "FIN-WAIT-2", 2, "the state after shutdown")
        quiet(daemon, "shutdown, our FIN acknowledged")
        peer.tell()
        peer.ask()
        wait_until(lambda: row("after the peer's close")["state"] == "CLOSED", 5, "TIME-WAIT ends")
        quiet(daemon, "shutdown, both sides closed")
        row("at the end")
        with expect_error(errno.EPIPE, "send after shutdown"):
            s.send(b"x")
        s.close()
        wait_until(lambda: daemon.sockets() == [], 1, "the row goes when the descriptor is closed")


@test()
def shutdown_is_not_close_by_the_library():
    shutdown_is_not_close(lambda s: s.shutdown(socket.SHUT_RDWR))


@test()
def shutdown_is_not_close_by_the_native_call():
    def native(s):
        with socket.socket(fileno=os.dup(s.fd)) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    shutdown_is_not_close(native)


@test()
def idle_connections_cost_nothing():
    with Lab() as lab:
        daemon = lab.start()
        lab.kernel(kernel_reader, PORT).ask()
        held = [Sock().connect((KERNEL, PORT)) for _ in range(50)]
        listener = Sock().bind((TOYNET, PORT)).listen()
        quiet(daemon, "50 idle connections and a listener")
        for s in held + [listener]:
            s.close()


def set_nodelay(_, s):
    expect_equal(os.getuid(), NOBODY, "the uid of the child")
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@test()
def possession_is_authority_after_setuid():
    with Lab() as lab:
        lab.start(socket_mode="0666")
        lab.kernel(kernel_reader, PORT).ask()
        with Sock() as s:
            s.connect((KERNEL, PORT))
            expect_equal(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0, "TCP_NODELAY before")
            expect_equal(lab.client(set_nodelay, s, uid=NOBODY).wait(), 1, "TCP_NODELAY in the child with another uid")
            expect_equal(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1, "TCP_NODELAY in the parent")


def guess(_, path, lab_dir, references):
    """A stranger tries every call that drives a socket, by id and by cookie; returns the statuses."""
    grpc, pb = stubs.load(lab_dir)
    channel = grpc.insecure_channel(f"unix:{path}")
    found = set()
    for reference in references:
        ref = pb.SocketRef(**reference)
        attempts = {
            "SetOption": pb.SetOptionRequest(socket=ref, option=pb.TCP_NODELAY, value=pb.OptionValue(number=1)),
            "GetOption": pb.GetOptionRequest(socket=ref, option=pb.TCP_NODELAY),
            "Shutdown": pb.ShutdownRequest(socket=ref, how=pb.HOW_BOTH),
            "Bind": pb.BindRequest(socket=ref, local=pb.Address(port=9)),
            "Listen": pb.ListenRequest(socket=ref, backlog=1),
            "Connect": pb.ConnectRequest(socket=ref, peer=pb.Address(ip=KERNEL, port=9)),
            "Linger": pb.LingerRequest(socket=ref),
        }
        for method, request in attempts.items():
            try:
                stubs.call(channel, pb, "Sockets", method)(request, timeout=5)
                found.add((method, "OK"))
            except grpc.RpcError as error:
                found.add((method, error.code().name))
    return found


@test()
def a_stranger_who_guesses_is_refused():
    methods = ("SetOption", "GetOption", "Shutdown", "Bind", "Listen", "Connect", "Linger")
    with Lab() as lab:
        daemon = lab.start(socket_mode="0666")
        lab.kernel(kernel_reader, PORT).ask()
        with Sock() as s:
            s.connect((KERNEL, PORT))
            references = [{"cookie": s.cookie()}, {"id": daemon.sockets()[0]["id"]}]
            wanted = {(m, "PERMISSION_DENIED") for m in methods}
            stubs.generate(lab.dir)
            expect_equal(lab.client(guess, daemon.socket, lab.dir, references, uid=NOBODY).wait(), wanted,
                         "what a stranger gets")
            # Root's own processes need the descriptor just the same.
            expect_equal(lab.client(guess, daemon.socket, lab.dir, references).wait(), wanted,
                         "what a stranger of the same uid gets")
            expect_equal(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0, "TCP_NODELAY")
            s.send(b"still open")


@test()
def descriptor_passed_to_another_process():
    """The receiver uses it as it is, and drives it by proof of possession."""
    def receiver(child):
        with socket.socket(socket.AF_UNIX) as unix:
            unix.connect(child.ask())
            _, fds, _, _ = socket.recv_fds(unix, 10, 1)
        with Sock(fd=fds[0]) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            os.write(s.fd, b"by the receiver")
            return s.getpeername()

    def script(child):
        with kernel_listener(PORT) as listener:
            child.tell()
            connection, _ = listener.accept()
            return read_all(connection.fileno())

    with Lab() as lab:
        daemon = lab.start()
        kernel = lab.kernel(script)
        kernel.ask()
        path = os.path.join(lab.dir, "pass.sock")
        other = lab.client(receiver)
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            unix.listen()
            other.tell(path)
            accepted, _ = unix.accept()
        with accepted, Sock() as s:
            s.connect((KERNEL, PORT))
            socket.send_fds(accepted, [b"x"], [s.fd])
        expect_equal(other.wait(), (KERNEL, PORT), "the peer's name, asked by the receiver")
        expect_equal(kernel.wait(), b"by the receiver", "what the kernel program read")
        wait_until(lambda: not [r for r in daemon.sockets() if r["owned"]], 1, "nobody holds it any more")


@test()
def daemon_ends_with_open_sockets():
    """Peers get a RST and applications an error; nothing hangs, nothing leaks."""
    def peer(child):
        with kernel_listener(PORT) as listener:
            child.tell()
            connection, _ = listener.accept()
            child.tell()
            try:
                return connection.recv(1)
            except ConnectionResetError:
                return "reset"

    with Lab() as lab:
        daemon = lab.start()
        kernel = lab.kernel(peer)
        kernel.ask()
        s = Sock().connect((KERNEL, PORT))
        kernel.ask()
        listener = Sock().bind((TOYNET, PORT)).listen()
        daemon.stop()
        expect_equal(kernel.wait(), "reset", "what the peer sees when the daemon ends")
        with expect_error(errno.ECONNRESET, "recv when the daemon has ended"):
            if s.recv(10) == b"":
                raise OSError(errno.ECONNRESET, "the end of the stream is all that the kernel can tell")
        s.close()
        listener.close()
