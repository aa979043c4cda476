"""What the calls do: the transcript of semantics.c on the kernel, and under toynet-run."""
import difflib
import subprocess

from toynettest import KERNEL, TOYNET, Lab, command, die_with_parent, expect, program, test

# Lines that differ, under their title: what the kernel says, what toynet says, and why.
DIFFERENCES = {
    ("refused", "non-blocking connect, poll: IN OUT ERR HUP RDHUP", "non-blocking connect, poll: IN OUT HUP RDHUP"):
        "the descriptor is a pair, which has no error of its own: SO_ERROR tells it",
    ("half-close", "shutdown again: -1 ENOTCONN", "shutdown again: 0"):
        "the pair may be shut down twice; the daemon is asked only whether there was a connection",
    ("datagrams", "poll: ERR", "poll: IN"):
        "an ICMP error comes as a record in its place between the datagrams; the next recv gives it",
}


def on_the_kernel(lab):
    """Both ends on lo, with addresses of their own."""
    own, peer = "10.78.0.2", "10.78.0.1"
    lab.ip("link", "set", "lo", "up")
    for address in (own, peer):
        lab.ip("address", "add", f"{address}/32", "dev", "lo")
    return own, peer


def transcript(lab, own, peer, *prefix, inside):
    """The script's output, with the other part in the namespace."""
    semantics = program("tests/system/semantics", "release")
    enter = ["ip", "netns", "exec", lab.netns]
    with subprocess.Popen([*enter, program("tests/system/semantics_peer", "release"), peer], stdout=subprocess.PIPE, text=True,
                          preexec_fn=die_with_parent) as process:
        try:
            expect(process.stdout.readline() == "ready\n", "the peer is ready")
            return command(*(enter if inside else []), *prefix, semantics, own, peer, timeout=60).stdout.splitlines()
        finally:
            process.kill()


def compare(kernel, toynet):
    title, problems, used = "", [], set()
    for tag, k1, k2, t1, t2 in difflib.SequenceMatcher(None, kernel, toynet, autojunk=False).get_opcodes():
        if tag != "equal":
            for i in range(max(k2 - k1, t2 - t1)):
                pair = (title, kernel[k1 + i] if k1 + i < k2 else "", toynet[t1 + i] if t1 + i < t2 else "")
                used.add(pair)
                if pair not in DIFFERENCES:
                    problems.append(f"# {pair[0]}\n- kernel: {pair[1]}\n- toynet: {pair[2]}")
        titles = [line for line in kernel[:k2] if line.startswith("# ")]
        title = titles[-1][2:] if titles else ""
    return problems, used


@test(120)
def the_calls_do_what_the_kernels_do():
    with Lab() as lab:
        daemon = lab.start()
        toynet = transcript(lab, TOYNET, KERNEL, program("client/toynet-run"), "--socket", daemon.socket, inside=False)
        kernel = transcript(lab, *on_the_kernel(lab), inside=True)
    expect(len(kernel) > 100, f"the kernel's transcript has {len(kernel)} lines")
    problems, used = compare(kernel, toynet)
    expect(not problems, "\n".join(problems))
    expect(set(DIFFERENCES) == used, f"differences that are none any more: {set(DIFFERENCES) - used}")
