#!/usr/bin/env bash
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# Joins what the tasks of an array left, and does the steps up to the next array.
set -euo pipefail

: "${LGF_ROOT:?set it to the data root}"
read -ra lgf <<<"${LGF:-lgf}"
exec "${lgf[@]}" merge --root "$LGF_ROOT"
