# Builds with all dependencies, runs with those of the service only.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
COPY workers ./workers
RUN npx tsc && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/workers ./dist/workers
COPY --from=build /app/src/docs ./src/docs
# The files stay root's: the service can read its own code and change none of it.
USER node
STOPSIGNAL SIGTERM
# There is no redis-server in this image: the configuration has to name a Redis.
# Whether Redis answers: with the configuration at its usual place, unless the command names another.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["node", "dist/src/cli/main.js", "status", "--json", "--config", "/etc/waybill/waybill.yaml"]
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["start", "--config", "/etc/waybill/waybill.yaml"]
