"""A machine that refuses: full and read-only disks, limits of a process, a wrong clock, closed outputs, a parent that is gone."""

import ctypes
import functools
import os
import random
import resource
import signal
import subprocess
import time
from functools import partial

from bench import Drill, Failure, Skipped, check_same, check_whole, check_words, restore, tree
from kills import finish

CLONE_NEWNS = 0x20000
YEARS_20 = 20 * 365 * 86400
AMPLE = "size=2g,nr_inodes=1m"


@functools.cache
def own_mounts():
    """Whether this process may mount: in a space of its own, which ends with it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True).returncode == 0


def other_user(number):
    """A call by a user of its own, of whom the limit counts all threads; it may read the libraries wherever they are."""
    own = 64082 + number
    rights = [f"--{kind}-caps=+dac_override,+dac_read_search" for kind in ("inh", "ambient")]
    return ["setpriv", f"--reuid={own}", f"--regid={own}", "--clear-groups", *rights]


@functools.cache
def other_users():
    """Whether a process of another user may be started here."""
    try:
        return subprocess.run([*other_user(0), "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def limited(step, bench, codes=(0, 1), env=None, mode=None, **how):
    """A step under a limit: done and right, or an error in words; then the same without it."""
    restore(bench.root, step.before)
    env = {**step.env, **(bench.fault(mode) if mode else {}), **(env or {})}
    done = bench.call(step.call, env, **how)
    # The loader's own words, before the program begins.
    if done.code != 127 or "shared librar" not in done.err:
        check_words(done, codes)
    return after(bench, step, done)


def few_threads(count, step, bench):
    """A user who may have so many threads."""
    if not other_users():
        raise Skipped("no process of another user can be started here")
    return limited(step, bench, limits=[(resource.RLIMIT_NPROC, count)], before=other_user(bench.number))


def after(bench, step, done):
    """Nothing is half-written, and the same call without a limit gives the bytes of an undisturbed run."""
    check_whole(bench.root, step)
    if done.code == 0 and len(step.finish) == 1:
        check_same(bench.root, step.after)
    finish(bench, step)
    return done.code


def size_of(files):
    """Bytes that files take of a disk in memory."""
    return sum(-(-len(content) // 4096) * 4096 for content in files.values() if content)


def mounted(bench, work):
    """Work on a root that is a disk of its own, in memory."""
    if not own_mounts():
        raise Skipped("nothing can be mounted here")

    def mount(*words):
        done = subprocess.run(["mount", *words, str(bench.root)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"mount {' '.join(words)}: {done.stderr.strip()}")

    mount("-t", "tmpfs", "-o", AMPLE, "drill")
    try:
        return work(lambda options: mount("-o", f"remount,{options}"))
    finally:
        subprocess.run(["umount", str(bench.root)], check=True)


def small_disk(share, inodes, step, bench):
    """A disk that is full when a share of what the step writes is there, or when it has so many files."""

    def work(remount):
        restore(bench.root, step.before)
        room = os.statvfs(bench.root)
        if inodes:
            more = int((len(step.after) - len(step.before)) * share)
            remount(f"nr_inodes={room.f_files - room.f_ffree + max(more, 0)}")
        else:
            more = max(size_of(step.after) - size_of(step.before), 1 << 16)
            # A disk of size 0 would have no end.
            remount(f"size={max((room.f_blocks - room.f_bfree) * room.f_frsize + int(more * share), room.f_frsize)}")
        done = bench.call(step.call, step.env)
        remount(AMPLE)
        check_words(done, (0, 1))
        if done.code == 1 and not any(words in done.err for words in ("No space left", "MB are needed")):
            raise Failure(f"does not say that the disk is full: {done.err}")
        return after(bench, step, done)

    return mounted(bench, work)


def read_only(step, bench):
    """A disk that cannot be written."""

    def work(remount):
        restore(bench.root, step.before)
        start = tree(bench.root)
        remount("ro")
        done = bench.call(step.call, step.env)
        remount("rw")
        check_words(done, (1,), ("Read-only file system",))
        if tree(bench.root) != start:
            raise Failure("something was written to a disk that cannot be written")
        finish(bench, step)
        return done.code

    return mounted(bench, work)


def outputs(which, step, bench):
    """Standard output or error that is closed, full, or read by nobody."""
    if which == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return limited(step, bench, stdout=writer)
        finally:
            os.close(writer)
    if which == "full":
        with open("/dev/full", "wb") as full:
            return limited(step, bench, stdout=full)
    if which == "stdout":
        return limited(step, bench, stdout=subprocess.DEVNULL, closed=(1,))
    restore(bench.root, step.before)
    closed = (2,) if which == "stderr" else (0, 1, 2)
    done = bench.call(step.call, step.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, closed=closed)
    if done.code not in (0, 1):
        raise Failure(f"exit code {done.code}")
    return after(bench, step, done)


def parent_gone(wait, step, bench):
    """The shell that started it is killed: it ends by itself, with nothing half-written."""
    restore(bench.root, step.before)
    shell = ["sh", "-c", '"$@" & wait', "sh"]
    shell = bench.start(step.call, step.env, before=shell, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(wait)
    shell.kill()
    shell.wait()
    for _ in range(1200):
        try:
            os.killpg(shell.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.killpg(shell.pid, signal.SIGKILL)
        raise Failure("works on two minutes after its parent was killed")
    check_whole(bench.root, step)
    finish(bench, step)


def helper_gone(step, bench):
    """The program that fetches for it does not outlive it."""
    restore(bench.root, step.before)
    python, own = bench.folder / "python", bench.folder / "pid"
    own.unlink(missing_ok=True)
    python.write_text(f'#!/bin/sh\ncase "$*" in *config*) exit 0 ;; esac\necho $$ >{own}.new\nmv {own}.new {own}\nexec sleep 60\n')
    python.chmod(0o755)
    process = bench.start(step.call, {**step.env, "LGF_PYTHON": str(python)})
    for _ in range(600):
        if own.exists():
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    helper = int(own.read_text())
    time.sleep(2)
    if os.path.exists(f"/proc/{helper}") and "sleep" in open(f"/proc/{helper}/cmdline").read():
        os.kill(helper, signal.SIGKILL)
        raise Failure("the program that it started works on two seconds after it was killed")
    process.communicate()
    check_whole(bench.root, step)
    finish(bench, step)


def limits():
    """The limits of a process, a wrong clock and outputs: what is refused, and the drill."""
    size, files, space = resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS
    for most in (0, 4 << 10, 100 << 10):
        yield f"ulimit -f {most >> 10}", partial(limited, limits=[(size, most)])
    for count in (8, 16, 24, 40):
        yield f"ulimit -n {count}", partial(limited, limits=[(files, count)])
    for gigabytes in (1, 2, 3):
        yield f"ulimit -v {gigabytes << 20}", partial(limited, limits=[(space, gigabytes << 30)])
    for count in (1, 2, 4, 6):
        yield f"ulimit -u {count}", partial(few_threads, count)
    for seconds in (-YEARS_20, YEARS_20):
        yield f"clock {seconds} s", partial(limited, codes=(0,), mode="off", env={"DRILL_CLOCK": str(seconds)})
    yield "TMPDIR gone", partial(limited, codes=(0,), env={"TMPDIR": "/not/there", "HOME": "/not/there"})
    for which in ("pipe", "full", "stdout", "stderr", "all"):
        yield f"output {which}", partial(outputs, which)


def disks():
    """Disks that are full or cannot be written."""
    for share in (0, 0.1, 0.5, 0.8):
        yield f"disk with {share} of its room", partial(small_disk, share, False)
    for share in (0, 0.3, 0.7):
        yield f"disk with {share} of its files", partial(small_disk, share, True)
    yield "disk that is read-only", read_only


def drills(steps, share, seed):
    """A share of the drills of the machine."""
    chance, every = random.Random(f"{seed} machine"), []
    for step in steps:
        every += [(step, how, work) for how, work in (*limits(), *disks())]
        every.append((step, "parent gone", partial(parent_gone, round(chance.uniform(0.1, 1), 3))))
        if step.name == "fetch wheel":
            every.append((step, "killed while pip runs", helper_gone))
    for step, how, work in chance.sample(every, max(1, round(len(every) * share))):
        yield Drill(f"machine: {' '.join(how.split()[:2])}", len(every), f"{step.name}, {how}", partial(work, step))
