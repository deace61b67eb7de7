#!/usr/bin/env bash
# The sequence on a real Slurm of two nodes, all of it on this machine: run.sh LGF (the path of the command).
# An array of four tasks, one killed, one stopped, one node drained; then Snakemake with three shards. Each data root is
# compared, byte by byte, with that of the same steps run without shards.
# LGF_CLUSTER=install installs Slurm by apt-get where it is missing (root); LGF_CLUSTER=keep keeps the folder.
set -euo pipefail
shopt -s inherit_errexit

lgf="$(realpath "${1:?the path of the command lgf}")"
repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
venv="$repo/.lgf/cluster-venv"
requirements="$repo/cluster/snakemake/requirements.txt"
# Slurm's tools for administrators are there, too.
PATH="$PATH:/usr/sbin:/sbin"

# What differs from run to run, and why.
excluded=(
    cluster  # logs of jobs, marks of what is done
    measured # manifests/measured: time and memory on each machine
)
networks=(resnet50 sin-resnet50)
reference_steps=(boxes subset edges datasets run features observe convert relevance overlap analyse)
array_tasks=4
snakemake_shards=3
limit_seconds=900

skip() {
    printf 'cluster: skipped: %s\n' "$1"
    exit 0
}

prepare() {
    if [ "${LGF_CLUSTER:-}" = install ] && ! command -v slurmctld >/dev/null; then
        if ! { apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurm-wlm munge iproute2 >/dev/null; }; then
            skip "Slurm cannot be installed here (apt-get; it takes root)"
        fi
    fi
    local tool
    for tool in munged slurmctld slurmd sbatch srun unshare ip; do
        command -v "$tool" >/dev/null || skip "there is no $tool (Debian: apt install slurm-wlm munge iproute2)"
    done
    if ! cmp --silent "$requirements" "$venv/requirements.txt"; then
        printf '== Snakemake into .lgf/cluster-venv\n'
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --requirement "$requirements" || skip "Snakemake cannot be installed here (pip)"
        cp "$requirements" "$venv/requirements.txt"
    fi
}

# Own network (loopback alone), host name and processes: nothing is seen from outside, and nothing outlives the script.
if [ "${LGF_CLUSTER_INSIDE:-}" != yes ]; then
    prepare
    own=(unshare --net --uts --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || own+=(--map-root-user)
    "${own[@]}" true 2>/dev/null || skip "no namespaces of its own can be had here (unshare)"
    LGF_CLUSTER_INSIDE=yes exec "${own[@]}" "$0" "$@"
fi
hostname localhost
ip link set lo up
# Where 127.0.0.1 is the only address, the C library resolves none (AI_ADDRCONFIG).
ip address add 127.0.0.2/8 dev lo

space="$(mktemp -d "${TMPDIR:-/tmp}/lgf-cluster.XXXXXX")"
chmod 755 "$space"
daemons=()
passed=0
failed=0

finish() {
    local id
    for id in "${daemons[@]}"; do kill "$id" 2>/dev/null || true; done
    for id in "${daemons[@]}"; do wait "$id" 2>/dev/null || true; done
    if [ "$failed" = 0 ] && [ "${LGF_CLUSTER:-}" != keep ]; then
        rm -rf "$space"
    else
        printf 'kept: %s\n' "$space"
    fi
}
trap finish EXIT

# check WHAT COMMAND…: one line, passed or failed.
check() {
    local what="$1"
    shift
    if "$@" >"$space/said" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$what"
        head -n 20 "$space/said" | sed 's/^/        /'
    fi
}

# within SECONDS COMMAND…: as soon as the command succeeds; it gives up by 2.
within() {
    local end=$((SECONDS + $1)) code
    shift
    while [ "$SECONDS" -lt "$end" ]; do
        code=0
        "$@" || code=$?
        case "$code" in 0) return ;; 2) return 1 ;; esac
        sleep 0.2
    done
    return 1
}

# --- Slurm ---

start_slurm() {
    local node port=16831
    mkdir -p "$space"/{state,log,bin}
    dd if=/dev/urandom of="$space/munge.key" bs=1024 count=1 status=none
    chmod 400 "$space/munge.key"
    cat >"$space/slurm.conf" <<CONF
ClusterName=lgf
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$space/munge.socket
StateSaveLocation=$space/state
SlurmdSpoolDir=$space/spool.%n
SlurmctldPidFile=$space/slurmctld.pid
SlurmdPidFile=$space/slurmd.%n.pid
SlurmctldLogFile=$space/log/slurmctld.log
SlurmdLogFile=$space/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MailProg=/bin/true
CONF
    for node in one two; do
        printf 'NodeName=%s NodeHostname=localhost NodeAddr=127.0.0.1 Port=%s CPUs=2 RealMemory=4000\n' "$node" "$port" >>"$space/slurm.conf"
        port=$((port + 1))
    done
    printf 'PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE\n' >>"$space/slurm.conf"
    export SLURM_CONF="$space/slurm.conf"

    munged --foreground --key-file="$space/munge.key" --socket="$space/munge.socket" --pid-file="$space/munged.pid" \
        --log-file="$space/log/munged.log" --seed-file="$space/munged.seed" 2>"$space/log/munged.err" &
    daemons=($!)
    within 10 test -S "$space/munge.socket"
    slurmctld -D 2>"$space/log/slurmctld.err" &
    daemons=($! "${daemons[@]}")
    for node in one two; do
        slurmd -D -N "$node" 2>"$space/log/slurmd.$node.err" &
        daemons=($! "${daemons[@]}")
    done
    # Snakemake's executor takes Slurm's variables away before it calls srun.
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$space/bin/srun"
    chmod +x "$space/bin/srun"
    export PATH="$space/bin:$PATH"
}

two_idle() { [ "$(sinfo --noheader --Node --states=idle | wc -l)" = 2 ]; }

# Slurm lets a job wait for two minutes before it starts again. Some seconds must remain, for what it did before to end.
hurry() {
    local job reason start
    while read -r job reason start; do
        if [ "$reason" = BeginTime ] && [ "$(date --date="$start" +%s)" -gt $(($(date +%s) + 20)) ]; then
            scontrol update "JobId=$job" StartTime=now+5 2>/dev/null || true
        fi
    done < <(squeue --noheader --array --states=PENDING --format='%i %r %S')
}

queue_empty() {
    hurry
    [ -z "$(squeue --noheader --format=%i)" ]
}
# A shard of the array runs; no more is to be expected of an empty queue.
task_runs() {
    if queue_empty; then
        tail --quiet --lines=2 "$logs"/*-merge.log
        return 2
    fi
    hold "$@"
}

# The process of a shard, which is the only one with these words. It is held (SIGSTOP) as soon as it hears signals, so that its
# step cannot be over before what is tested has come to it.
hold() {
    local process
    process="$(pgrep -f -- " $1 --root $LGF_ROOT --shard $2\$")" && has SigCgt TERM "$process" && kill -STOP "$process" &&
        printf '%s\n' "$process" >"$space/process"
}
held() { head -n 1 "$space/process"; }
# has FIELD SIGNAL PROCESS: whether a set of signals in the process's status has this one.
has() {
    local set
    set="$(sed -n "s/^$1:\t//p" "/proc/$3/status")" && [ $((0x$set & 1 << ($(kill -l "$2") - 1))) != 0 ]
}
go_on() { kill -CONT "$(held)"; }
killed() { kill -KILL "$(held)"; }
told_by_slurm() {
    scancel --batch --signal=USR1 "$(squeue --noheader --name="lgf-$1" --format=%F | head -n 1)_$2" &&
        within 60 has ShdPnd USR1 "$(held)" && go_on
}
node_back() { scontrol update NodeName=two State=RESUME && go_on; }
told_to_stop() { kill -TERM "$(held)" && go_on; }
task_on_two() {
    if queue_empty; then return 2; fi
    squeue --noheader --array --name=lgf-features --nodelist=two --states=RUNNING --format=%i | head -n 1 >"$space/moved"
    [ -s "$space/moved" ] && hold features "$(sed 's/.*_//' "$space/moved")/$array_tasks"
}

# --- data roots ---

small_study() {
    "$lgf" sample --root "$1"
    python3 - "$1/study.json" "${networks[@]}" <<'PYTHON'
import json, sys
path, names = sys.argv[1], sys.argv[2:]
study = json.load(open(path))
study["networks"] = [network for network in study["networks"] if network["name"] in names]
study["images_per_class"] = 1
json.dump(study, open(path, "w"), indent=2)
PYTHON
}

without_shards() {
    local step
    for step in "${reference_steps[@]}"; do
        "$lgf" "$step" --root "$1" || return
    done
}

# Every run has the same path, which its records name, and is moved away when it is compared.
fresh_root() {
    cp -r "$space/drawn" "$LGF_ROOT"
}
same_bytes() {
    mv "$LGF_ROOT" "$space/$1"
    diff --recursive --brief "${excluded[@]/#/--exclude=}" "$space/reference" "$space/$1"
}

# --- what is tested ---

start_slurm
check "Slurm $(slurmd -V | cut -d' ' -f2) with two nodes on loopback" within 20 two_idle
[ "$failed" = 0 ] || exit 1

export LGF_DEVICE=cpu LGF="$lgf" LGF_ROOT="$space/root"
check "the sample, two networks, one photograph of each class" small_study "$space/drawn"
fresh_root
check "the sequence without shards" without_shards "$LGF_ROOT"
mv "$LGF_ROOT" "$space/reference"
[ "$failed" = 0 ] || exit 1

fresh_root
export LGF_SHARDS="$array_tasks"
logs="$LGF_ROOT/cluster/logs"
check "array: the sequence is submitted" "$repo/cluster/slurm/submit.sh" --cpus-per-task=2 --mem=2000

check "array: a task of datasets runs" within 300 task_runs datasets "1/$array_tasks"
check "array: it is killed" killed
check "array: a task of run runs" within 300 task_runs run "2/$array_tasks"
check "array: Slurm tells it to stop" told_by_slurm run 2
check "array: a task of features runs on the second node" within 300 task_on_two
scontrol update NodeName=two State=DRAIN Reason=test
moved="$(cat "$space/moved")"
check "array: the node is drained, its task ($moved) goes to the other" scontrol requeue "$moved"
check "array: a task of relevance runs" within 300 task_runs relevance "0/$array_tasks"
check "array: the node is back" node_back
check "array: the queue is empty" within "$limit_seconds" queue_empty
check "array: the killed task was run again" grep -q 'ended by signal 9, queued again' "$logs/datasets-1.log"
check "array: the stopped task was run again" grep -q 'stopped, finished work is kept, queued again' "$logs/run-2.log"
check "array: the drained node's task was run again" grep -q 'restart 1' "$logs/features-${moved#*_}.log"
check "array: the last merge did everything" test -s "$LGF_ROOT/report.html"
check "array: the same bytes as without shards" same_bytes array

# A root on a read-only mount is refused in words; on a disk that is full a shard ends in words, and goes on once there is room.
refused() {
    local words="$1" code=0
    shift
    "$lgf" "$@" >"$space/refused" 2>&1 || code=$?
    cat "$space/refused"
    [ "$code" = 1 ] && grep --quiet "$words" "$space/refused"
}
read_only() {
    mount --bind "$space/reference" "$space/reference" && mount -o remount,bind,ro "$space/reference" || return
    local code=0
    refused 'choose a place that you may write to' edges --root "$space/reference" --shard 0/2 || code=$?
    # Only to look needs no right to write.
    "$lgf" plan --root "$space/reference" || code=1
    umount "$space/reference"
    return "$code"
}
both_shards() { "$lgf" "$1" --root "$LGF_ROOT" --shard 0/2 && "$lgf" "$1" --root "$LGF_ROOT" --shard 1/2; }
small_disk() {
    local megabytes
    megabytes=$(($(du --summarize --block-size=1M "$space/drawn" | cut -f1) + 2))
    mkdir -p "$LGF_ROOT" && mount -t tmpfs -o "size=${megabytes}m" tmpfs "$LGF_ROOT" && cp -r "$space/drawn/." "$LGF_ROOT" &&
        both_shards boxes && "$lgf" merge --root "$LGF_ROOT"
}
full_disk() {
    head --bytes=1G /dev/zero >"$LGF_ROOT/filler" 2>/dev/null
    refused 'free some space' edges --root "$LGF_ROOT" --shard 0/2
}
room_again() {
    rm "$LGF_ROOT/filler" && mount -o remount,size=200m "$LGF_ROOT" && both_shards edges && "$lgf" merge --root "$LGF_ROOT" &&
        diff --recursive --brief "$space/reference/edges" "$LGF_ROOT/edges" &&
        cmp "$space/reference/edges_data.parquet" "$LGF_ROOT/edges_data.parquet"
}
if mount -t tmpfs -o size=1m tmpfs "$space/bin" 2>/dev/null; then
    umount "$space/bin"
    check "a root on a read-only mount is refused, and can be looked at" read_only
    check "a small shared disk" small_disk
    check "a shared disk that is full ends a shard in words" full_disk
    check "with room again it goes on, and the bytes are the same" room_again
    umount "$LGF_ROOT" && rmdir "$LGF_ROOT"
fi

fresh_root
export LGF_SHARDS="$snakemake_shards" XDG_CACHE_HOME="$space/cache"
snakemake_run() {
    cd "$space"
    "$venv/bin/snakemake" --snakefile "$repo/cluster/snakemake/Snakefile" --profile "$repo/cluster/snakemake/slurm" \
        --default-resources cpus_per_task=1 mem_mb=1000 --latency-wait 10 \
        --seconds-between-status-checks 7 --slurm-init-seconds-before-status-checks 7 >"$space/snakemake.log" 2>&1
}
snakemake_run &
workflow=$!
job_runs() {
    kill -0 "$workflow" 2>/dev/null || return 2
    hold "$@"
}
check "Snakemake: a job of run runs" within 300 job_runs run "1/$snakemake_shards"
check "Snakemake: it is told to stop" told_to_stop
check "Snakemake $("$venv/bin/snakemake" --version): the sequence" wait "$workflow"
check "Snakemake: the stopped job was run again" grep -q 'Trying to restart job' "$space/snakemake.log"
check "Snakemake: the last merge did everything" test -s "$LGF_ROOT/report.html"
check "Snakemake: the same bytes as without shards" same_bytes snakemake

printf 'cluster: %s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
