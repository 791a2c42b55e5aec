#!/usr/bin/env bash
# Everything from trying minectl to taking it off a machine again. `./install.sh --help` lists the ways.
set -euo pipefail
asked_in=$PWD
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

python_asked=${PYTHON:-}
PYTHON=${PYTHON:-python3}
PACKAGES=(python3-venv sqlite3 nginx-light cron logrotate)
SERVICES=(minectl-collect minectl-dummy-pool minectl-serve) # units that are placed and left to be enabled
PLACES=(data_dir=/var/lib/minectl log_file=/var/log/minectl/mine.log run_dir=/run/minectl www_dir=/run/minectl/www)
SYSTEM_USER=minectl
TRIAL_S=300 # the hour takes 3 s on a small PC, and a Raspberry Pi 4 with a slow card is not a hundred times slower

root=""     # --root DIR: a staging root; every path below is under it
dry=no      # --dry-run: print the steps, do none
site=coop-container
rhythm=""   # --cron, --timer (systemd instead of cron), --fast (that timer every 15 s); as it is, and first cron
apt=yes     # --no-apt
trial=yes   # --no-trial
purge=no    # --purge
kept=no     # yes: nginx goes on with the owner's own site file

usage() {
    cat <<'TEXT'
./install.sh demo [--port N ...]     try it here: a simulated mine with its page, in demo/; no root, nothing installed
./install.sh test [pytest args]      ruff, mypy and the tests, no root, under ten minutes
./install.sh soak --minutes N        the long tests, as many as fit into N minutes

sudo ./install.sh                    install, or upgrade to this tree: user minectl, /opt/minectl, /etc/minectl, cron, nginx
    --site NAME                      which sample config a first install starts from (coop-container)
    --timer                          a systemd timer instead of the cron file; an upgrade keeps which of them it is
    --fast                           that timer every 15 s, for sites with tick_s = 15
    --cron                           back from the timer to the cron file
    --no-apt                         install no Debian packages
    --no-trial                       switch without the hour on the twin that a new version has to get through first
sudo ./install.sh --rollback         back to the version before
sudo ./install.sh --uninstall        take the program away, keep config and data; with --purge take those too

    --dry-run                        with the three above: print each step, do nothing
    --root DIR                       with the three above: into a staging folder, without users, services or packages
TEXT
}

say() { printf '%s\n' "$*"; }
die() { # die CODE TEXT
    printf 'install.sh: %s\n' "$2" >&2
    exit "$1"
}

# --- a virtual environment -------------------------------------------------------------------------------------------

check_python() {
    command -v "$PYTHON" >/dev/null || die 2 "there is no $PYTHON here: sudo apt install python3 python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die 2 "minectl needs Python 3.11 or newer, this is $("$PYTHON" -V 2>&1); Debian 12, Ubuntu 24.04 and later have it"
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || die 2 "Python can't make virtual environments yet: sudo apt install python3-venv"
}

# make_venv DIR: there is a working virtual environment in DIR afterwards, of the Python that is there now
make_venv() {
    local whole='import os, sys, sysconfig; sys.exit(not os.path.isdir(sysconfig.get_path("purelib")))'
    if [[ -e $1 ]] && ! "$1/bin/python" -I -c "$whole" 2>/dev/null; then
        [[ -f $1/pyvenv.cfg ]] || die 2 "$1 is in the way and is no virtual environment: move it away"
        rm -rf "$1"
    fi
    [[ -e $1 ]] || "$PYTHON" -m venv "$1"
}

# pip_locked PYTHON LOCK WHAT...: the locked versions, checked by hash, then WHAT itself, built with the locked setuptools
pip_locked() {
    local python=$1 lock=$2
    shift 2
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock" &&
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$@"
}

# own_venv LOCK EXTRA: .venv in this clone, made or renewed only when something it depends on has changed
own_venv() {
    local lock=$1 extra=$2 stamp mark
    check_python
    make_venv .venv
    mark=.venv/.minectl-$lock
    stamp=$(cat "$lock" pyproject.toml mine_controller/__init__.py | sha256sum)
    if [[ -x .venv/bin/minectl && -f $mark && $(<"$mark") == "$stamp" ]] && runs .venv; then
        return
    fi
    say "installing minectl and what it needs into .venv" >&2
    if ! pip_locked .venv/bin/python "$lock" -e . 2>.venv/pip.log; then
        ! grep -q 'DO NOT MATCH THE HASHES' .venv/pip.log || die 1 "a download is not what $lock says it is; see .venv/pip.log"
        say "the versions in $lock can't be had here (.venv/pip.log says why); taking what pyproject.toml allows" >&2
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".$extra" ||
            die 1 "pip could not install: is there a network, or a package index that pip knows?"
    fi
    printf '%s\n' "$stamp" >"$mark"
}

demo() {
    own_venv requirements.lock ""
    exec .venv/bin/minectl demo --site coop-container --dir demo "$@"
}

tests() {
    own_venv requirements-test.lock "[test]"
    local lint=0 code=0
    .venv/bin/ruff check || lint=1
    .venv/bin/mypy || lint=1
    .venv/bin/python -m pytest -n 3 "$@" || code=$?  # many of them wait for real clocks: one more than two cores
    if ((lint)); then
        say "ruff or mypy has something to say, above" >&2
        ((code)) || code=1
    fi
    exit "$code"
}

soak() {
    local minutes=""
    while (($#)); do
        case $1 in
            --minutes) minutes=${2:-}; shift; shift || true ;;
            --minutes=*) minutes=${1#*=}; shift ;;
            *) break ;;
        esac
    done
    [[ $minutes =~ ^[1-9][0-9]*$ ]] || die 2 "soak needs --minutes N"
    own_venv requirements-test.lock "[test]"
    local code=0
    MINECTL_SOAK_MINUTES=$minutes .venv/bin/python -m pytest -n 2 -m soak --timeout "$((minutes * 60 + 600))" "$@" || code=$?
    ((code != 5)) || say "this version has no tests marked soak; ./install.sh test runs all there are" >&2
    exit "$code"
}

# --- production ------------------------------------------------------------------------------------------------------

# step TEXT COMMAND...: says what it does and does it, or says what it would do
step() {
    if [[ $dry == yes ]]; then
        say "would: $1"
    else
        say "$1"
        "${@:2}"
    fi
}

systemd_runs() { [[ -d /run/systemd/system ]]; }

# on_system TEXT COMMAND...: the same for what touches more than files, which a staging root leaves out
on_system() {
    if [[ -n $root ]]; then
        say "left out in a staging root: $1"
    elif [[ $2 == systemctl && $dry == no ]] && ! systemd_runs; then
        say "left to you, since systemd does not run this machine: $1"
    else
        step "$@"
    fi
}

# as_user COMMAND...: as the user the ticks run as
as_user() {
    if [[ -n $root ]]; then
        "$@"
    else
        (cd / && exec runuser -u "$SYSTEM_USER" -- "$@") # that user may not see the folder this clone lies in
    fi
}

need_root() {
    [[ $dry == yes || -n $root || $(id -u) == 0 ]] ||
        die 2 "this installs for the whole machine and needs root: sudo ./install.sh (./install.sh demo needs none)"
}

# alone: two at once would build into one folder, and switch by turns. The lock is on the folder all is installed into, so
# nothing is left behind, and it is kept for as long as this runs, or what it began.
alone() {
    [[ $dry == no ]] || return 0
    exec 9<"$root/"
    flock --nonblock 9 || die 1 "another install.sh is at work, or what one began: nothing was done. Run this again when it is over"
}

release_digest() { # eight characters that change with anything that is installed
    find mine_controller templates cron sites www pyproject.toml requirements.lock requirements-extras.lock -type f \
        ! -name '*.pyc' ! -path 'www/*.html' ! -path 'www/*.json' ! -path www/metrics -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-8
}

release_name() { # release_name VERSION DIGEST: the folder of this tree; one it has already stays its own
    local opt=$root/opt/minectl mark
    mark=$(release_mark "$opt/$1")
    if [[ $mark != "$2" && (-n $mark || -d $opt/$1-$2) ]]; then
        say "$1-$2" # the same number from a changed tree: never into a folder that a tick may be using
    else
        say "$1"
    fi
}

release_mark() { cat "$1/.minectl-release" 2>/dev/null || true; }

# runs RELEASE: its Python still finds it. A new Debian brings another Python, and what was installed under the old one is
# not there for it.
runs() { "$1/bin/python" -I -c 'import mine_controller' 2>/dev/null; }

# narrow PYTHON: whether it is one of 32 bits
narrow() { "$1" -c 'import sys; sys.exit(sys.maxsize > 2**32)' 2>/dev/null; }

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        if [[ $package == nginx-light ]] && command -v nginx >/dev/null; then
            continue # any flavour of nginx does
        fi
        [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *"ok installed" ]] || printf '%s ' "$package"
    done
}

install_packages() {
    local missing
    [[ $apt == yes ]] || return 0
    if [[ -n $root ]]; then
        say "left out in a staging root: Debian packages ${PACKAGES[*]}"
        return 0
    fi
    command -v dpkg-query >/dev/null || die 2 "this is no Debian: install ${PACKAGES[*]} by your own means and add --no-apt"
    read -ra missing <<<"$(missing_packages)"
    ((${#missing[@]})) || return 0
    step "Debian packages: ${missing[*]}" apt_get "${missing[@]}"
}

apt_get() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq 9<&-
    apt-get install -y -qq --no-install-recommends "$@" 9<&- # what a package starts without systemd would keep the lock
}

make_user() {
    local group=(--user-group)
    getent passwd "$SYSTEM_USER" >/dev/null && return
    # userdel leaves a group that somebody else is in, and useradd makes no second one.
    ! getent group "$SYSTEM_USER" >/dev/null || group=(--gid "$SYSTEM_USER")
    on_system "user $SYSTEM_USER, without a login" \
        useradd --system "${group[@]}" --home-dir /var/lib/minectl --no-create-home --shell /usr/sbin/nologin "$SYSTEM_USER"
}

# folder MODE PATH: owned by the user of the ticks
folder() {
    local owner=()
    [[ -n $root ]] || owner=(-o "$SYSTEM_USER" -g "$SYSTEM_USER")
    step "folder $2" install -d -m "$1" "${owner[@]}" "$root$2"
}

make_folders() {
    folder 0750 /etc/minectl
    folder 0750 /var/lib/minectl
    folder 0750 /var/log/minectl
    folder 0755 /run/minectl
    # By that user himself: the folder around it is his, and root would follow a link there and give him where it leads.
    step "folder /run/minectl/www" as_user install -d -m 0755 "$root/run/minectl/www"
}

# place MODE SOURCE TARGET: a file of cron/ to its place
place() {
    if [[ -f $root$3 ]] && cmp -s "$2" "$root$3"; then
        return 0
    fi
    step "file $3" put "$1" "$2" "$root$3"
}

# put MODE SOURCE TARGET: in one step, so that a full disk or a cut of power leaves what was there: without its cron file a
# mine has no ticks. Neither cron, systemd, logrotate nor tmpfiles reads a file that ends so.
put() {
    local draft=$3.dpkg-new
    install -D -m "$1" "$2" "$draft" && sync "$draft" && mv -T "$draft" "$3" && return
    rm -f -- "$draft"
    return 1
}

drop() { # drop PATH...: those that are there
    local path
    for path in "$@"; do
        if [[ -e $root$path || -L $root$path ]]; then
            step "remove $path" rm -rf -- "$root$path"
        fi
    done
}

# The system's own Python, unless PYTHON names one: whatever else is first in root's path may lie in root's home, where
# the user of the ticks can't reach it.
system_python() {
    [[ -z $python_asked && -z $root ]] || return 0
    if /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        PYTHON=/usr/bin/python3
    fi
}

fill_release() { # fill_release DIR COPY
    "$PYTHON" -m venv "$1" && cp -R pyproject.toml README.md LICENSE mine_controller templates www cron sites "$2" &&
        pip_locked "$1/bin/python" requirements.lock "$2"
}

# build_release DIR DIGEST: a virtual environment at its final place; the mark comes last, so half of one is never used
build_release() {
    local dir=$1 digest=$2 copy
    system_python
    check_python
    rm -rf -- "$dir"
    copy=$(mktemp -d)
    if ! fill_release "$dir" "$copy"; then
        rm -rf -- "$copy" "$dir" # the room it took is the running mine's: what it can't write down it does not raise
        die 1 "the versions in requirements.lock could not be installed; nothing was changed$(narrow "$PYTHON" &&
            printf '. A 32-bit system has to build some of them: sudo apt install build-essential python3-dev libffi-dev')"
    fi
    rm -rf -- "$copy"
    sync # a cut of power leaves no mark on files that were not written yet
    printf '%s\n' "$digest" >"$dir/.minectl-release.new"
    sync "$dir/.minectl-release.new" # nor one without its words: with it, what is in force would be built anew under its ticks
    mv "$dir/.minectl-release.new" "$dir/.minectl-release"
}

take_extras() { # take_extras RELEASE: what not every machine can have; marked when it is there, or else tried again next time
    local pip=("$1/bin/python" -m pip install --quiet --disable-pip-version-check)
    if [[ $(uname -m) == aarch64 ]] && narrow "$1/bin/python"; then
        pip=(linux32 "${pip[@]}") # the lock asks the kernel what machine this is, which is another than this Python's
    fi
    if "${pip[@]}" --no-deps --require-hashes -r requirements-extras.lock; then
        sync
        touch "$1/.minectl-extras"
    else
        say "without the extras of requirements-extras.lock: no control of Braiins OS and VNish, and no local service; \
sudo ./install.sh again tries once more"
    fi
}

first_config() { # first_config RELEASE
    as_user "$1/bin/minectl" init --force --site "$site" "$root/etc/minectl"
    rmdir "$root/etc/minectl/www" 2>/dev/null || true # the page lies elsewhere
}

missing_places() { # those of PLACES that config.txt says nothing of; one whose data lies beside it is left as it is
    local place etc=$root/etc/minectl
    [[ -e $etc/config.txt && ! -e $etc/mine_data.db ]] || return 0
    for place in "${PLACES[@]}"; do
        grep -q "^[[:space:]]*${place%%=*}[[:space:]]*=" "$etc/config.txt" || printf '%s ' "$place"
    done
}

fill_places() { # fill_places RELEASE PLACE...: a config.txt made in another folder knows nothing of an installed site's
    local place
    for place in "${@:2}"; do
        as_user "$1/bin/minectl" config set --config "$root/etc/minectl/config.txt" "site.${place%%=*}" "${place#*=}"
    done
}

# hand_over MODE PATH: its folder is the user's of the ticks, and by a link in it root would give him any file of this machine
hand_over() {
    if [[ -L $root$2 ]]; then
        say "$2 is a link: its owner and rights stay as they are"
        return
    fi
    [[ -n $root ]] || chown -h "$SYSTEM_USER:$SYSTEM_USER" "$2"
    as_user chmod "$1" "$root$2"
}

protect_config() {
    hand_over 0600 /etc/minectl/config.txt
    [[ ! -e $root/etc/minectl/fleet.csv ]] || hand_over u+rw /etc/minectl/fleet.csv
}

check_config() { # check_config RELEASE: says what is wrong itself
    as_user "$1/bin/minectl" config check --config "$root/etc/minectl/config.txt"
}

# trial_says RELEASE: what speaks against the summary of a trial on stdin; nothing when all is well
trial_says() {
    "$1/bin/python" -c '
import json, sys
day = json.load(sys.stdin)
for one in day["violations"][:3]:
    print(one["guard"] + ": " + one["sentence"])
if not day["ticks"] or not day["events"]:
    print("nothing was played")
if any(one["shed_100_s"] is None for one in day["events"]):
    print("the stop was never proven")
if not day["starts"]["max"]:
    print("nothing was started again afterwards")' 2>/dev/null || echo "its summary can't be read"
}

# try_out RELEASE: an hour of its twin with an event in it, as the user of the ticks; those of the version in force go on
# meanwhile and come first (nice). How far it is, and what the program complains of, goes to the screen as it comes.
try_out() {
    local release=$1 folder told said code=0
    if ! folder=$(as_user mktemp -d); then
        say "there is no room for a temporary folder" >&2
        return 1
    fi
    told=$(as_user nice timeout --foreground -k 10 "$TRIAL_S" "$release/bin/minectl" demo --site coop-container \
        --story one-hour --hours 1 --seed 1 --no-serve --json --dir "$folder/twin") || code=$?
    as_user rm -rf -- "$folder"
    case $code in
        0) said=$(trial_says "$release" <<<"$told") ;;
        124) said="it did not end within $((TRIAL_S / 60)) minutes" ;;
        137) said="it was killed: no memory left, or it would not even end when told to" ;;
        *) said="it ended with $code" ;;
    esac
    [[ -n $said ]] || return 0
    say "$said" >&2
    return 1
}

prove() { # prove NAME: nothing is switched to a version that does not get through its own twin
    local opt=$root/opt/minectl
    [[ $(readlink "$opt/current" 2>/dev/null || true) != "$1" ]] || return 0
    if [[ $trial == no ]]; then
        say "not tried on the twin, as asked"
        return 0
    fi
    step "the new version plays an hour of its twin; this takes up to $((TRIAL_S / 60)) minutes" try_out "$opt/$1" ||
        die 1 "the new version failed on the twin, as said above, so nothing was switched and what ran before runs on. \
Too slow or killed: see 'free -m' and 'df -h /tmp', and run this again. Anything else is a fault of that version: go back to \
the one before (git checkout) and report these lines. --no-trial switches all the same"
}

point() { # point LINK TARGET: in one step, so that there is no moment without
    ln -sfn "$2" "$1.new"
    mv -T "$1.new" "$1"
}

# What a switch is at stands in `switching` until the services run that version too: FROM TO WAY. After a kill or a cut of
# power in its middle the same command goes on with it, and no rollback takes the version it came from for the one before.
unfinished() { cat "$root/opt/minectl/switching" 2>/dev/null || true; }

switch_to() { # switch_to NAME WAY: on to the version of this tree, or back
    local opt=$root/opt/minectl now from to
    now=$(readlink "$opt/current" 2>/dev/null || true)
    read -r from to _ <<<"$(unfinished)"
    case $1 in
        "$to") now=$from ;;
        "$from") now=$to ;;
    esac
    if [[ $now == "$1" ]]; then
        return 0
    fi
    if [[ -n $now ]]; then
        printf '%s\n' "$now $1 $2" >"$opt/switching.new"
        sync "$opt/switching.new"
        mv "$opt/switching.new" "$opt/switching"
    fi
    if [[ -n $now && -d $opt/$now ]]; then
        point "$opt/previous" "$now"
    fi
    point "$opt/current" "$1"
}

old_releases() { # those neither current nor previous
    local opt=$root/opt/minectl mark name
    for mark in "$opt"/*/.minectl-release; do
        [[ -e $mark ]] || continue
        name=$(basename "$(dirname "$mark")")
        case $name in
            current | previous | "$(readlink "$opt/current")" | "$(readlink "$opt/previous" || true)") ;;
            *) printf '%s\n' "$name" ;;
        esac
    done
}

# place_cron: the minutes at which the owner lets it tick stay what they are
place_cron() {
    local made minutes
    minutes=$(sed -n '/^#/!s/ *minectl timeout .*//p' "$root/etc/cron.d/minectl" 2>/dev/null | head -n 1) || true
    made=$(mktemp)
    sed "/^#/!s|.* minectl timeout |${minutes:-*/2 * * * *} minectl timeout |" cron/minectl >"$made"
    place 0644 "$made" /etc/cron.d/minectl
    rm -f -- "$made"
}

start_rhythm() {
    local units=/etc/systemd/system
    if [[ -z $rhythm && -e $root$units/minectl.timer ]]; then
        rhythm=timer
        [[ ! -e $root$units/minectl.timer.d/fast.conf ]] || rhythm=fast
        say "ticks are begun by minectl.timer, as before (--cron goes back to cron)"
    fi
    # What begins ticks stays until its successor has begun: a step that fails in between leaves the mine with ticks, and two
    # at once do no harm.
    if [[ $rhythm == timer || $rhythm == fast ]]; then
        place 0644 cron/minectl.service "$units/minectl.service"
        place 0644 cron/minectl.timer "$units/minectl.timer"
        if [[ $rhythm == fast ]]; then
            place 0644 cron/minectl-fast.conf "$units/minectl.timer.d/fast.conf"
        else
            drop "$units/minectl.timer.d/fast.conf" # what the owner wrote by `systemctl edit` stays beside it
        fi
        on_system "systemd: read the units" systemctl daemon-reload
        on_system "systemd: start minectl.timer, now and at boot" systemctl enable --now minectl.timer
        if [[ -z $root ]] && ! systemd_runs; then
            say "what /etc/cron.d/minectl begins stays until the next install finds systemd at work: nothing else begins ticks yet"
        else
            drop /etc/cron.d/minectl
        fi
        return
    fi
    place_cron
    if command -v systemctl >/dev/null; then
        on_system "systemd: cron runs, now and at boot" systemctl enable --now cron
    fi
    if [[ -e $root$units/minectl.timer ]]; then
        stop_timer
    fi
}

# place_services: the processes that only some sites need; started by whoever needs them
place_services() {
    local name
    for name in "${SERVICES[@]}"; do
        place 0644 "cron/$name.service" "/etc/systemd/system/$name.service"
    done
    if command -v systemctl >/dev/null; then
        on_system "systemd: read the units" systemctl daemon-reload
    fi
}

restart_services() { # a process that runs would stay with the version before until the next boot
    on_system "systemd: restart what runs of ${SERVICES[*]}" systemctl try-restart "${SERVICES[@]}"
    [[ $dry == yes ]] || rm -f -- "$root/opt/minectl/switching"
}

drop_services() {
    local name
    for name in "${SERVICES[@]}"; do
        [[ -e $root/etc/systemd/system/$name.service ]] || continue
        if command -v systemctl >/dev/null; then
            on_system "systemd: stop $name" systemctl disable --now "$name"
        fi
        drop "/etc/systemd/system/$name.service"
    done
}

stop_timer() {
    on_system "systemd: stop minectl.timer" systemctl disable --now minectl.timer
    drop /etc/systemd/system/minectl.timer /etc/systemd/system/minectl.timer.d /etc/systemd/system/minectl.service
    on_system "systemd: read the units" systemctl daemon-reload
}

owners_site() { # whether what is enabled as minectl is not this file but one of the owner's, with his locks in it
    local enabled=$root/etc/nginx/sites-enabled/minectl
    [[ (-e $enabled || -L $enabled) && $(readlink "$enabled" || true) != */sites-available/minectl ]]
}

have_ipv6() { grep -q . /proc/net/if_inet6 2>/dev/null; }

without_ipv6() { sed '/^ *listen \[::\]/d' "$@"; }

placed_by_us() { # placed_by_us FILE: whether it is the site file of this tree or of a release that is still there
    local one ours=/share/minectl/cron/minectl.nginx
    for one in cron/minectl.nginx "$root"/opt/minectl/*"$ours"; do
        [[ -f $one ]] || continue
        if cmp -s "$one" "$1" || { ! have_ipv6 && cmp -s <(without_ipv6 "$one") "$1"; }; then
            return 0
        fi
    done
    return 1
}

# keep_owners_page HOW: our site file with what the owner wrote into it, a password or who may look, gets a name of its own
keep_owners_page() {
    local sites=$root/etc/nginx own=minectl-own
    if [[ ! -f $sites/sites-available/minectl ]] || owners_site || placed_by_us "$sites/sites-available/minectl"; then
        return 0
    fi
    [[ ! -e $sites/sites-available/$own ]] || own=$own-$(date +%s)
    step "nginx: what was changed in sites-available/minectl $1 as sites-available/$own" keep_as "$sites" "$own"
    kept=yes
}

keep_as() { # keep_as FOLDER NAME
    cp -p "$1/sites-available/minectl" "$1/sites-available/$2" # a copy: cut off here, the lock is in force still
    mkdir -p "$1/sites-enabled"
    ln -sfn "../sites-available/$2" "$1/sites-enabled/minectl"
}

shipped_md5() { # of the welcome page as its package brought it; nothing where nobody knows
    [[ -n $root ]] || dpkg-query -W -f '${Conffiles}\n' nginx-common 2>/dev/null |
        sed -n 's|^ */etc/nginx/sites-available/default \([0-9a-f]*\).*|\1|p'
}

make_room() { # the default server comes before the mine's page; but one that the owner has made a site of his own stays
    local default=$root/etc/nginx/sites-enabled/default shipped
    [[ -L $default ]] || return 0
    shipped=$(shipped_md5) || true
    if [[ -n $shipped && -e $default && $(md5sum <"$default") != "$shipped "* ]]; then
        say "nginx: sites-enabled/default is the owner's own and stays; where both listen alike it comes before the mine's page"
    else
        step "nginx: its welcome page makes room (file kept in sites-available)" rm "$default"
    fi
}

show_page() {
    local enabled=/etc/nginx/sites-enabled/minectl
    place 0644 cron/minectl.nginx /etc/nginx/sites-available/minectl
    if ! have_ipv6; then
        step "nginx: this machine has no IPv6" without_ipv6 -i "$root/etc/nginx/sites-available/minectl"
    fi
    make_room
    step "folder /etc/nginx/sites-enabled" mkdir -p "$root/etc/nginx/sites-enabled"
    if [[ $kept == yes ]] || owners_site; then
        say "nginx: $enabled is one of your own and stays; what is new stands in /etc/nginx/sites-available/minectl"
    else
        step "nginx: site minectl" ln -sfn ../sites-available/minectl "$root$enabled"
    fi
    on_system "nginx: check and reload" reload_nginx
}

reload_nginx() {
    local enabled=$root/etc/nginx/sites-enabled/minectl
    if ! command -v nginx >/dev/null; then
        say "there is no nginx here: the page is written to /run/minectl/www, and served by nobody"
        return
    fi
    if ! nginx -t -q; then
        ! owners_site || die 1 "nginx refuses its files, as said above, and goes on with what it has read before: the mine is run"
        rm -f "$enabled"
        ! nginx -t -q 2>/dev/null || die 1 "nginx refuses the site, so it was taken out again: the mine is run, but its page is not served"
        ln -sfn ../sites-available/minectl "$enabled"
        die 1 "nginx refuses its files, as said above, and not for the sake of the mine's site, which stays enabled. It goes on with \
what it has read before, and the mine is run. When they are right again: sudo nginx -t && sudo systemctl reload nginx"
    fi
    tell_nginx
}

tell_nginx() {
    if systemd_runs; then
        systemctl reload-or-restart nginx
    else
        nginx -s reload 2>/dev/null || say "nginx does not run yet: start it"
    fi
}

install_release() {
    local version digest name release places before
    before=$(readlink "$root/opt/minectl/current" 2>/dev/null || true)
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' mine_controller/__init__.py)
    [[ -n $version ]] || die 2 "this tree is not whole: mine_controller/__init__.py names no version"
    digest=$(release_digest)
    name=$(release_name "$version" "$digest")
    release=$root/opt/minectl/$name
    install_packages
    make_user
    make_folders
    step "folder /opt/minectl" install -d -m 0755 "$root/opt/minectl"
    if [[ $(release_mark "$release") == "$digest" ]] && runs "$release"; then
        say "/opt/minectl/$name is complete already"
    else
        step "minectl $version into /opt/minectl/$name" build_release "$release" "$digest"
    fi
    [[ -e $release/.minectl-extras ]] || step "its extras" take_extras "$release"
    if [[ $dry == no ]] && ! as_user "$release/bin/python" -c ''; then
        rm -f -- "$release/.minectl-release" # it is built anew next time
        die 1 "the user $SYSTEM_USER can't run $(readlink -f "$release/bin/python"): name another with PYTHON=/usr/bin/python3"
    fi
    if [[ -e $root/etc/minectl/config.txt ]]; then
        say "/etc/minectl/config.txt is kept"
    else
        step "a first /etc/minectl/config.txt for $site, in shadow mode" first_config "$release"
    fi
    step "config.txt: readable by $SYSTEM_USER alone, and fleet.csv his own" protect_config
    step "the new version checks the config" check_config "$release" ||
        die 2 "the new version refuses /etc/minectl/config.txt, so nothing was switched: correct it and run this again"
    prove "$name"
    read -ra places <<<"$(missing_places)"
    ((${#places[@]} == 0)) || step "config.txt: where data, log and page lie" fill_places "$release" "${places[@]}"
    step "switch /opt/minectl/current to $name" switch_to "$name" on
    place 0755 cron/minectl.command /usr/local/bin/minectl
    place 0644 docs/minectl.1 /usr/local/share/man/man1/minectl.1
    place 0644 cron/minectl.tmpfiles /etc/tmpfiles.d/minectl.conf
    place 0644 cron/minectl.logrotate /etc/logrotate.d/minectl
    start_rhythm
    place_services
    [[ (-z $before || $before == "$name") && -z $(unfinished) ]] || restart_services
    keep_owners_page "stays in force" # by what the releases that are still there have placed
    remove_old
    show_page
    say_next
}

remove_old() {
    local name
    [[ $dry == no && -n $(old_releases) ]] || return 0
    step "wait for the tick at work" await_tick
    old_releases | while read -r name; do
        step "remove /opt/minectl/$name, neither this version nor the one before" rm -rf -- "$root/opt/minectl/$name"
    done
}

say_next() {
    [[ $dry == no ]] || return 0
    say ""
    say "minectl is installed. Next: sudo minectl config edit, sudo minectl config check, sudo minectl doctor."
    say "Until [site] live = yes it decides and shows everything, and sends nothing."
    say "Each where it is wanted: sudo systemctl enable --now ${SERVICES[*]}"
}

rollback() {
    local opt=$root/opt/minectl name from to way
    read -r from to way <<<"$(unfinished)"
    case $way in
        back) name=$to ;;
        on) name=$from ;;
        *) name=$(readlink "$opt/previous" 2>/dev/null) || die 2 "there is no version before this one in /opt/minectl" ;;
    esac
    [[ -z $way ]] || say "the switch from $from to $to was cut off in its middle"
    [[ -f $opt/$name/.minectl-release ]] || die 2 "/opt/minectl/$name is not complete any more"
    runs "$opt/$name" ||
        die 2 "version $name can't run any more: this machine's Python is another one since. sudo ./install.sh in the tree of \
the version you want builds it anew"
    step "version $name checks the config" check_config "$opt/$name" ||
        die 2 "version $name refuses /etc/minectl/config.txt, so nothing was switched"
    step "switch /opt/minectl/current back to $name" switch_to "$name" back
    restart_services
}

other_sites() { # those of the owner's beside which a welcome page, the default server, would make nginx refuse all of them
    find "$root/etc/nginx/sites-enabled" -mindepth 1 ! -name minectl ! -name default
}

leave_nginx() {
    if ! { nginx -t -q && tell_nginx; }; then
        say "nginx was not reloaded, since it refuses its files, as said above, or is gone itself"
    fi
}

remove_user() {
    userdel "$SYSTEM_USER" || say "the user $SYSTEM_USER stays, as said above; later: sudo userdel $SYSTEM_USER"
}

await_tick() { # a tick imports as it goes: without its program it would end between a command and its proof
    local lock=$root/var/lib/minectl/minectl.lock
    [[ ! -e $lock ]] || flock --timeout 120 "$lock" true || say "a tick holds $lock still; it is left to itself"
}

uninstall() {
    if [[ -e $root/etc/systemd/system/minectl.timer ]]; then
        stop_timer
    fi
    drop_services
    drop /etc/cron.d/minectl /etc/logrotate.d/minectl /etc/tmpfiles.d/minectl.conf /usr/local/bin/minectl \
        /usr/local/share/man/man1/minectl.1
    step "wait for the tick at work" await_tick
    if [[ -L $root/etc/nginx/sites-enabled/minectl ]]; then
        if [[ -f $root/etc/nginx/sites-available/default && -z $(other_sites) ]]; then
            step "nginx: its welcome page again" ln -sfn ../sites-available/default "$root/etc/nginx/sites-enabled/default"
        fi
        keep_owners_page "is kept"
        drop /etc/nginx/sites-available/minectl /etc/nginx/sites-enabled/minectl # the link last: by it one that was cut off goes on
        on_system "nginx: reload" leave_nginx
    fi
    drop /opt/minectl /run/minectl
    if [[ $purge == yes ]]; then
        drop /etc/minectl /var/lib/minectl /var/log/minectl
        on_system "user $SYSTEM_USER" remove_user
    else
        say "kept: /etc/minectl, /var/lib/minectl, /var/log/minectl (--purge takes them too)"
    fi
    say "No miner and no fan was told anything: they stay as they are now, and nobody minds them."
}

production() {
    local what=install_release
    umask 022 # the user of the ticks must be able to read the program
    while (($#)); do
        case $1 in
            --root) root=${2:-}; [[ $root == [!-]* ]] || die 2 "--root needs a folder"; shift ;;
            --site) site=${2:-}; [[ $site == [!-]* ]] || die 2 "--site needs a name"; shift ;;
            --cron | --timer | --fast) rhythm=${1#--} ;;
            --no-apt) apt=no ;;
            --no-trial) trial=no ;;
            --dry-run) dry=yes ;;
            --rollback) what=rollback ;;
            --uninstall) what=uninstall ;;
            --purge) purge=yes ;;
            *) usage >&2; die 2 "unknown: $1" ;;
        esac
        shift
    done
    if [[ -n $root ]]; then
        [[ $root == /* ]] || root=$asked_in/$root
        mkdir -p "$root"
        root=$(cd "$root" && pwd)
    fi
    if [[ $purge == yes && $what != uninstall ]]; then
        die 2 "--purge goes with --uninstall"
    fi
    need_root
    alone
    "$what"
}

case ${1:-} in
    demo) shift; demo "$@" ;;
    test) shift; tests "$@" ;;
    soak) shift; soak "$@" ;;
    -h | --help | help) usage ;;
    *) production "$@" ;;
esac
