# Sourced by tests/set-up and its parts: installing Debian packages, also of other releases, only where they are missing.

# install_missing PACKAGE:PROGRAM … installs each PACKAGE whose PROGRAM is not there (PROGRAM may be a path or pattern).
install_missing() {
  local pair packages=()
  for pair in "$@"; do
    _is_there "${pair#*:}" || packages+=("${pair%%:*}")
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  echo "installing ${packages[*]} …"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
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
    -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" update
  (cd "$work/debs" && apt-get "${options[@]}" download "$@")
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$folder"
  done
  rm -rf "$work"
}
