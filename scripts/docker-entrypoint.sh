#!/bin/sh
# Entry point of the image: `claviger-entrypoint serve` (the default), or any other command of claviger.
# Without CLAVIGER_TOKEN_PIN_FILE, which says that there is a token already, it makes a SoftHSM token on the volume.
set -eu
umask 077
cd /opt/claviger

if [ -z "${CLAVIGER_TOKEN_PIN_FILE:-}" ]; then
  # The PINs and the token of two containers that start at once on one volume must not mix.
  flock "$CLAVIGER_DATA_DIR" node dist/scripts/softhsm.js
fi
if [ "${1:-serve}" = serve ]; then
  node dist/src/cli/claviger.js migrate >&2
fi
exec node dist/src/cli/claviger.js "$@"
