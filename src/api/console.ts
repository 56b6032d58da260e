import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ApiServer } from './api-parts.ts';

/** What the page is made of, below dist/: by the path it is served at. */
const FILES = {
  '/console': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/console/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/console/app.css': { file: 'app.css', type: 'text/css; charset=utf-8' },
} as const;

/** The page takes scripts and styles from here only, talks to this service only, and stands in no other page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // A browser asks each time, and is mostly told that nothing changed.
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
};

/**
 * `GET /console` and its script and style sheet. They need no key: there is nothing in them but the page, and all that it
 * shows it asks the API for, with the key that is typed into it.
 */
export function addConsoleRoutes(server: ApiServer): void {
  server.get('/console/', { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) =>
    reply.redirect('../console', 308),
  );
  for (const [path, { file, type }] of Object.entries(FILES)) {
    let asset: ReturnType<typeof readAsset> | undefined;
    server.get(path, { config: { access: 'open' }, schema: { hide: true } }, (request, reply) => {
      asset ??= readAsset(file);
      const { content, compressed, tag } = asset;
      void reply.headers({ ...HEADERS, etag: tag }).type(type);
      if (request.headers['if-none-match']?.includes(tag)) return reply.status(304).send();
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(content);
      return reply.header('content-encoding', 'gzip').send(compressed);
    });
  }
}

/** @throws if the package was not built */
function readAsset(file: string) {
  const manifest = createRequire(import.meta.url).resolve('waybill/package.json');
  const content = readFileSync(join(dirname(manifest), 'dist/src/console', file));
  const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  return { content, compressed: gzipSync(content, { level: 9 }), tag };
}
