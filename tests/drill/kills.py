"""Kills, torn writes, a full disk and failing calls at points of each step; and kills at random moments of all of them."""

import errno
import os
import random
import re
import signal
import time
from functools import partial

from bench import Drill, Failure, check_ok, check_same, check_whole, check_words, restore

REFUSALS = (errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES)
# The line of the kills at random moments.
RANDOM = "all, at random moments"
# Drills of each step by the whole share, by mode.
BUDGET = {"kill": 30, "torn": 14, "full": 10, "fail": 10}
# Steps of which one run takes seconds.
SLOW = ("0 sample", "5 run", "5 features", "6 analyse", "6 ablate", "5 run, shard", "5 run, merge")


def normal(path):
    """A path without the names of processes and without numbers."""
    path = re.sub(r"\.[0-9a-f]{6}_[0-9a-f]{6}_[0-9a-f]{6}_\d+-\d+\.part", ".part", path)
    return re.sub(r"\d+", "#", path)


def points(calls):
    """The first, a middle and the last of each kind of call on each kind of path; then all others."""
    classes = {}
    for number, kind, path in calls:
        classes.setdefault((kind, normal(path)), []).append(number)
    first = {number for of in classes.values() for number in (of[0], of[len(of) // 2], of[-1])}
    return sorted(first), sorted({number for number, _, _ in calls} - first)


def chosen(calls, mode, budget, chance):
    """The points of a step at which a mode is tried: seeded, those that differ in kind before others."""
    rooms = ("create", "write", "mkdir", "link")
    kinds = {"torn": ("write", "rename", "fsync"), "full": rooms}.get(mode)
    usable = [call for call in calls if kinds is None or call[1] in kinds]
    first, others = points(usable)
    take = chance.sample(first, min(len(first), budget))
    return take + chance.sample(others, min(len(others), budget - len(take)))


def finish(bench, step):
    """The same calls again bring the root of an undisturbed run."""
    for call in step.finish:
        check_ok(bench.call(call, step.env))
    check_same(bench.root, step.after)


def disturbed(step, mode, number, refusal, bench):
    """One step with something wrong at one point; then the same again."""
    restore(bench.root, step.before)
    bench.calls()
    done = bench.call(step.call, {**step.env, **bench.fault(f"{mode} {number} {refusal}")})
    hit = [f"{kind} {path}" for _, kind, path in bench.calls()]
    at = f" (at {hit[0]})" if hit else " (not reached)"
    try:
        check_whole(bench.root, step)
        if mode in ("kill", "torn"):
            if hit and done.code != -signal.SIGKILL:
                raise Failure(f"exit code {done.code}, expected that of a kill: {done.err[-300:]}")
        else:
            check_words(done, (0, 1), ("No space left", "free some space") if mode == "full" else ())
            # Where tidying up is refused, what stays is removed by the next call.
            kept = hit and re.match(r"(unlink|rename) .*\.part(\.json)?(/|$)", hit[0])
            if done.code == 0 and len(step.finish) == 1 and not kept:
                check_same(bench.root, step.after)
            # A full disk keeps what needs no more room.
            if mode == "fail" and done.code == 0 and hit and hit[0].startswith("fsync "):
                raise Failure("the disk refused to keep it, and the step says that it is done")
        finish(bench, step)
        return done.code
    except Failure as failure:
        raise Failure(failure.words + at) from None


def at_points(steps, share, seed):
    """Each of some steps disturbed at points."""
    for step in steps:
        chance = random.Random(f"{seed} {step.name}")
        for mode, most in BUDGET.items():
            budget = max(1, round(most * share * (0.4 if step.name in SLOW else 1)))
            for number in chosen(step.calls, mode, budget, chance):
                refusal = chance.choice(REFUSALS) if mode == "fail" else 0
                how = f"{mode} {number} {errno.errorcode.get(refusal, '')}".strip()
                yield Drill(step.name, len(step.calls), how, partial(disturbed, step, mode, number, refusal))


def once(step, wait, bench):
    """One run, killed after some seconds: what is there is whole. Whether it was killed."""
    process, began = bench.start(step.call, {"RAYON_NUM_THREADS": "2"}), time.monotonic()
    time.sleep(wait)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    done = bench.end(process, began)
    if done.code not in (0, -signal.SIGKILL):
        raise Failure(f"exit code {done.code}: {done.err[-600:]}")
    check_whole(bench.root, step)
    return done.code != 0


def killed_to_the_end(step, start, seed, kills, most, bench):
    """All steps, killed at random moments and called again until they are done, or until so many kills fell in all drills."""
    chance, number = random.Random(seed), 0
    restore(bench.root, step.before)
    try:
        # Before it has started nothing is done yet.
        while kills.value < most and once(step, start * chance.uniform(0.5, 1) + chance.uniform(0, 1.2), bench):
            number += 1
            with kills.get_lock():
                kills.value += 1
        finish(bench, step)
    except Failure as failure:
        raise Failure(f"{failure.words} (kill {number + 1})") from None
    return 0


def at_random(step, start, count, seed, kills):
    """As many drills as so many kills can take, each from the beginning to the end: those after the last kill do nothing more."""
    for number in range(count):
        own = f"{seed}.{number}"
        yield Drill(RANDOM, count, f"seed {own}", partial(killed_to_the_end, step, start, own, kills, count))
