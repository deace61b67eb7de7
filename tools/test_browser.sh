#!/usr/bin/env bash
# The tests in a browser: make test-browser. Without Chromium they are skipped, and the summary of make test says so.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$LGF_REPO"
mkdir -p .lgf/browser

summary=.lgf/test-browser-summary
# The first of these that is there; LGF_CHROMIUM names another.
installed() {
    local name
    for name in "${LGF_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [ -n "$name" ] && type -P "$name"; then
            return
        fi
    done
}

if [ -z "$(installed)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    printf '== browser: installing Chromium with apt-get\n'
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; } >.lgf/setup-browser.log 2>&1 || true
fi
if [ -z "$(installed)" ]; then
    printf 'browser: skipped, there is no Chromium (Debian: apt install chromium; or LGF_CHROMIUM=/path/to/chrome)\n' | tee "$summary"
    exit 0
fi

# The stamp lies in the environment, with which it goes.
stamp=.lgf/venv/requirements-browser.txt
if ! cmp --silent tools/requirements-browser.txt "$stamp"; then
    printf '== browser: Playwright into .lgf/venv\n'
    .lgf/venv/bin/pip install --quiet --requirement tools/requirements-browser.txt
    cp tools/requirements-browser.txt "$stamp"
fi
rm -f .lgf/browser/*.png
LGF_CHROMIUM="$(installed)" .lgf/venv/bin/python -m pytest -q -p no:cacheprovider tests/browser 2>&1 | tee .lgf/test-browser.log
printf 'browser: %s\n' "$(tail -n 1 .lgf/test-browser.log)" >"$summary"
