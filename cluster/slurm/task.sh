#!/usr/bin/env bash
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
# A job of the sequence: task.sh COMMAND… runs lgf with these words on the data root. In a task of an array the command takes its shard
# from Slurm: sbatch --array=0-<LGF_SHARDS less 1> task.sh STEP
set -uo pipefail

: "${LGF_ROOT:?set it to the data root}"
own=()
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    own=(--shard "$SLURM_ARRAY_TASK_ID/${LGF_SHARDS:?set it to the number of tasks of each array}")
fi
restarts="${SLURM_RESTART_COUNT:-0}"
read -ra lgf <<<"${LGF:-lgf}"

say() { printf '%s %s: %s\n' "$(date +%T)" "$(hostname -s)" "$*"; }
again() {
    say "$1, queued again"
    # Slurm ends this job while scontrol still runs in it.
    trap '' TERM
    scontrol requeue "$SLURM_JOB_ID" && exit 0
    say "Slurm does not queue it again: submit the sequence again, it goes on from here"
    exit 1
}

say "lgf $* ${own[*]}, restart $restarts"
# The command ends its item and exits with 75. Slurm sends USR1 before the time is up, TERM when the job was cancelled or is
# pre-empted; where an item takes longer, TERM follows USR1.
child=""
signal=""
# shellcheck disable=SC2329 # by the traps
pass_on() {
    signal="${signal:-$1}" interrupted=1
    if [ -n "$child" ]; then kill "-$1" "$child"; fi
}
trap 'pass_on USR1' USR1
trap 'pass_on TERM' TERM
"${lgf[@]}" "$@" --root "$LGF_ROOT" "${own[@]}" &
child=$!
if [ -n "$signal" ]; then kill "-$signal" "$child"; fi
while
    interrupted=""
    wait "$child"
    code=$?
    # A signal ends the waiting, not the command.
    [ -n "$interrupted" ]
do :; done

if [ "$signal" = TERM ]; then
    say "cancelled or pre-empted, exit $code"
elif [ "$code" = 75 ]; then
    again "stopped, finished work is kept"
elif [ "$code" -ge 128 ] && [ "$restarts" -lt "${LGF_RESTARTS:-3}" ]; then
    again "ended by signal $((code - 128))"
fi
say "exit $code"
exit "$code"
