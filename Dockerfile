# syntax=docker/dockerfile:1
FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# pkcs11js is the only module that compiles; the image has Node.js's headers beside the binary.
RUN npm ci --ignore-scripts \
 && npm_config_nodedir=/usr/local npm rebuild pkcs11js --ignore-scripts=false --foreground-scripts \
 && node -e 'require("pkcs11js")'
COPY tsconfig.json ./
COPY clients clients
COPY hsm hsm
COPY src src
COPY scripts scripts
COPY test test
COPY examples examples
RUN npx tsc -p tsconfig.json && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends softhsm2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --user-group --home-dir /var/lib/claviger --shell /usr/sbin/nologin claviger \
 && install -d -m 700 -o claviger -g claviger /var/lib/claviger
WORKDIR /opt/claviger
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist/hsm dist/hsm
COPY --from=build /build/dist/src dist/src
COPY --from=build /build/dist/scripts/softhsm.js dist/scripts/
COPY --from=build /build/dist/scripts/dev-server dist/scripts/dev-server
COPY migrations migrations
COPY LICENSE ./
COPY --chmod=755 scripts/docker-entrypoint.sh /usr/local/bin/claviger-entrypoint

# The token, with every key, its PINs and claviger.env. Losing this volume is losing the keys.
VOLUME /var/lib/claviger
ENV NODE_ENV=production \
    CLAVIGER_DATA_DIR=/var/lib/claviger \
    CLAVIGER_HOST=0.0.0.0 \
    CLAVIGER_PORT=4599
USER claviger
EXPOSE 4599
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CLAVIGER_PORT}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["claviger-entrypoint"]
CMD ["serve"]
