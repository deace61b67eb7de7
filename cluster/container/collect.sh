#!/usr/bin/env bash
# In the image that compiles: the command, its libraries that Debian does not have, data and licences into /image.
set -euo pipefail
# shellcheck source=/dev/null
. tools/env.sh

mkdir -p /image/bin /image/lib /image/licenses
strip -o /image/bin/lgf "$CARGO_TARGET_DIR/$CARGO_BUILD_TARGET/debug/lgf"
ldd /image/bin/lgf | awk -v own="^($LGF_CACHE|$(rustc --print sysroot))/" '$3 ~ own { print $3 }' |
    xargs cp --dereference --target-directory /image/lib
strip --strip-unneeded /image/lib/libstd-*.so
cp --recursive data /image/data
cp LICENSE /image/licenses/lgf
for package in "$LGF_CACHE"/libtorch/*.dist-info; do
    cp --recursive "$package/licenses" "/image/licenses/$(basename "$package" .dist-info)"
done
