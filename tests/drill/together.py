"""Two at once on one data root: both are right, or the second says who is there."""

import random
import signal
import time
from functools import partial

from bench import Drill, Failure, check_ok, check_whole, check_words, restore
from kills import finish


def started(bench, calls, env, apart):
    """Calls started one after another, some time apart."""
    running = []
    for call in calls:
        running.append((bench.start(call, env), time.monotonic()))
        time.sleep(apart)
    return running


def both(step, calls, apart, earlier, bench):
    """Two calls at once: each ends well or says that another process is there; one at least ends well."""
    restore(bench.root, step.before)
    for call in earlier:
        check_ok(bench.call(call, step.env))
    env = {**step.env, "RAYON_NUM_THREADS": "2"}
    ended = [bench.end(*one) for one in started(bench, calls, env, apart)]
    for call, done in zip(calls, ended):
        check_words(done, (0, 1), ("another process",))
    if all(done.code == 1 for done in ended):
        raise Failure(f"none of both ended well: {ended[0].err}")
    check_whole(bench.root, step)
    finish(bench, step)
    return max(done.code for done in ended)


def one_killed(step, apart, wait, bench):
    """Two of the same call at once, the first killed: the second ends well."""
    restore(bench.root, step.before)
    first, second = started(bench, [step.call, step.call], step.env, apart)
    time.sleep(wait)
    first[0].send_signal(signal.SIGKILL)
    bench.end(*first)
    check_ok(bench.end(*second))
    check_whole(bench.root, step)
    finish(bench, step)


SHARED = ("edges", "datasets", "run", "features", "observe", "relevance", "overlap")
# Where a merge ends with that step, or is a step of its own: behind others it goes on with what is not shared out.
MERGED = ("edges", "datasets", "run", "relevance", "overlap")


def pairs(steps, sequence, whole):
    """Every pair: what it is called, the drill, which is given the time between them and that before a kill."""
    for step in [*steps, whole]:
        yield f"{step.name} twice", lambda apart, _, step=step: partial(both, step, [step.call] * 2, apart, [])
        if not step.name.startswith("fetch"):
            yield f"{step.name} twice, one killed", lambda apart, wait, step=step: partial(one_killed, step, apart, wait)
    for step in (step for step in sequence if step.call[0] in SHARED):
        name, merge = step.call[0], ["merge", step.call[0]]
        shards = [[name, "--shard", f"{index}/2"] for index in (0, 1)]
        ways = [(step, "beside a shard of it", [step.call, shards[1]], []), (step, "as both shards", shards, [])]
        if name in MERGED:
            joined = next((other for other in steps if other.call == merge), step)
            earlier = shards if joined is step else []
            ways += [(joined, "merged twice", [merge, merge], earlier), (joined, "beside its merge", [merge, step.call], earlier)]
        for of, how, calls, earlier in ways:
            given = (of, calls, earlier)
            yield f"{step.name} {how}", lambda apart, _, of=given: partial(both, of[0], of[1], apart, of[2])
    for place, step in enumerate(sequence):
        given = ([["all"], step.call], [earlier.call for earlier in sequence[:place]])
        if step.call[0] not in ("convert", "ablate"):
            yield f"all beside {step.name}", lambda apart, _, of=given: partial(both, whole, of[0], apart, of[1])


def drills(steps, sequence, whole, share, seed):
    """A share of the pairs, seeded."""
    chance, every = random.Random(f"{seed} together"), list(pairs(steps, sequence, whole))
    for how, work in chance.sample(every, max(1, round(len(every) * share))):
        apart = round(chance.choice((0, chance.uniform(0, 0.6))), 3)
        wait = round(chance.uniform(0.1, 1.5), 3)
        yield Drill("two at once", len(every), f"{how}, {apart} s apart, {wait} s", work(apart, wait))
