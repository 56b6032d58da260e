import { parseConfig } from '../../src/config/load-config.ts';
import type { ProxyRoutes } from '../../src/config/proxy-routes.ts';

/** The routes of a client whose `proxy` is this, as the configuration resolves them. */
export function routesOf(proxy: string, env: Readonly<Record<string, string>> = {}): ProxyRoutes {
  const acme = { baseUrl: 'https://acme.example', endpoints: { disposition_update: '/d' }, proxy };
  const routes = parseConfig(JSON.stringify({ clients: { acme } }), 'waybill.yaml', env).clients['acme']
    ?.proxy;
  if (routes === undefined) throw new Error('the configuration has no proxy');
  return routes;
}
