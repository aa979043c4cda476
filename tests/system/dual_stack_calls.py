"""A sequence of calls on sockets of AF_INET6 that talk IPv4, within one host. Run by test_dual_stack.py on the kernel and
under toynet-run; each line of the output is one observation, and the two outputs must be equal.

Not here, as toynet differs: IPV6_UNICAST_HOPS 0 is EINVAL (there is no TTL of 0); an address of AF_INET to bind to is EINVAL
whatever its length; reading an option of IPv6 on a socket of AF_INET is ENOPROTOOPT (the kernel: EOPNOTSUPP); a second
socket on :: is EADDRINUSE only when both or neither have IPV6_V6ONLY, or when it is in the way of AF_INET; ::1 stands for
127.0.0.1 without IPV6_V6ONLY."""
import ctypes
import errno
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
SIX, FOUR, TCP, UDP = socket.AF_INET6, socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_DGRAM
V6 = socket.IPPROTO_IPV6
IPV6_MTU = 24
HERE, ELSEWHERE = "::ffff:127.0.0.1", "2001:db8::1"


def show(what, function, *args):
    try:
        print(what, function(*args))
    except OSError as error:
        print(what, errno.errorcode[error.errno])


def raw(name, s, address, length=None):
    """The C library's function, with an address that Python would not pass."""
    packed = struct.pack("=H", FOUR) + struct.pack("!H", address[1]) + socket.inet_aton(address[0]) + bytes(12)
    result = getattr(LIBC, name)(s.fileno(), packed, length or 16)
    return result if result == 0 else errno.errorcode[ctypes.get_errno()]


def opened(family, kind, v6only=None, bound=None):
    s = socket.socket(family, kind)
    if v6only is not None:
        s.setsockopt(V6, socket.IPV6_V6ONLY, v6only)
    if bound:
        s.bind(bound)
    return s


for kind in (TCP, UDP):
    name = "tcp" if kind == TCP else "udp"
    with opened(SIX, kind) as s:
        show(f"{name} fresh", s.getsockname)
        show(f"{name} domain", s.getsockopt, socket.SOL_SOCKET, socket.SO_DOMAIN)
        show(f"{name} v6only", s.getsockopt, V6, socket.IPV6_V6ONLY)
        show(f"{name} hops", s.getsockopt, V6, socket.IPV6_UNICAST_HOPS)
        show(f"{name} hops 256", s.setsockopt, V6, socket.IPV6_UNICAST_HOPS, 256)
        show(f"{name} hops 9", s.setsockopt, V6, socket.IPV6_UNICAST_HOPS, 9)
        show(f"{name} hops now", s.getsockopt, V6, socket.IPV6_UNICAST_HOPS)
        show(f"{name} hops -1", s.setsockopt, V6, socket.IPV6_UNICAST_HOPS, -1)
        show(f"{name} hops now", s.getsockopt, V6, socket.IPV6_UNICAST_HOPS)
        show(f"{name} tclass", s.setsockopt, V6, socket.IPV6_TCLASS, 0x28)
        show(f"{name} tclass now", s.getsockopt, V6, socket.IPV6_TCLASS)
        show(f"{name} mtu, not connected", s.getsockopt, V6, IPV6_MTU)
        show(f"{name} ttl", s.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 5)
        show(f"{name} bind to another's", s.bind, (ELSEWHERE, 80))
        show(f"{name} bind to another's, mapped", s.bind, ("::ffff:203.0.113.1", 80))
        show(f"{name} bind AF_INET", raw, "bind", s, ("127.0.0.1", 8000))
        show(f"{name} bind", s.bind, ("::", 8000))
        show(f"{name} name", s.getsockname)
        show(f"{name} bind again", s.bind, ("::", 8001))
        show(f"{name} v6only when bound", s.setsockopt, V6, socket.IPV6_V6ONLY, 1)
        if kind == TCP:
            s.listen()
        with opened(FOUR, kind) as other:
            show(f"{name} the same port in AF_INET", other.bind, ("0.0.0.0", 8000))
            show(f"{name} v6only in AF_INET", other.setsockopt, V6, socket.IPV6_V6ONLY, 1)
            show(f"{name} AF_INET6 on AF_INET", lambda: LIBC.bind(other.fileno(), struct.pack("=H26x", SIX), 28) and
                 errno.errorcode[ctypes.get_errno()])
    with opened(SIX, kind) as s:
        show(f"{name} connect to another network", s.connect, (ELSEWHERE, 80))
    with opened(FOUR, kind, bound=("0.0.0.0", 8002)) as four:
        if kind == TCP:
            four.listen()
        with opened(SIX, kind) as s:
            show(f"{name} beside AF_INET", s.bind, ("::", 8002))
        with opened(SIX, kind, v6only=1) as s:
            show(f"{name} v6only beside AF_INET", s.bind, ("::", 8002))
            show(f"{name} its name", s.getsockname)
            if kind == TCP:
                show(f"{name} and listens", s.listen)
            with opened(SIX, kind, v6only=1) as second:
                show(f"{name} a second one", second.bind, ("::", 8002))
                show(f"{name} on loopback", second.bind, ("::1", 8002))
        with opened(SIX, kind, v6only=1) as s:
            show(f"{name} v6only, loopback", s.bind, ("::1", 8002))
            show(f"{name} its name", s.getsockname)
        with opened(SIX, kind, v6only=1) as s:
            show(f"{name} v6only, mapped", s.bind, (HERE, 8003))
            show(f"{name} v6only to a mapped one", s.connect, (HERE, 8002))
    with opened(SIX, kind, bound=(HERE, 8004)) as s:
        show(f"{name} mapped name", s.getsockname)
        with opened(FOUR, kind) as four:
            show(f"{name} beside it", four.bind, ("127.0.0.1", 8004))

with opened(SIX, TCP, bound=("::", 8005)) as listener:
    listener.listen()
    for family, address in ((FOUR, "127.0.0.1"), (SIX, HERE)):
        with opened(family, TCP, bound=("127.0.0.1" if family == FOUR else HERE, 8006)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if family == SIX:
                show("AF_INET to connect to", raw, "connect", client, ("127.0.0.1", 8005))
            show("connect", client.connect, (address, 8005))
            show("client", lambda: (client.getsockname(), client.getpeername()))
            server, name = listener.accept()
            show("accepted", lambda: (name, server.getsockname(), server.getpeername(), server.family.name,
                                      server.getsockopt(V6, socket.IPV6_V6ONLY)))
            client.sendall(b"to the server")
            show("received", server.recvfrom, 100)
            server.close()
with opened(SIX, TCP) as s:
    show("nobody listens", s.connect, (HERE, 8007))

with opened(SIX, UDP, bound=("::", 8008)) as s, opened(FOUR, UDP, bound=("127.0.0.1", 8009)) as four:
    s.setsockopt(V6, socket.IPV6_RECVPKTINFO, 1)
    s.settimeout(5)
    four.settimeout(5)
    four.sendto(b"one", ("127.0.0.1", 8008))
    data, control, _, source = s.recvmsg(100, 100)
    print("udp", data, source, [(level, kind, value[:16]) for level, kind, value in control])
    show("to a mapped one", s.sendto, b"two", (HERE, 8009))
    show("got", four.recvfrom, 100)
    show("to AF_INET", raw, "connect", s, ("127.0.0.1", 8009))
    show("peer", s.getpeername)
    show("local", s.getsockname)
    s.send(b"three")
    show("got", four.recvfrom, 100)
    info = socket.inet_pton(SIX, HERE) + struct.pack("=I", 0)
    show("from a source", s.sendmsg, [b"four"], [(V6, socket.IPV6_PKTINFO, info)], 0, (HERE, 8009))
    show("got", four.recvfrom, 100)
    show("to another network", s.sendto, b"six", (ELSEWHERE, 8009))
with opened(SIX, UDP, v6only=1) as s:
    show("v6only to a mapped one", s.sendto, b"seven", (HERE, 8009))

show("raw", socket.socket, SIX, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
show("resolved", socket.getaddrinfo, "127.0.0.1", 80, SIX, TCP, 0, socket.AI_V4MAPPED)
