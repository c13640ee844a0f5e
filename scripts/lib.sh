# Shared by scripts/demo and scripts/check: packages, build, and a private throw-away cluster.
# Source it with the working directory anywhere; it sets $repo, $pg_config, $bin.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { echo "error: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "need root or sudo for: $*"; fi
}

# The newest server with its development files; PG_CONFIG overrides.
find_postgres() {
    pg_config=${PG_CONFIG:-}
    if [ -z "$pg_config" ]; then
        local candidate
        for candidate in $(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -t/ -k5,5nr); do
            [ -e "$("$candidate" --pgxs)" ] && [ -x "${candidate%pg_config}initdb" ] && { pg_config=$candidate; break; }
        done
    fi
    [ -n "$pg_config" ] || return 1
    bin=$("$pg_config" --bindir)
    pg_major=$("$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
}

# Installs Debian packages that are missing. Names may carry %PG% for the server's major version.
install_missing() {
    local major missing=() name
    if find_postgres; then major=$pg_major
    else
        command -v apt-get >/dev/null || die "no PostgreSQL with server headers found, and no apt-get to install it"
        as_root apt-get update -qq
        major=$(apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' | sed 's/.*-dev-\([0-9]*\) .*/\1/' | sort -n | tail -1)
    fi
    command -v dpkg-query >/dev/null || return 0
    for name in "$@"; do
        name=${name//%PG%/$major}
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "Installing: ${missing[*]}"
        as_root apt-get update -qq
        # Debian's packages would otherwise create and start a cluster of their own.
        as_root mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    find_postgres || die "PostgreSQL with server headers is still missing"
}

build_and_install() {
    say "Building scout_ir for $("$pg_config" --version)"
    local log; log=$(mktemp)
    if ! make -C "$repo" -j"$(nproc)" PG_CONFIG="$pg_config" >"$log" 2>&1 ||
       ! as_root make -C "$repo" PG_CONFIG="$pg_config" install >>"$log" 2>&1; then
        cat "$log" >&2; rm -f "$log"; die "the build failed"
    fi
    rm -f "$log"
}

# Servers refuse to run as root: everything of the cluster runs as postgres then.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp "$@"
    else "$@"; fi
}

# start_cluster [SETTING...]: a private cluster on a unix socket in a temporary folder. Sets
# $cluster, PGHOST, PGUSER, PGDATABASE. stop_cluster removes it; call it from a trap.
start_cluster() {
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/scout_ir.XXXXXX")
    chmod 755 "$cluster"
    [ "$(id -u)" != 0 ] || chown postgres "$cluster"
    as_postgres "$bin/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$cluster'"
        echo "shared_buffers = 256MB"
        echo "max_wal_size = 2GB"
        printf '%s\n' "$@"
    } | as_postgres tee -a "$cluster/data/postgresql.conf" >/dev/null
    as_postgres "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -s start || { cat "$cluster/log" >&2; return 1; }
    export PGHOST=$cluster PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PGTZ=UTC
    unset PGPASSWORD PGSERVICE PGOPTIONS
}

stop_cluster() {
    [ -n "${cluster:-}" ] || return 0
    as_postgres "$bin/pg_ctl" -D "$cluster/data" -m immediate -s stop 2>/dev/null || true
    rm -rf "$cluster"
    cluster=
}
