"""Start-up: what is wrong is one line that says what to do, and the exit status is not zero."""
import os
import signal
import socket
import stat

from toynettest import (KERNEL, TOYNET, Daemon, Lab, command, expect, expect_equal, test, wait_until)


def refused(lab, *words, before=(), **options):
    """Starts a daemon that must refuse; returns its one line, which contains each of the words."""
    daemon = Daemon(lab, name="refused", **options)
    argv = daemon.argv()
    at = argv.index(lab.netns) + 1
    result = command(*argv[:at], *before, *argv[at:], check=False, timeout=20)
    lines = result.stderr.strip().splitlines()
    expect(result.returncode != 0, f"it started, or ended with status 0: {lines}")
    expect(result.returncode > 0 and len(lines) == 1 and result.stdout == "",
           f"not one line, status {result.returncode}:\n{result.stderr}{result.stdout}")
    expect(lines[0].startswith("toynetd: "), f"who speaks? {lines[0]}")
    for word in words:
        expect(word in lines[0], f"'{word}' is not in: {lines[0]}")
    return lines[0]


def as_nobody(lab):
    """Words that run a command as an ordinary user, who may open /dev/net/tun as on every system with udev."""
    tun = os.path.join(lab.dir, "tun")
    os.mknod(tun, 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    os.chmod(tun, 0o666)
    os.chmod(lab.dir, 0o777)
    # ip netns exec has made a mount namespace for the command.
    return ["sh", "-c", f'mount --bind {tun} /dev/net/tun && exec "$@"', "sh",
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@test()
def tap_is_busy():
    with Lab() as lab:
        lab.start()
        refused(lab, "tap0", "another process", address="10.77.0.3/24")


@test()
def no_privilege():
    with Lab() as lab:
        refused(lab, "tap0", "CAP_NET_ADMIN", before=as_nobody(lab))


@test()
def bad_addresses():
    with Lab() as lab:
        for address in ("300.1.1.1/24", "10.0.0.2/33", "10.0.0.2", "fe80::1/64", "", "0.0.0.0/0", "224.0.0.1/24", "127.0.0.1/8",
                        "10.77.0.0/24", "10.77.0.255/24"):
            refused(lab, "address", address=address, kernel_address=False)
        refused(lab, "address", address=None)
        refused(lab, "gateway", gateway="not.an.address")


@test()
def socket_of_a_live_daemon():
    with Lab() as lab:
        first = lab.start()
        refused(lab, first.socket, "another toynetd", interface="tap1", socket=first.socket)
        expect("version" in first.ctl("info").stdout, "the first one still answers")


@test()
def stale_socket_is_taken_over():
    with Lab() as lab:
        path = os.path.join(lab.dir, "stale.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        expect(stat.S_ISSOCK(os.stat(path).st_mode), "a stale socket lies there")
        daemon = lab.start(socket=path)
        expect("version" in daemon.ctl("info").stdout, "the daemon answers at the path of the stale socket")


@test()
def socket_left_by_a_killed_daemon():
    with Lab() as lab:
        first = Daemon(lab)
        first.__enter__()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        expect(os.path.exists(first.socket), "its socket file is left")
        lab.start()


@test()
def file_in_the_way_is_left_alone():
    with Lab() as lab:
        path = os.path.join(lab.dir, "precious")
        with open(path, "w") as f:
            f.write("keep me")
        refused(lab, path, "not a socket", socket=path)
        with open(path) as f:
            expect_equal(f.read(), "keep me", "the file")
        refused(lab, "/nonexistent/folder", socket="/nonexistent/folder/x.sock")
        refused(lab, "socket", socket="/" + "x" * 200)


@test()
def bad_command_lines():
    with Lab() as lab:
        refused(lab, "frobnicate", frobnicate="1")
        refused(lab, "mtu", mtu="10")
        refused(lab, "mtu", mtu="many")
        refused(lab, "time-wait", time_wait="a while")
        refused(lab, "interface", interface="a-name-that-is-much-too-long")
        refused(lab, "in-loss", in_loss="200%")


@test()
def interface_that_is_no_tap():
    with Lab() as lab:
        lab.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
        refused(lab, "veth0", interface="veth0", kernel_address=False)


@test()
def configuration_file_errors_name_file_line_and_key():
    with Lab() as lab:
        path = os.path.join(lab.dir, "toynetd.conf")

        def write(text):
            with open(path, "w") as f:
                f.write(text)

        write("[stack]\naddress = 10.77.0.2/24\n\n[tcp]\ntime-wait = a while\n")
        line = refused(lab, path, "time-wait", config=path, address=None)
        expect(f"{path}:5" in line or "line 5" in line, f"no line number in: {line}")
        write("[stack]\naddress = 10.77.0.2/24\nnonsense = 1\n")
        line = refused(lab, path, "nonsense", config=path, address=None)
        expect(f"{path}:3" in line or "line 3" in line, f"no line number in: {line}")
        write("[stack]\naddress = 10.77.0.2/24\nthis is no line\n")
        refused(lab, path, config=path, address=None)
        refused(lab, "/nonexistent.conf", config="/nonexistent.conf")


@test()
def configuration_file_and_command_line():
    with Lab() as lab:
        path = os.path.join(lab.dir, "toynetd.conf")
        with open(path, "w") as f:
            f.write(f"[interface]\ninterface = tapcfg\n[stack]\naddress = {TOYNET}/24\n[tcp]\ntime-wait = 3s\n")
        daemon = lab.start(config=path, interface=None, address=None)
        info = daemon.ctl("info").stdout
        expect("tapcfg" in info and f"{TOYNET}/24" in info, info)


@test()
def attaches_to_a_tap_made_beforehand():
    """... by an ordinary user, without any capability; and leaves it there."""
    with Lab() as lab:
        lab.ip("tuntap", "add", "dev", "tapown", "mode", "tap", "user", "65534")
        lab.ip("addr", "add", f"{KERNEL}/24", "dev", "tapown")
        lab.ip("link", "set", "tapown", "up")
        daemon = Daemon(lab, interface="tapown", kernel_address=False)
        argv = daemon.argv()
        at = argv.index(lab.netns) + 1
        user = as_nobody(lab)
        daemon.argv = lambda: argv[:at] + user + argv[at:]
        with daemon:
            result = command("ip", "netns", "exec", lab.netns, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", TOYNET, check=False)
            expect(" 0% packet loss" in result.stdout, result.stdout)
        expect("tapown" in lab.ip("link", "show").stdout, "the TAP is left")


@test()
def privilege_is_dropped():
    with Lab() as lab:
        daemon = lab.start(user="nobody")

        def status():
            with open(f"/proc/{daemon.pid}/status") as f:
                return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)

        # The control socket exists before the privilege is dropped; it is served after.
        wait_until(lambda: status()["Uid"].split() == ["65534"] * 4, 2, "the daemon has become nobody")
        for name in ("CapEff", "CapPrm", "CapInh"):
            wait_until(lambda name=name: int(status()[name], 16) == 0, 2, f"{name} is empty")
        result = command("ip", "netns", "exec", lab.netns, "ping", "-n", "-c", "1", "-W", "2", TOYNET, check=False)
        expect(" 0% packet loss" in result.stdout, result.stdout)


@test()
def leaves_nothing_behind():
    with Lab() as lab:
        daemon = lab.start()
        daemon.stop()
        expect(not os.path.exists(daemon.socket), "the socket file is gone")
        wait_until(lambda: "tap0" not in lab.ip("link", "show").stdout, 2, "the TAP that it made is gone")
