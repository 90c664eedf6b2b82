# Shared by the scripts of this folder; sourced, not run. POSIX sh.

# Downloads that are worth keeping for the next run, outside the checkout.
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hookswitch

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Whether Debian packages may be installed here.
may_install() { [ "$(id -u)" = 0 ] && have apt-get && [ -e /etc/debian_version ]; }

# Seconds since the epoch.
now() { date +%s; }

# step TITLE COMMAND… - runs it under a heading, and says how long it took.
step() {
    _title=$1; shift
    say ""
    say "== $_title"
    _began=$(now)
    "$@" || { _code=$?; say "== $_title: FAILED after $(($(now) - _began)) s"; return $_code; }
    say "== $_title: $(($(now) - _began)) s"
}
