#!/usr/bin/env bash
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
# One task of an array: its part of a step. sbatch --array=0-<LGF_SHARDS less 1> shard.sh STEP
set -uo pipefail

step="$1"
: "${LGF_ROOT:?set it to the data root}" "${LGF_SHARDS:?set it to the number of tasks of each array}"
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

say "lgf $step, shard $SLURM_ARRAY_TASK_ID of $LGF_SHARDS, restart $restarts"
# The command ends its item and exits with 75. Slurm sends TERM when the job was cancelled, or is pre-empted.
child=""
signal=""
trap 'signal=USR1 interrupted=1; kill -USR1 "$child"' USR1
trap 'signal=TERM interrupted=1; kill -TERM "$child"' TERM
"${lgf[@]}" "$step" --root "$LGF_ROOT" --shard "$SLURM_ARRAY_TASK_ID/$LGF_SHARDS" &
child=$!
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
