# Shared by scripts/demo and scripts/check: packages, build, and a private throw-away cluster.
# Sourced from anywhere; sets $repo, and with install_missing $pg_config, $pg_major and $bin.
# shellcheck shell=bash disable=SC2034  # used where this is sourced

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
oldest=15  # the first supported major version of PostgreSQL

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { echo "error: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "need root or sudo for: $*"; fi
}

# The newest server that has its development files; PG_CONFIG overrides.
find_postgres() {
    local candidate
    pg_config=${PG_CONFIG:-}
    while [ -z "$pg_config" ] && read -r candidate; do
        if [ -e "$("$candidate" --pgxs)" ] && [ -x "${candidate%pg_config}initdb" ]; then pg_config=$candidate; fi
    done < <(find /usr/lib/postgresql/*/bin -name pg_config 2>/dev/null | sort -t/ -k5,5nr)
    [ -n "$pg_config" ] || return 1
    bin=$("$pg_config" --bindir)
    pg_major=$("$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    [ "$pg_major" -ge $oldest ] || die "PostgreSQL $oldest or newer is needed, $pg_config is $("$pg_config" --version)"
}

# install_missing PACKAGE...: Debian packages; %PG% in a name stands for the server's major version.
# Elsewhere, and for a server that is not Debian's, what is there must do.
install_missing() {
    local major='' missing=() name
    if find_postgres; then major=$pg_major
    else
        command -v apt-get >/dev/null || die "no PostgreSQL with server headers found, and no apt-get to install it; PG_CONFIG=... names one"
        as_root apt-get update -qq
        major=$(apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' | sed 's/.*-dev-\([0-9]*\) .*/\1/' | sort -n | tail -1)
        [ "${major:-0}" -ge $oldest ] || die "this system has no PostgreSQL $oldest or newer; PG_CONFIG=... names one"
    fi
    command -v dpkg-query >/dev/null || return 0
    for name in "$@"; do
        case $name in *%PG%*) [ -z "${bin:-}" ] || [[ $bin == /usr/lib/postgresql/* ]] || continue ;; esac
        name=${name//%PG%/$major}
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "Installing ${missing[*]}"
        as_root apt-get update -qq
        # Debian's packages would otherwise make and start a cluster of their own.
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            as_root mkdir -p /etc/postgresql-common
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        fi
        quietly "installing packages" as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" || die "the packages could not be installed"
    fi
    find_postgres || die "PostgreSQL with server headers is still missing"
}

# quietly LABEL COMMAND...: shows nothing but a sign of life every 10 s, and all of the output if it fails.
# (Asking for sudo's password still works: it asks the terminal.)
quietly() {
    local label=$1 log started=$SECONDS status=0; shift
    log=$(mktemp)
    (while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do printf '   ... %s, %d s\n' "$label" $((SECONDS - started)); done) &
    local alive=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    { kill $alive && wait $alive; } 2>/dev/null || true
    [ $status = 0 ] || cat "$log" >&2
    rm -f "$log"
    return $status
}

# The extension of this checkout into the server found.
build_and_install() {
    say "Building scout_ir for $("$pg_config" --version)"
    quietly building make -C "$repo" -j"$(nproc)" PG_CONFIG="$pg_config" || die "the build failed"
    quietly installing as_root make -C "$repo" PG_CONFIG="$pg_config" install || die "installing failed"
}

# Servers refuse to run as root: everything of the cluster then runs as postgres.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp "$@"
    else "$@"; fi
}

# As root, what the server's user writes must be its own.
own() { [ "$(id -u)" != 0 ] || chown -R postgres "$@"; }

# start_cluster [SETTING...]: a private cluster on a unix socket in a temporary folder. Sets $cluster,
# PGHOST, PGUSER, PGDATABASE. stop_cluster removes it; call it from a trap. In /tmp whatever TMPDIR says:
# a socket's path is short, and the server's user must be able to walk to it.
start_cluster() {
    cluster=$(mktemp -d /tmp/scout_ir.XXXXXX)
    chmod 755 "$cluster"
    own "$cluster"
    as_postgres "$bin/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$cluster'"
        echo "shared_buffers = 128MB"
        echo "max_wal_size = 2GB"
        printf '%s\n' "$@"
    } | as_postgres tee -a "$cluster/data/postgresql.conf" >/dev/null
    unset PGPASSWORD PGSERVICE PGOPTIONS PGHOSTADDR
    export PGHOST=$cluster PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PGTZ=UTC PGCLIENTENCODING=UTF8 PATH=$bin:$PATH
    as_postgres "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -s -o "-p 5432" start || { cat "$cluster/log" >&2; return 1; }
}

stop_cluster() {
    [ -n "${cluster:-}" ] || return 0
    as_postgres "$bin/pg_ctl" -D "$cluster/data" -m immediate -s stop 2>/dev/null || true
    rm -rf "$cluster"
    cluster=
}
