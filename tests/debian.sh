# Sourced by tests/set-up and its parts: installing Debian packages, also of other releases, only where they are missing.

# install_missing PACKAGE:PROGRAM … installs each PACKAGE whose PROGRAM is not there (PROGRAM may be a path or pattern).
install_missing() {
  local pair packages=()
  for pair in "$@"; do
    _is_there "${pair#*:}" || packages+=("${pair%%:*}")
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  echo "installing ${packages[*]} …"
  _apt_get update
  DEBIAN_FRONTEND=noninteractive _apt_get install -y --no-install-recommends "${packages[@]}" >/dev/null
}

# A download that fails is begun again, and another apt-get of this machine is waited for.
_apt_get() {
  apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}

# again COMMAND … runs it, and where it fails once more: one hiccup of a network is no fault of a change.
again() {
  "$@" || { echo "once more: $1 …" >&2 && sleep 5 && "$@"; }
}

_is_there() {
  case $1 in
  */*) compgen -G "$1" >/dev/null ;;
  *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null ;;
  esac
}

# debian_mirror prints the address from which this machine takes Debian's packages.
debian_mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1
}

# unpack_from SUITE FOLDER PACKAGE … unpacks PACKAGEs of another Debian release into FOLDER and installs nothing.
unpack_from() {
  local suite=$1 folder=$2 work options
  shift 2
  work=$(mktemp -d)
  mkdir -p "$folder" "$work"/{lists/partial,cache/archives/partial,debs}
  chmod 755 "$work"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $suite main" >"$work/sources.list"
  options=(
    -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root
  )
  _apt_get "${options[@]}" update
  (cd "$work/debs" && _apt_get "${options[@]}" download "$@")
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$folder"
  done
  rm -rf "$work"
}
