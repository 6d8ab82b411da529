# Sourced, not run: packages and sources of a suite of Debian that the machine need not know. Nothing is added to the sources of
# the machine. LB_DEBIAN_MIRROR says where from; default: the mirror of the machine's own sources.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

debian_mirror() {
  local mirror="${LB_DEBIAN_MIRROR:-}"
  if [ -z "$mirror" ] && grep -q '^ID=debian' /etc/os-release; then
    mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
      awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')
  fi
  if [ -z "$mirror" ]; then
    echo 'set LB_DEBIAN_MIRROR to a mirror of Debian' >&2
    return 1
  fi
  echo "$mirror"
}

# suite_apt FOLDER SUITE ARGUMENTS…: apt-get for one suite, its state in FOLDER. It checks the signature of the suite.
suite_apt() {
  local folder=$1 suite=$2 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  shift 2
  if [ ! -e "$folder/apt.conf" ]; then
    mirror=$(debian_mirror)
    if [ ! -e "$keyring" ]; then
      as_root apt-get -qq install -y --no-install-recommends debian-archive-keyring >/dev/null
    fi
    mkdir -p "$folder"/{etc/sources.d,state/lists/partial,cache/archives/partial}
    : >"$folder/status"
    printf '%s [signed-by=%s] %s %s main\n' deb "$keyring" "$mirror" "$suite" deb-src "$keyring" "$mirror" "$suite" \
      >"$folder/etc/sources.list"
    cat >"$folder/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/etc/sources.list";
Dir::Etc::sourceparts "$folder/etc/sources.d";
Dir::State "$folder/state";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
APT::Sandbox::User "$(id -un)";
CONF
    apt-get -qq -c "$folder/apt.conf" update
  fi
  apt-get -qq -c "$folder/apt.conf" "$@"
}
