"""A DHCP server made by hand, for what dnsmasq cannot be told: leases of seconds, refusals, silence at will.

serve() runs in a child in the namespace; its parent sends settings with tell() and gets what the server has heard with
heard(). A message that was heard is a dict: type, xid, flags, ciaddr, requested, server, source, client_id, at.
"""
import select
import socket
import struct
import time

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)
COOKIE = b"\x63\x82\x53\x63"
BROADCAST = 0x8000


def options_of(data):
    options = {}
    at = 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        code, size = data[at], data[at + 1]
        options[code] = data[at + 2:at + 2 + size]
        at += 2 + size
    return options


def text(raw):
    return socket.inet_ntoa(raw) if raw else None


def parse(data, source):
    options = options_of(data)
    return {"type": options[53][0], "xid": data[4:8], "flags": struct.unpack("!H", data[10:12])[0],
            "ciaddr": text(data[12:16]), "requested": text(options.get(50)), "server": text(options.get(54)),
            "source": source[0], "client_id": options.get(61), "hostname": options.get(12, b"").decode(),
            "at": time.monotonic(), "size": len(data), "chaddr": data[28:34]}


def option(code, value):
    return bytes([code, len(value)]) + value


def reply(message, kind, settings):
    data = bytearray(240)
    data[0:3] = b"\x02\x01\x06"
    data[4:8] = message["xid"]
    data[10:12] = struct.pack("!H", message["flags"])
    data[28:34] = message["chaddr"]
    data[236:240] = COOKIE
    tail = option(53, bytes([kind])) + option(54, socket.inet_aton(settings["server"]))
    if kind != NAK:
        data[16:20] = socket.inet_aton(settings["address"])
        tail += option(51, struct.pack("!I", settings["lease"])) + option(1, socket.inet_aton("255.255.255.0"))
        tail += option(58, struct.pack("!I", settings["t1"])) + option(59, struct.pack("!I", settings["t2"]))
        tail += option(3, socket.inet_aton(settings["server"]))
    if message["client_id"]:
        tail += option(61, message["client_id"])
    return bytes(data) + tail + b"\xff"


def kind_of_answer(message, settings):
    if settings["silent"]:
        return None
    if message["type"] == DISCOVER:
        return OFFER
    if message["type"] != REQUEST:
        return None
    if message["server"] and message["server"] != settings["server"]:
        return None
    wanted = message["requested"] or message["ciaddr"]
    return NAK if settings["refuse"] or wanted != settings["address"] else ACK


def answer(s, data, source, settings):
    """Answers one message; returns it."""
    message = parse(data, source)
    kind = kind_of_answer(message, settings)
    if kind:
        unicast = message["ciaddr"] != "0.0.0.0" and kind != NAK
        s.sendto(reply(message, kind, settings), (message["ciaddr"] if unicast else "255.255.255.255", 68))
    return message


def serve(child, interface, settings):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, 25, interface.encode() + b"\0")  # SO_BINDTODEVICE
        s.bind(("", 67))
        child.tell("ready")
        messages = []
        while True:
            for ready in select.select([s, child.pipe], [], [])[0]:
                if ready is s:
                    messages.append(answer(s, *s.recvfrom(2048), settings))
                    continue
                more = child.ask()
                if more is None:
                    child.tell(messages)
                    messages = []
                else:
                    settings.update(more)


def heard(server):
    """What the server has heard since it was last asked."""
    server.tell(None)
    return server.ask()
