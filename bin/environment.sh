# Sourced by bin/up and bin/test: the virtual environment with the pinned requirements.

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in ${PORTAL_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

make_venv() {
  local python package
  python=$(find_python) || fail "Python 3.11 or later is needed: install it, or name one with PORTAL_PYTHON=/path/to/python3."
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "Installing $package …"
      { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y "$package"; } >/dev/null 2>&1 || true
    fi
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
      fail "$python lacks its venv module: install it, for example with \`apt install $package\`, then try again."
  fi
  "$python" -m venv --clear "$VENV" >/dev/null ||
    fail "The virtual environment $VENV could not be made: is there room, and may you write there?"
}

# prepare FILE: a working $VENV with what FILE (requirements.txt or requirements-dev.txt) asks for.
prepare() {
  VENV=${PORTAL_VENV:-$PWD/.venv}
  mkdir -p "$VENV" 2>/dev/null || fail "$VENV cannot be made: make the folder writable for you, or set PORTAL_VENV to another."
  # Two at once would tear the folder apart: the second waits for the first.
  if command -v flock >/dev/null && exec 9>>"$VENV.lock"; then flock 9; fi
  install_requirements "$1"
  exec 9>&-
}

install_requirements() {
  local file=$1 wanted stamp
  stamp=$VENV/.installed-$file
  wanted=$(cat requirements.txt constraints.txt "$file" | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$VENV/bin/python" -c '' 2>/dev/null && return
  "$VENV/bin/python" -c 'import pip' 2>/dev/null || make_venv
  echo "Installing the requirements into $VENV …"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$file" ||
    fail "The requirements could not be installed (pip says why above): check the network and the room on the disk, then try again."
  # What the tests need includes what the portal needs.
  cat requirements.txt constraints.txt requirements.txt | cksum >"$VENV/.installed-requirements.txt" && echo "$wanted" >"$stamp" ||
    fail "$VENV cannot be written: make the folder writable for you, or set PORTAL_VENV to another."
}
