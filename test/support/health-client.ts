import type { Readiness } from '../../src/observability/readiness.ts';
import type { NodeProcess } from './node-process.ts';
import { parseScrape, type Scrape } from './prometheus-text.ts';

/** Port 0: what was taken stands in the log. */
export const ANY_PORT = { host: '127.0.0.1', port: 0 };

/** What a service tells of itself over HTTP. */
export interface HealthClient {
  get(path: string, method?: string): Promise<{ status: number; type: string; text: string }>;
  scrape(): Promise<Scrape>;
  readiness(): Promise<Readiness & { readonly status: number }>;
}

/** Asks a service that serves its metrics. */
export async function healthOf(service: NodeProcess): Promise<HealthClient> {
  const { host, port } = await service.waitForLine('metrics served', { timeoutMs: 30_000 });
  async function get(path: string, method = 'GET') {
    // A connection that is kept would be a leak of the test's own.
    const response = await fetch(`http://${host}:${port}${path}`, {
      method,
      headers: { connection: 'close' },
    });
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  }
  return {
    get,
    scrape: async () => parseScrape((await get('/metrics')).text),
    async readiness() {
      const { status, text } = await get('/readyz');
      return { status, ...(JSON.parse(text) as Readiness) };
    },
  };
}
