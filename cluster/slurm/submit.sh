#!/usr/bin/env bash
# Submits the whole sequence: for each step an array of LGF_SHARDS tasks, then a job that joins them.
# submit.sh [options of sbatch, for every job]
set -euo pipefail
shopt -s inherit_errexit

: "${LGF_ROOT:?set it to the data root}" "${LGF_SHARDS:?set it to the number of tasks of each array}"
LGF_ROOT="$(cd "$LGF_ROOT" && pwd)"
export LGF_ROOT LGF_SHARDS
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
logs="$LGF_ROOT/cluster/logs"
mkdir -p "$logs"

submit() {
    local id
    id="$(sbatch --parsable "$@")"
    printf '%s\n' "${id%%;*}"
}

after=()
for step in boxes edges datasets run features observe relevance overlap; do
    array="$(submit --job-name="lgf-$step" --array="0-$((LGF_SHARDS - 1))" --output="$logs/$step-%a.log" \
        "${after[@]}" "$@" "$here/task.sh" "$step")"
    # The merge looks for gaps itself, and names them.
    merge="$(submit --job-name="lgf-$step-merge" --output="$logs/$step-merge.log" \
        --dependency="afterany:$array" "$@" "$here/task.sh" merge "$step")"
    after=(--dependency="afterok:$merge" --kill-on-invalid-dep=yes)
    printf '%s: array %s, merge %s\n' "$step" "$array" "$merge"
done
printf 'logs: %s\n' "$logs"
