# Syncline as a service. Build and run it with compose.yaml, or: docker build -t syncline .
# The base has to have Bun 1.4.4 or later and glibc; pin it by digest with --build-arg BASE=….
ARG BASE=oven/bun:1-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json bun.lock ./
# An empty package stands in for LanceDB's optional model packages, half a gigabyte that is never loaded.
COPY tools/empty-package tools/empty-package
COPY scripts/include-optional.ts scripts/prune-packages.ts scripts/
# With PostgreSQL, PDF and Gemini, which a library leaves to its users, in the versions of the lock file; then without what
# nothing loads.
RUN bun scripts/include-optional.ts && bun install --production --ignore-scripts \
  && bun scripts/prune-packages.ts node_modules

# The dashboard, bundled. Optional packages are native libraries, which that needs none of.
FROM ${BASE} AS web
WORKDIR /build
COPY package.json bun.lock ./
COPY tools/empty-package tools/empty-package
RUN bun install --frozen-lockfile --ignore-scripts --omit=optional
COPY tsconfig.json ./
COPY scripts/build-web.ts scripts/
COPY src/client src/client
COPY web web
RUN bun scripts/build-web.ts

FROM ${BASE}
ENV NODE_ENV=production \
    SYNCLINE_DATA_DIR=/data \
    SYNCLINE_HTTP_HOST=0.0.0.0 \
    SYNCLINE_HTTP_PORT=7331 \
    SYNCLINE_HTTP_GENERATE_KEY=true \
    SYNCLINE_DRAIN_TIMEOUT_MS=4000 \
    SYNCLINE_LEASE_WAIT_MS=60000
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY package.json LICENSE ./
COPY schema schema
COPY src src
COPY --from=web /build/web/dist web/dist
# No image where a package was left out that is needed after all.
RUN bun -e 'for (const name of ["./src/index.ts", "./src/http/server.ts", "./src/mcp/serve-stdio.ts", "./src/cli/create-program.ts", \
  "@google/genai", "@lancedb/lancedb", "openai", "pg", "unpdf"]) await import(name)'
# For "docker exec": syncline status
RUN printf '#!/bin/sh\nexec bun /app/src/cli/main.ts "$@"\n' > /usr/local/bin/syncline && chmod 755 /usr/local/bin/syncline
# A number, so that Kubernetes can see that it is not root.
RUN mkdir -p /data && chown 1000:1000 /data && chmod 700 /data
USER 1000:1000
VOLUME /data
EXPOSE 7331
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "-e", "const { ok } = await fetch(`http://127.0.0.1:${process.env.SYNCLINE_HTTP_PORT}/health`); process.exit(ok ? 0 : 1);"]
# bun itself is process 1, so that it gets the signals.
ENTRYPOINT ["bun", "/app/src/cli/main.ts"]
CMD ["serve"]
