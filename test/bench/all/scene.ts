import { type Child, startChild } from '../child.ts';
import { type PrivateRedis, startPrivateRedis } from '../private-redis.ts';
import { PATH } from '../workload.ts';
import type { EndpointCommands, EngineCommands } from './protocol.ts';

/** A Redis and an endpoint of a measure's own. */
export interface Scene {
  readonly redis: PrivateRedis;
  readonly endpoint: Child<EndpointCommands>;
  readonly port: number;
  /** Starts an engine in a process of its own. */
  startEngine(config: string): Promise<Child<EngineCommands>>;
  /** Finishes what an engine has under way, and ends its process. */
  stopEngine(engine: Child<EngineCommands>): Promise<void>;
}

/** Sets a scene up, and takes it down again whatever comes of it. */
export async function withScene<Result>(run: (scene: Scene) => Promise<Result>): Promise<Result> {
  const redis = await startPrivateRedis();
  const endpoint = startChild<EndpointCommands>('./all/endpoint-process.js', { args: ['endpoint'] });
  const engines = new Set<Child<EngineCommands>>();
  try {
    const port = await endpoint.ask('listen', undefined);
    return await run({
      redis,
      endpoint,
      port,
      async startEngine(config) {
        const engine = startChild<EngineCommands>('./all/engine-process.js', { args: ['engine'] });
        engines.add(engine);
        await engine.ask('start', { config, redis: { socketPath: redis.socketPath } });
        return engine;
      },
      async stopEngine(engine) {
        await engine.ask('stop', undefined);
        engines.delete(engine);
        await engine.close();
      },
    });
  } finally {
    await Promise.all([endpoint, ...engines].map((child) => child.close()));
    await redis.close();
  }
}

/** The configuration of these clients, as JSON: all defaults, but for what is given. */
export function configOf(
  port: number,
  clients: Readonly<Record<string, { readonly path?: string; readonly [setting: string]: unknown }>>,
): string {
  const settings = Object.entries(clients).map(([name, { path = PATH, ...others }]) => [
    name,
    {
      baseUrl: `http://127.0.0.1:${port}`,
      endpoints: { disposition_update: path },
      allowPrivateNetwork: true,
      ...others,
    },
  ]);
  return JSON.stringify({ clients: Object.fromEntries(settings) });
}

/** A number of things of a measure's full size, scaled. */
export function scaled(full: number, scale: number, least = 1): number {
  return Math.max(least, Math.round(full * scale));
}
