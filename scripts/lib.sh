# Shared by scripts/demo, scripts/check and test/bench/run: packages, build, and a private throw-away cluster.
# Sourced from anywhere; sets $repo, and with install_missing $pg_config, $pg_major and $bin.
# Nothing is written into the server found, and runs side by side do not meet.
# shellcheck shell=bash disable=SC2034  # used where this is sourced

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
oldest=15  # the first supported major version of PostgreSQL
umask 022  # the server's user reads what is made here

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

# One temporary folder for a cluster and what is installed for it. In /tmp whatever TMPDIR says: a socket's
# path is short, and the server's user must be able to walk to it.
make_home() {
    cluster=$(mktemp -d /tmp/scout_ir.XXXXXX)
    chmod 755 "$cluster"
    own "$cluster"
}

# build_and_install [MAKE-VARIABLE=VALUE...]: the extension of this checkout into a tree below $cluster, for
# start_cluster's server alone. Sets $build, where objects stay for the next run: a folder for each server
# and set of flags, used by one run at a time.
build_and_install() {
    [ -n "${cluster:-}" ] || make_home
    build=$repo/build/pg$pg_major-$("$pg_config" | cat - <(printf '%s\n' "$@") | cksum | cut -d' ' -f1)
    install_tree=$cluster/install
    say "Building scout_ir for $("$pg_config" --version)"
    quietly building make_install "$build" "$repo" "$@" || die "the build failed"
}

# make_install FOLDER SOURCE [MAKE-VARIABLE=VALUE...]: SOURCE/Makefile, built in FOLDER, into the tree.
make_install() {
    local folder=$1 source=$2; shift 2
    mkdir -p "$folder"
    flock "$folder/lock" make -C "$folder" -f "$source/Makefile" -j"$(nproc)" PG_CONFIG="$pg_config" "$@" DESTDIR="$install_tree" install
}

# The settings with which a server finds the extension in the tree, and everything else in its own folders.
tree_settings() {
    local library share
    library=$install_tree$("$pg_config" --pkglibdir) share=$install_tree$("$pg_config" --sharedir)
    case $("$bin/postgres" --describe-config | cut -f1) in
        *extension_control_path*) echo "extension_control_path = '$share:\$system'" ;;
        *extension_destdir*) echo "extension_destdir = '$install_tree'" ;;  # Debian's, before 18
        *) die "$bin/postgres can use no extension outside of its own folders: take Debian's, or PostgreSQL 18" ;;
    esac
    echo "dynamic_library_path = '$library:\$libdir'"
}

# Servers refuse to run as root: everything of the cluster then runs as postgres.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp "$@"
    else "$@"; fi
}

# As root, what the server's user writes must be its own.
own() { [ "$(id -u)" != 0 ] || chown -R postgres "$@"; }

# start_cluster [SETTING...]: a private cluster on a unix socket in $cluster. Sets PGHOST, PGUSER, PGDATABASE.
# It uses what build_and_install has installed, or without that what its server has. stop_cluster removes all
# of it; call it from a trap.
start_cluster() {
    [ -n "${cluster:-}" ] || make_home
    as_postgres "$bin/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$cluster'"
        echo "shared_buffers = 128MB"
        echo "max_wal_size = 2GB"
        [ -z "${install_tree:-}" ] || tree_settings
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

# dump_in_version DATABASE VERSION: what pg_dump writes of it, for psql, with the extension in that version: pg_dump
# names none. \restrict is not known to every psql.
dump_in_version() {
    pg_dump -d "$1" | sed -E "/^\\\\(un)?restrict /d; s/^(CREATE EXTENSION IF NOT EXISTS scout_ir WITH SCHEMA scout);/\\1 VERSION '$2';/"
}
