"""TCP judged segment by segment, by what the RFCs say a peer must see; the peer is segments.py."""
import errno
import socket
import struct
import time

from segments import (ACK, CWR, ECE, FIN, ISS, LONG, MSS_SACK, PEER, PSH, RST, RTT, SACK_OK, SHORT, SYN, URG, Peer, bench, mod, mss,
                      ready, sack, socket_error, timestamps)
from toynettest import TOYNET, expect, expect_equal, expect_error, test, wait_until

SO_LINGER = 13


# flags, and the answer of a closed port and of a listener (RFC 9293 3.10.7.1, 3.10.7.2)
STRAYS = ((0, "R.", None), (FIN, "R.", None), (FIN | PSH | URG, "R.", None), (ACK, "R", "R"), (FIN | ACK, "R", "R"), (SYN | ACK, "R", "R"),
          (RST, None, None), (RST | ACK, None, None), (SYN | RST, None, None), (SYN | FIN, "R.", None), (0xff, None, None))


@test()
def segments_for_no_connection():
    with bench() as b:
        _, port = b.listener()
        for flags, closed, listener in STRAYS:
            for where, wanted in ((9, closed), (port, listener)):
                peer = Peer(b.wire, where)
                peer.send(flags, ack=777, keep=True)
                what = f"flags {flags:#04x} to port {where}"
                if wanted is None:
                    peer.silence(what, 0.05)
                elif wanted == "R":
                    peer.answer(what, wanted, seq=777)
                else:
                    peer.answer(what, wanted, seq=0, ack=ISS + bool(flags & SYN) + bool(flags & FIN))
        for broken in ({"damage": 0x1234}, {"offset": 0}, {"offset": 4}, {"offset": 15}):
            peer = Peer(b.wire, port)
            peer.send(SYN, **broken)
            peer.silence(f"a SYN with {broken}", 0.05)


@test()
def options_of_a_syn():
    """RFC 9293 3.1, MUST-6, MUST-7, MUST-15: what a SYN's options say decides the size of the largest segment."""
    with bench() as b:
        for options, size in ((b"", 536), (mss(1000), 1000), (mss(65535), 1460), (b"\xfd\x06abcd" + mss(1000), 1000),
                              (b"\x00" + mss(1000), 536), (b"\x02\x00\x03\xe8", 536), (b"\x02\x01\x03\xe8", 536), (b"\x01\x01\x02\x04", 536),
                              (b"\x01\x01\x01\x08", 536), (b"\xfe\x00\x01\x01", 536), (b"\x01\x03\x03\xff" + mss(1000), 1000)):
            peer, s = b.accepted(options)
            s.sendall(bytes(3000))
            first = peer.next(LONG, lambda g: g.text)
            expect_equal(first and len(first.text), size, f"first segment after a SYN with options {options.hex()}")
            peer.send(RST)
            s.close()


@test()
def blind_attacks():
    """RFC 5961: a challenge ACK, and nothing else, for what only a guess would send."""
    with bench() as b:
        peer, s = b.accepted(mss(1000))
        for what, flags, text, at, ack in (
                ("RST in the window", RST, b"", 10, 0), ("SYN in the window", SYN, b"", 10, 0), ("SYN at RCV.NXT", SYN, b"", 0, 0),
                ("SYN outside", SYN, b"", -100000, 0), ("ACK of what was not sent", ACK, b"", 0, 100),
                ("text with too old an ACK", ACK | PSH, b"evil", 0, -70000), ("text with an ACK too far", ACK | PSH, b"evil", 0, 1)):
            peer.send(flags, text, at=at, ack=peer.ack + ack)
            peer.answer(what, ".", ack=peer.seq, seq=peer.ack)
        for what, flags, at in (("RST below", RST, -1), ("RST beyond", RST, 1 << 24), ("no ACK bit", PSH, 0)):
            peer.send(flags, at=at)
            peer.silence(what, 0.05)
        time.sleep(1.0)
        for _ in range(200):
            peer.send(SYN, at=5)
        count = 0
        while peer.next(SHORT):
            count += 1
        expect(1 <= count <= 100, f"{count} challenge ACKs for 200 SYNs")
        peer.send(ACK | PSH, b"still here")
        expect_equal(s.recv(100), b"still here", "text after the attacks")
        peer.next(SHORT)
        peer.send(RST)
        wait_until(lambda: ready(s, 0.1), LONG, "the RST at RCV.NXT is seen")
        with expect_error(errno.ECONNRESET, "recv after a RST at RCV.NXT"):
            s.recv(1)


@test()
def what_a_syn_is_answered_with():
    """RFC 9293 3.10.7.3, RFC 5961 3.2, RFC 5927 5.2."""
    with bench() as b:
        peer, s = b.connecting()
        for flags in (ACK, SYN | ACK):
            peer.send(flags, at=0, ack=peer.iss + 5)
            peer.answer("an ACK of what was not sent", "R", seq=peer.iss + 5)
        quoted = struct.pack("!BBHHHBBH4s4sHHI", 0x45, 0, 40, 0, 0, 64, 6, 0, socket.inet_aton(TOYNET), socket.inet_aton(PEER),
                             peer.their_port, peer.port, mod(peer.iss + 9999))
        b.wire.icmp(3, 2, quoted)  # hard, but it quotes nothing that was sent
        b.wire.icmp(11, 0, quoted[:-4] + struct.pack("!I", peer.iss))  # soft
        for flags, ack in ((RST, 0), (RST | ACK, 9), (FIN, 0), (ACK | FIN, 1), (ACK, 1)):
            peer.send(flags, at=0, ack=peer.iss + ack)
            peer.silence(f"flags {flags:#04x} in SYN-SENT", 0.05)
        expect(not ready(s, 0.05), "the attempt has ended")
        peer.send(RST | ACK)
        expect(ready(s, LONG), "the RST is seen")
        expect_equal(socket_error(s), errno.ECONNREFUSED, "error of a refused connection")
        s.close()
        # Simultaneous open (3.5, Figure 7), then simultaneous close (3.6, Figure 13).
        peer, s = b.connecting()
        peer.send(SYN, ack=0)
        peer.answer("a SYN in SYN-SENT", "S.", seq=peer.iss, ack=ISS + 1)
        peer.send(SYN | ACK, at=-1)
        expect(ready(s, LONG), "connected")
        expect_equal(socket_error(s), 0, "error after a simultaneous open")
        while peer.next(0.05):
            pass
        s.close()
        peer.answer("close", "F.", seq=peer.ack)
        peer.send(FIN | ACK)
        peer.answer("a FIN that crosses ours", ".", ack=peer.seq)
        peer.acknowledge(1)
        peer.silence("the ACK of our FIN")
        peer.send(FIN | ACK, at=-1)
        peer.answer("the FIN once more, in TIME-WAIT", ".", ack=peer.seq)
        peer.send(RST, at=0)
        peer.send(SYN, at=-1000, ack=0)
        peer.answer("an old SYN, and a RST before it (RFC 1337), in TIME-WAIT", ".", ack=peer.seq)


@test()
def ends_of_a_connection():
    with bench() as b:
        peer, s = b.accepted()
        peer.send(ACK | PSH, b"unread")
        peer.next(LONG)
        s.close()
        expect(peer.next(LONG, lambda g: g.flags & RST and g.seq == peer.ack), "no RST on a close with unread text")
        peer, s = b.accepted()
        s.setsockopt(socket.SOL_SOCKET, SO_LINGER, struct.pack("=ii", 1, 0))
        s.close()
        peer.answer("close with linger 0", "R.", seq=peer.ack)
        peer, s = b.accepted()
        s.close()
        peer.answer("close", "F.", seq=peer.ack)
        peer.acknowledge(1)
        peer.send(ACK | PSH, b"too late")
        expect(peer.next(LONG, lambda g: g.flags & RST), "no RST for text after close")
        listener, port = b.listener()
        peer = Peer(b.wire, port).open()
        s, _ = listener.accept()
        while peer.next(0.05):
            pass
        s.shutdown(socket.SHUT_WR)
        peer.answer("shutdown", "F.", seq=peer.ack)
        peer.acknowledge(1)
        peer.send(FIN | ACK | PSH, b"world", at=5)
        peer.answer("a FIN beyond a gap", ".", ack=peer.seq)
        peer.send(ACK, b"hello", keep=True)
        expect(peer.next(LONG, lambda g: g.ack == mod(peer.seq + 11)), "the gap is filled, and the FIN counts")
        got = s.recv(10)
        expect_equal(got + s.recv(10 - len(got) or 1), b"helloworld", "text before and after the gap")
        expect_equal(s.recv(1), b"", "end of file")
        peer.send(SYN, ack=0, at=1000)
        again = peer.next(LONG, lambda g: g.flags & SYN)
        expect(again and mod(again.seq - peer.ack) < 1 << 31, f"no SYN reopens TIME-WAIT with a higher number than {peer.ack}: {again}")


@test()
def timestamps_and_paws():
    """RFC 7323 4.3, 5.3."""
    with bench() as b:
        peer, s = b.accepted(mss(1460) + SACK_OK + timestamps(1000, 0), tsval=1001)
        peer.tsval = 2000
        peer.send(ACK | PSH, b"new")
        expect_equal(peer.answer("text", ".", ack=peer.seq).timestamps[1], 2000, "echo")
        peer.send(ACK | PSH, b"old", options=timestamps(1500, peer.tsecr), at=0)
        expect_equal(peer.answer("an old timestamp", ".", ack=peer.seq).timestamps[1], 2000, "echo")
        peer.send(RST, options=timestamps(1, 0), at=1)
        peer.answer("a RST with an old timestamp, in the window", ".", ack=peer.seq)
        peer.tsval = 3000
        peer.send(ACK, b"ahead", at=10)
        expect_equal(peer.answer("text beyond a gap", ".", ack=peer.seq).timestamps[1], 2000, "echo")
        peer.tsval = 2500
        peer.send(ACK, bytes(10))
        expect_equal(peer.answer("the gap is filled", ".", ack=peer.seq + 5).timestamps[1], 2500, "echo")
        s.close()


@test()
def what_a_receiver_reports():
    """RFC 2018 4, RFC 2883 4."""
    with bench() as b:
        peer, s = b.accepted(MSS_SACK)
        at = peer.seq

        def report(what, start, size, ack, *blocks):
            peer.send(ACK, bytes(size), at=start)
            segment = peer.answer(what, ".", ack=at + ack)
            expect_equal(segment.sack, [(mod(at + x), mod(at + y)) for x, y in blocks], f"{what}: blocks")

        report("beyond a gap", 100, 100, 0, (100, 200))
        report("beyond another", 300, 100, 0, (300, 400), (100, 200))
        report("inside of a block", 120, 50, 0, (120, 170), (100, 200), (300, 400))
        report("the first gap", 0, 100, 200, (300, 400))
        report("below RCV.NXT", 0, 50, 200, (0, 50), (300, 400))
        report("the second gap", 200, 100, 400)
        s.close()


@test()
def growth_and_fast_retransmit():
    """RFC 6928, RFC 5681 3.1, RFC 3042, RFC 6675, RFC 8985 6.2, RFC 5681 4.1."""
    with bench(congestion_control="reno") as b:
        peer, s = b.accepted(MSS_SACK, 4 * RTT)
        s.sendall(bytes(60000))
        expect_equal(peer.texts(10, "the initial window"), [(1000 * i, 1000) for i in range(10)], "the initial window")
        time.sleep(4 * RTT)  # or RACK's reordering window, a quarter of the least round trip, would be short
        peer.acknowledge(2000)
        expect_equal([x for x, _ in peer.texts(4, "an ACK of two")], [8000, 9000, 10000, 11000], "an ACK of two")
        for end, wanted in ((2000, 12000), (3000, 13000), (4000, 0)):
            peer.send(ACK, options=sack((peer.ack + 1000, peer.ack + end)))
            expect_equal(peer.texts(1, f"sacked to {end}"), [(wanted, 1000)], f"sacked to {end}")
        sent = 0
        for end in range(5000, 15000, 1000):  # PRR: half of the flight of 14 is 7
            peer.send(ACK, options=sack((peer.ack + 1000, peer.ack + end)))
            while peer.next(0.03, lambda g: g.text):
                sent += 1
        expect(4 <= sent <= 7, f"{sent} segments in recovery")
        peer.send(RST)
        s.close()
        # Three segments sacked are three, however small.
        peer, s = b.accepted(MSS_SACK, 4 * RTT)
        for i in range(5):
            s.send(b"ab")
            expect_equal(peer.texts(1, "a small segment"), [(2 * i, 2)], "a small segment")
        for end in (4, 6, 8):
            began = time.monotonic()
            peer.send(ACK, options=sack((peer.ack + 2, peer.ack + end)))
        again = peer.next(LONG, lambda g: g.text)
        expect(again and again.seq == peer.ack and again.at - began < RTT / 2, f"retransmission after three SACKs: {again}")
        peer.send(RST)
        s.close()
        # A request after a pause: its ACK is not what ends the pause. Without SACK, so that no probe comes in between.
        peer, s = b.accepted(mss(1000))
        s.sendall(bytes(30000))
        got = 0
        while got < 30000:
            segment = peer.next(LONG, lambda g: g.text)
            expect(segment, "the stream stalls")
            got += len(segment.text)
            peer.acknowledge(mod(segment.seq + len(segment.text) - peer.ack))
        time.sleep(1.0)
        for _ in range(2):
            peer.send(ACK | PSH, b"request")
            peer.next(LONG)
        s.sendall(bytes(60000))
        peer.texts(10, "the restart window")
        peer.send(RST)
        s.close()


@test()
def times_of_retransmissions():
    """RFC 6298 5.5; RFC 8985 7.2: with SACK a probe goes first, at the RTO at the latest."""
    with bench() as b:
        for options, probes in ((mss(1000), 0), (MSS_SACK, 1)):
            peer, s = b.accepted(options, RTT)
            before = b.daemon.stats()["TcpExtTCPLossProbes"]
            s.send(b"x")
            at = [peer.next(LONG, lambda g: g.text).at for _ in range(4 + probes)]
            gaps = [y - x for x, y in zip(at, at[1:])]
            expect_equal(b.daemon.stats()["TcpExtTCPLossProbes"] - before, probes, "probes")
            expect(0.2 < gaps[0] < 0.6, f"first retransmission: {gaps}")
            expect(all(1.7 < y / x < 2.3 for x, y in zip(gaps[probes:], gaps[probes + 1:])), f"each waits twice as long: {gaps}")
            peer.send(RST)
            s.close()


@test()
def windows_that_close():
    """RFC 9293 3.8.6.1, 3.8.6.2, RFC 7323 2.3."""
    with bench() as b:
        peer, s = b.accepted(MSS_SACK, RTT, wnd=2000)
        s.sendall(bytes(4000))
        peer.texts(2, "a window of 2,000")
        peer.wnd = 0
        peer.acknowledge(2000)
        at = []
        for _ in range(3):
            probe = peer.next(LONG, lambda g: g.text)
            expect(probe and (probe.seq, len(probe.text)) == (peer.ack, 1), f"zero-window probe: {probe}")
            at.append(probe.at)
            peer.send(ACK)
        gaps = [y - x for x, y in zip(at, at[1:])]
        expect(1.7 < gaps[1] / gaps[0] < 2.3, f"times between probes: {gaps}")
        peer.wnd = 65535
        peer.send(ACK)
        expect_equal(peer.texts(3, "the window opens"), [(0, 1), (1, 1000), (1001, 999)], "the refused octet, and the rest")
        peer.send(RST)
        s.close()
        # The window of a SYN is not scaled, all others are.
        peer, s = b.accepted(mss(1000) + b"\x01\x03\x03\x03", RTT, wnd=1000)
        peer.wnd = 250
        peer.send(ACK)
        s.sendall(bytes(5000))
        peer.texts(2, "250 << 3")
        peer.send(RST)
        s.close()
        # Ours: it fills to the last octet, its edge never moves back, and a closed one answers.
        peer, s = b.accepted(mss(1460))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        edge, wnd = mod(peer.seq + 65535), 65535
        while wnd:
            peer.send(ACK, bytes(min(1000, mod(edge - peer.seq))))
            segment = peer.next(LONG)
            expect(segment, "text is not acknowledged")
            expect(mod(segment.ack + segment.wnd - edge) < 1 << 31, f"the right edge moved left: {segment}")
            edge, wnd = mod(segment.ack + segment.wnd), mod(segment.ack + segment.wnd - peer.seq)
        peer.send(ACK, b"z", at=0)
        peer.answer("a zero-window probe", ".", ack=peer.seq, wnd=0)
        s.close()


@test()
def congestion_marks():
    """RFC 3168 6.1."""
    with bench() as b:
        for flags in (SYN | ECE, SYN | CWR):
            peer, s = b.accepted(mss(1000), flags=flags)
            expect_equal(peer.synack.flags & (ECE | CWR), 0, "ECN in the SYN-ACK to half an offer")
            s.close()
        peer, s = b.accepted(mss(1000), flags=SYN | ECE | CWR)
        expect_equal((peer.synack.flags & (ECE | CWR), peer.synack.tos & 3), (ECE, 0), "ECN in the SYN-ACK")
        for flags, tos, wanted in ((0, 3, ECE), (0, 2, ECE), (CWR, 2, 0), (CWR, 3, ECE)):
            peer.send(ACK | PSH | flags, b"text", tos=tos)
            segment = peer.next(LONG)
            expect_equal((segment.flags & ECE, segment.tos & 3), (wanted, 0), f"ECE, codepoint of the ACK after {flags:#x}, {tos}")
        peer.send(ACK | PSH | CWR, b"text", tos=2)
        peer.next(LONG)
        s.sendall(bytes(40000))
        marks = [peer.next(LONG, lambda g: g.text) for _ in range(10)]
        expect_equal({g.tos & 3 for g in marks}, {2}, "codepoint of new text")
        peer.ack = mod(marks[-1].seq + 1000)
        peer.send(ACK | ECE)
        peer.send(ACK | ECE)
        found = [peer.next(LONG, lambda g: g.text)]
        while (segment := peer.next(SHORT, lambda g: g.text)) and segment.seq != found[0].seq:
            found.append(segment)
        expect_equal([bool(g.flags & CWR) for g in found], [True] + [False] * (len(found) - 1), "CWR with the first new text only")
        expect(len(found) < 10, f"{len(found)} segments after ECE: the window is not reduced")
        peer.send(RST)
        s.close()


@test()
def a_short_backlog():
    """Some connections more than it says, as records for the application; the rest of the SYNs is dropped, and may come again."""
    with bench() as b:
        s, port = b.listener(backlog=2)
        opened = []
        for _ in range(12):
            peer = Peer(b.wire, port)
            peer.send(SYN, options=mss(1000), keep=True)
            answer = peer.next(SHORT)
            if answer is None:
                break
            expect_equal(answer.name, "S.", "answer to a SYN")
            peer.seq, peer.ack = mod(peer.seq + 1), mod(answer.seq + 1)
            peer.send(ACK)
            opened.append(peer)
        expect(2 <= len(opened) <= 4, f"{len(opened)} connections for a backlog of 2")
        for _ in opened:
            s.accept()[0].close()
        peer.send(SYN, options=mss(1000))
        peer.answer("the SYN once more, when there is room", "S.")
        s.close()
