"""toynet-wire: two TAPs joined by the impair link; kernel with kernel, and kernel with toynetd, over the same bad line."""
import contextlib
import subprocess

from test_transfer import (PORT, kernel_sink, kernel_source, toynet_sink, toynet_source)
from toynettest import (KERNEL, TOYNET, Lab, command, die_with_parent, expect, expect_equal, kernel_socket,
                        program, send_stream, test, wait_until)

MIB = 1 << 20
BAD = ("seed=3", "both", "loss=2%", "reorder=1%", "reorder-delay=2ms", "duplicate=1%")


@contextlib.contextmanager
def wire(*ends_and_settings):
    process = subprocess.Popen([program("tests/toynet-wire"), *ends_and_settings], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
    try:
        yield process
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    expect(process.returncode == 0 and "Sanitizer" not in output, f"toynet-wire: status {process.returncode}: {output[-3000:]}")


def address(lab, device, prefix):
    wait_until(lambda: command("ip", "-n", lab.netns, "link", "show", device, check=False).returncode == 0, 10, f"{device} exists")
    lab.ip("addr", "add", prefix, "dev", device)
    lab.ip("link", "set", device, "up")


def connecting_source(_, size, seed):
    with kernel_socket() as s:
        s.connect((KERNEL, PORT))
        digest = send_stream(s.send, size, seed)
        s.shutdown(1)
        s.recv(1)
        return digest


def kernel_to_kernel(settings, size):
    with Lab() as a, Lab() as b, wire(f"{a.netns}/wa", f"{b.netns}/wb", *settings):
        address(a, "wa", f"{KERNEL}/24")
        address(b, "wb", f"{TOYNET}/24")
        sink = a.kernel(kernel_sink, PORT)
        sink.ask()
        source = b.kernel(connecting_source, size, 11)
        digest = source.wait(100)
        expect_equal(sink.wait(10), (size, digest), "bytes and SHA-256")


@test()
def kernel_to_kernel_over_a_perfect_line():
    kernel_to_kernel((), 64 * MIB)


@test()
def kernel_to_kernel_over_a_bad_line():
    kernel_to_kernel(BAD, 8 * MIB)


@test()
def routed_to_toynet_over_a_bad_line():
    """The other kernel sends over the line, and toynetd's own kernel forwards to its TAP."""
    with Lab() as a, Lab() as b, wire(f"{a.netns}/wa", f"{b.netns}/wb", *BAD):
        address(a, "wa", "10.78.0.1/24")
        address(b, "wb", "10.78.0.2/24")
        b.start(gateway=KERNEL)
        command("ip", "netns", "exec", b.netns, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        a.ip("route", "add", "10.77.0.0/24", "via", "10.78.0.2")
        import test_transfer

        test_transfer.KERNEL, before = "10.78.0.1", test_transfer.KERNEL
        import toynettest

        toynettest.KERNEL = "10.78.0.1"
        try:
            sink = a.kernel(kernel_sink, PORT)
            sink.ask()
            source = b.client(toynet_source, PORT, 8 * MIB, 12)
            digest = source.wait(100)
            expect_equal(sink.wait(10), (8 * MIB, digest), "bytes and SHA-256 from toynet")
            kernel = a.kernel(kernel_source, PORT + 1, 8 * MIB, 13)
            kernel.ask()
            got = b.client(toynet_sink, PORT + 1).wait(100)
            expect_equal(got, (8 * MIB, kernel.wait(10)), "bytes and SHA-256 at toynet")
        finally:
            test_transfer.KERNEL = toynettest.KERNEL = before
