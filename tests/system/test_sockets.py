"""The sockets API over the TAP: datagrams, half-close, reset, refusal, accept, readiness."""
import errno
import os
import select
import socket
import struct
import time

from toynettest import (KERNEL, TOYNET, Lab, Sock, expect, expect_equal, expect_error, kernel_listener, kernel_socket,
                        read_all, test, wait_until)

SOL_TCP = socket.IPPROTO_TCP


def kernel_udp_echo(child, port, count):
    with kernel_socket(socket.SOCK_DGRAM) as s:
        s.bind((KERNEL, port))
        child.tell()
        for _ in range(count):
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)


@test()
def udp_from_toynet():
    sizes = (0, 1, 1000, 1472)
    with Lab() as lab:
        lab.start()
        echo = lab.kernel(kernel_udp_echo, 5300, 2 * len(sizes))
        echo.ask()
        with Sock(socket.SOCK_DGRAM) as s:
            for size in sizes:
                s.sendto(os.urandom(size), (KERNEL, 5300))
                data, peer = s.recvfrom(65536)
                expect_equal((len(data), peer), (size, (KERNEL, 5300)), "datagram and its source")
            s.connect((KERNEL, 5300))
            for size in sizes:
                sent = os.urandom(size)
                s.send(sent)
                expect_equal(s.recv(65536), sent, "datagram on a connected socket")
        echo.wait()


@test()
def udp_to_toynet():
    def ask(_):
        with kernel_socket(socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(b"question", (TOYNET, 5301))
            return s.recvfrom(100)

    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.bind((TOYNET, 5301))
            kernel = lab.kernel(ask)
            data, peer = s.recvfrom(100)
            expect_equal(data, b"question", "the kernel's datagram")
            s.sendto(b"answer", peer)
            expect_equal(kernel.wait(), (b"answer", (TOYNET, 5301)), "the answer and its source")


@test()
def udp_port_unreachable():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            s.connect((KERNEL, 5302))
            s.send(b"x")
            with expect_error(errno.ECONNREFUSED, "recv after the ICMP error"):
                s.recv(100)

        def ask(_):
            with kernel_socket(socket.SOCK_DGRAM) as k:
                k.settimeout(5)
                k.connect((TOYNET, 5303))
                k.send(b"x")
                with expect_error(errno.ECONNREFUSED, "the kernel's recv after toynet's ICMP error"):
                    k.recv(100)

        lab.kernel(ask).wait()


@test()
def udp_too_long():
    with Lab() as lab:
        lab.start()
        with Sock(socket.SOCK_DGRAM) as s:
            with expect_error(errno.EMSGSIZE, "a datagram of 66000 bytes"):
                s.sendto(bytes(66000), (KERNEL, 5300))


def kernel_conversation(child, port, script):
    """Accepts one connection and does script(connection)."""
    with kernel_listener(port) as listener:
        child.tell()
        connection, _ = listener.accept()
        with connection:
            return script(connection)


def talk(lab, script, port=5400):
    kernel = lab.kernel(kernel_conversation, port, script)
    kernel.ask()
    return kernel


@test()
def half_close_by_toynet():
    def script(connection):
        got = read_all(connection.fileno())
        connection.sendall(b"answer after your FIN")
        return got

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            s.sendall(b"question")
            s.shutdown(socket.SHUT_WR)
            expect_equal(read_all(s.fd), b"answer after your FIN", "what came after our FIN")
        expect_equal(kernel.wait(), b"question", "what came before it")


@test()
def half_close_by_the_native_call():
    """shutdown(2) on the descriptor itself, without the library."""
    def script(connection):
        got = read_all(connection.fileno())
        connection.sendall(b"answer")
        return got

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            s.sendall(b"question")
            with socket.socket(fileno=os.dup(s.fd)) as native:
                native.shutdown(socket.SHUT_WR)
            expect_equal(read_all(s.fd), b"answer", "what came after our FIN")
        expect_equal(kernel.wait(), b"question", "what came before it")


@test()
def half_close_by_the_kernel():
    def script(connection):
        connection.sendall(b"all I have")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection.fileno())

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            expect_equal(read_all(s.fd), b"all I have", "what came before the FIN")
            s.sendall(b"still sending")
        expect_equal(kernel.wait(), b"still sending", "what came after it")


@test()
def reset_by_the_kernel():
    def script(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            s.sendall(b"x")
            kernel.wait()
            with expect_error(errno.ECONNRESET, "recv after a RST"):
                s.recv(100)


@test()
def reset_seen_by_write():
    def script(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            s.sendall(b"x")
            kernel.wait()
            select.select([s.fd], [], [], 5)
            with expect_error(errno.ECONNRESET, "the first send after a RST"):
                s.send(b"y")


@test()
def unread_bytes_make_a_reset():
    def script(connection):
        connection.sendall(b"never read")
        try:
            return connection.recv(1)
        except ConnectionResetError:
            return "reset"

    with Lab() as lab:
        lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            select.select([s.fd], [], [], 5)
        expect_equal(kernel.wait(), "reset", "what the peer of a close with unread bytes sees (RFC 2525 2.17)")


@test()
def refused():
    with Lab() as lab:
        lab.start()
        with Sock() as s, expect_error(errno.ECONNREFUSED, "blocking connect to a closed port"):
            s.connect((KERNEL, 5499))

        def knock(_):
            with kernel_socket() as k, expect_error(errno.ECONNREFUSED, "the kernel's connect to a closed port"):
                k.connect((TOYNET, 5499))

        lab.kernel(knock).wait()


@test()
def refused_without_blocking():
    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("both", "delay", "50ms")
        with Sock(socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as s:
            with expect_error(errno.EINPROGRESS, "non-blocking connect"):
                s.connect((KERNEL, 5499))
            poller = select.poll()
            poller.register(s.fd, select.POLLOUT)
            expect(poller.poll(5000), "poll says nothing about the refusal")
            expect_equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED, "SO_ERROR")
            expect_equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "SO_ERROR, read again")


@test()
def connect_without_blocking():
    """Nothing polls writable before the connection stands; then it does, edge-triggered too."""
    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("both", "delay", "100ms")
        kernel = talk(lab, lambda connection: read_all(connection.fileno()))
        with Sock(socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as s:
            epoll = select.epoll()
            epoll.register(s.fd, select.EPOLLOUT | select.EPOLLET)
            epoll.poll(0)
            with expect_error(errno.EINPROGRESS, "non-blocking connect"):
                s.connect((KERNEL, 5400))
            poller = select.poll()
            poller.register(s.fd, select.POLLOUT)
            expect_equal(poller.poll(0), [], "poll at once")
            epoll.poll(0)
            with expect_error(errno.EALREADY, "connect while connecting"):
                s.connect((KERNEL, 5400))
            expect_equal(epoll.poll(5), [(s.fd, select.EPOLLOUT)], "the edge when it is established")
            expect_equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "SO_ERROR")
            s.sendall(b"hello")
            expect_equal(s.getpeername(), (KERNEL, 5400), "getpeername")
            expect_equal(s.getsockname()[0], TOYNET, "getsockname")
        expect_equal(kernel.wait(), b"hello", "what the kernel program read: no filler")


@test()
def host_unreachable():
    with Lab() as lab:
        lab.start()
        with Sock() as s, expect_error(errno.EHOSTUNREACH, "connect to an address that nobody has"):
            s.connect(("10.77.0.99", 80))
        with Sock() as s, expect_error(errno.ENETUNREACH, "connect where no route leads"):
            s.connect(("192.0.2.1", 80))


@test()
def names_and_options():
    with Lab() as lab:
        lab.start()
        with Sock() as s:
            with expect_error(errno.EADDRNOTAVAIL, "bind to another's address"):
                s.bind((KERNEL, 80))
            s.bind((TOYNET, 5500))
            expect_equal(s.getsockname(), (TOYNET, 5500), "getsockname")
            with expect_error(errno.ENOTCONN, "getpeername of a socket that is not connected"):
                s.getpeername()
            with Sock() as other, expect_error(errno.EADDRINUSE, "bind to a port that is taken"):
                other.bind((TOYNET, 5500))
            s.setsockopt(SOL_TCP, socket.TCP_NODELAY, 1)
            expect_equal(s.getsockopt(SOL_TCP, socket.TCP_NODELAY), 1, "TCP_NODELAY")
            expect_equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_STREAM, "SO_TYPE")
            with expect_error(errno.ENOPROTOOPT, "an option that toynet lacks"):
                s.setsockopt(SOL_TCP, 23, 1)  # TCP_FASTOPEN
            s.listen()
            expect_equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1, "SO_ACCEPTCONN")
        with expect_error(errno.EAFNOSUPPORT, "socket(AF_INET) of an unknown type is no AF"):
            import toynettest
            toynettest._check(toynettest.lib().toynet_socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))


def kernel_client(child, port, count):
    """Opens connections, tells, sends one line on each when asked to, reads until the end."""
    connections = []
    for _ in range(count):
        s = kernel_socket()
        s.connect((TOYNET, port))
        connections.append(s)
    child.tell()
    child.ask()
    for number, s in enumerate(connections):
        s.sendall(b"client %d" % number)
        s.shutdown(socket.SHUT_WR)
    return [read_all(s.fileno()) for s in connections]


@test()
def accept_queue():
    """Connections wait for accept, can be counted, and each is accepted once, in order."""
    with Lab() as lab:
        daemon = lab.start()
        with Sock() as listener:
            listener.bind((TOYNET, 5600)).listen(64)
            inode = os.fstat(listener.fd).st_ino
            poller = select.poll()
            poller.register(listener.fd, select.POLLIN | select.POLLOUT)
            expect_equal(poller.poll(0), [], "poll on a listener that nobody has called")
            clients = lab.kernel(kernel_client, 5600, 20)
            clients.ask()
            waiting = lambda: [r["recv_q"] for r in daemon.sockets() if r["inode"] == inode]
            wait_until(lambda: waiting() == [20], 5, lambda: f"Recv-Q of the listener is 20; it is {waiting()}")
            expect_equal(poller.poll(0), [(listener.fd, select.POLLIN)], "poll on a listener with connections")
            clients.tell()
            peers = set()
            for _ in range(20):
                connection, peer = listener.accept(socket.SOCK_CLOEXEC)
                with connection:
                    expect_equal(connection.getpeername(), peer, "the peer")
                    expect_equal(connection.getsockname(), (TOYNET, 5600), "the local address")
                    peers.add(peer)
                    connection.sendall(b"to " + read_all(connection.fd))
            expect_equal(len(peers), 20, "different connections")
            listener.setblocking(False)
            with expect_error(errno.EAGAIN, "accept when nobody waits"):
                listener.accept()
            expect_equal(sorted(clients.wait()), sorted(b"to client %d" % i for i in range(20)), "the answers")


@test()
def accept_in_several_processes():
    """A listener shared by fork: each connection is delivered once."""
    def worker(child, listener):
        count = 0
        listener.setblocking(False)
        poller = select.poll()
        poller.register(listener.fd, select.POLLIN)
        child.tell()
        while poller.poll(1500):
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            with connection:
                connection.sendall(b"by worker: " + read_all(connection.fd))
            count += 1
        return count

    with Lab() as lab:
        lab.start()
        with Sock() as listener:
            listener.bind((TOYNET, 5600)).listen(64)
            workers = [lab.client(worker, listener) for _ in range(4)]
            for child in workers:
                child.ask()
            clients = lab.kernel(kernel_client, 5600, 40)
            clients.ask()
            clients.tell()
            answers = clients.wait()
            expect_equal(len(answers), 40, "answers")
            expect(all(a.startswith(b"by worker: client") for a in answers), f"{answers}")
            expect_equal(sum(child.wait() for child in workers), 40, "connections that the workers accepted")


@test()
def blocking_calls_of_other_threads():
    """One slow call never blocks another thread."""
    import threading

    with Lab() as lab:
        daemon = lab.start()
        daemon.impair("out", "loss", "100%")
        slow = Sock()
        thread = threading.Thread(target=lambda: contextless_connect(slow), daemon=True)
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        with Sock() as s:
            s.setsockopt(SOL_TCP, socket.TCP_NODELAY, 1)
        took = time.monotonic() - began
        expect(took < 1, f"a call took {took:.1f} s while another thread connects")
        daemon.impair("off")
        thread.join(10)


def contextless_connect(s):
    try:
        s.connect((KERNEL, 5499))
    except OSError:
        pass


@test()
def small_windows_and_probes():
    """A kernel reader that sleeps closes its window; the bytes come all the same when it wakes."""
    def script(connection):
        time.sleep(2)
        return len(read_all(connection.fileno()))

    with Lab() as lab:
        daemon = lab.start()
        kernel = talk(lab, script)
        with Sock() as s:
            s.connect((KERNEL, 5400))
            s.setblocking(False)
            total = 0
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                try:
                    total += os.write(s.fd, bytes(65536))
                except BlockingIOError:
                    time.sleep(0.05)
            inode = os.fstat(s.fd).st_ino
            row = [r for r in daemon.sockets() if r["inode"] == inode][0]
            expect(row["send_q"] > 0, "Send-Q shows nothing while the peer's window is closed")
            timers = [t["name"] for t in daemon.control_block(row["id"])["timers"]]
            expect(timers, "no timer runs while the peer's window is closed")
        expect_equal(kernel.wait(), total, "bytes that the kernel program read")
