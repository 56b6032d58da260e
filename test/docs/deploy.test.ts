import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Config, configSchema } from '../../src/config/config-schema.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { startHealthServer } from '../../src/observability/health-server.ts';
import type { Readiness } from '../../src/observability/readiness.ts';
import { WORKER_END_MS } from '../../src/service/service.ts';
import { VERSION } from '../../src/version.ts';
import { testDirectory } from '../support/waybill-process.ts';
import { readRepository, readTopic, sectionOf } from './texts.ts';

const TEXT = readTopic('deploy');
/** How long a stop may take by default. */
const STOP_MS = configSchema.shape.shutdownGraceMs.parse(undefined) + WORKER_END_MS;
const CONFIG_FILE = '/etc/waybill/waybill.yaml';

/** The blocks of a section in this language. */
function blocks(heading: string, language: string): string[] {
  const found = sectionOf(TEXT, heading).matchAll(
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'),
  );
  return [...found].map(([, block = '']) => block);
}

/** Loads a configuration whose secrets are files of this directory, which exist here under these names. */
function loadWith(text: string, secretsIn: string, names: readonly string[]): Config {
  const directory = testDirectory();
  for (const name of names) writeFileSync(join(directory, name), `${'0'.repeat(64)}\n`);
  return parseConfig(text.replaceAll(secretsIn, directory), CONFIG_FILE, {});
}

describe('the unit for systemd', () => {
  const [unit = ''] = blocks('systemd', 'ini');
  const [yaml = ''] = blocks('systemd', 'yaml');
  const settings = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const setting = (name: string): string => settings(name)[0] ?? '';

  test('waits for a stop longer than it may take, signals the main process alone, and comes back', () => {
    expect(Number(setting('TimeoutStopSec')) * 1_000).toBeGreaterThan(STOP_MS);
    expect(TEXT).toContain(`${STOP_MS / 1_000} s by default, and ${setting('TimeoutStopSec')} s below`);
    expect([setting('Type'), setting('KillMode'), setting('Restart')]).toEqual(['exec', 'mixed', 'always']);
    expect(setting('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
    expect(setting('OOMPolicy')).toBe('continue');
    // Node compiles code while it runs, and uses pkey_mprotect for it.
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute/m);
    expect(setting('SystemCallFilter')).toBe('@system-service @pkey');
  });

  test('starts what the package has as its command, with a configuration that loads with its credentials', () => {
    const { bin } = JSON.parse(readRepository('package.json')) as { bin: { waybill: string } };
    const [node, script, ...words] = setting('ExecStart').split(' ');
    expect([node, script]).toEqual(['/usr/bin/node', bin.waybill.replace(/^\.\//, '')]);
    expect(words).toEqual(['start', '--config', CONFIG_FILE]);
    const credentials = settings('LoadCredential').map((value) => value.split(':')[0] ?? '');
    const config = loadWith(yaml, '/run/credentials/waybill.service', credentials);
    expect(Object.keys(config.clients)).toEqual(['acme']);
    for (const name of credentials)
      expect(yaml).toContain(`\${file:/run/credentials/waybill.service/${name}}`);
  });

  test('is lines of settings in sections', () => {
    const lines = unit.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.filter((line) => !/^(?:\[(?:Unit|Service|Install)\]|[A-Z]\w+=.*)$/.test(line))).toEqual([]);
  });

  test.skipIf(!isInstalled('systemd-analyze'))('has nothing that systemd-analyze objects to', () => {
    const directory = testDirectory();
    const file = join(directory, 'waybill.service');
    // It looks whether the program is there.
    writeFileSync(file, unit.replaceAll('/usr/bin/node', process.execPath));
    const options = { encoding: 'utf8', env: { ...process.env, SYSTEMD_COLORS: '0' } } as const;
    const output = execFileSync('sh', ['-c', `systemd-analyze verify ${file} 2>&1`], options);
    expect(output.split('\n').filter((line) => line.includes('waybill'))).toEqual([]);
  });
});

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, program)));
}

const OK = { ok: true, detail: '' };
const READY: Readiness = {
  ready: true,
  checks: { redis: OK, workers: OK, oldestWaiting: OK, watchdog: OK },
};

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold?: number;
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly valueFrom: unknown }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    readonly minAvailable: number;
    readonly selector: { readonly matchLabels?: object; readonly app?: string };
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly [Container];
        readonly volumes: readonly {
          readonly name: string;
          readonly configMap?: { readonly name: string };
          readonly secret?: { readonly secretName: string };
        }[];
      };
    };
  };
}

describe('the manifests for Kubernetes', () => {
  const [yaml = ''] = blocks('Kubernetes', 'yaml');
  const documents = parseAllDocuments(yaml);
  const manifests = documents.map((document) => document.toJS() as Manifest);
  const find = (kind: string): Manifest => {
    const found = manifests.find((manifest) => manifest.kind === kind);
    if (found === undefined) throw new TypeError(`there is no ${kind}`);
    return found;
  };
  const pod = find('Deployment').spec.template;
  const [container] = pod.spec.containers;
  const configText = find('ConfigMap').data['waybill.yaml'] ?? '';
  const SECRETS = '/run/secrets/waybill';
  const names = [...configText.matchAll(/\$\{file:\/run\/secrets\/waybill\/([^}]+)\}/g)].map(
    ([, name = '']) => name,
  );
  const portOf = (name: string) => container.ports.find((port) => port.name === name)?.containerPort;

  test('are YAML without faults, about one name and the same labels', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(manifests.map(({ kind }) => kind)).toEqual([
      'ConfigMap',
      'Deployment',
      'PodDisruptionBudget',
      'Service',
    ]);
    expect(new Set(manifests.map(({ metadata }) => metadata.name))).toEqual(new Set(['waybill']));
    const labels = { app: 'waybill' };
    expect(pod.metadata.labels).toEqual(labels);
    expect(find('Deployment').spec.selector.matchLabels).toEqual(labels);
    expect(find('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
    expect(find('Service').spec.selector).toEqual(labels);
  });

  test('have a configuration that loads with the secrets that it names, and is reached from outside the pod', () => {
    expect(names.length).toBeGreaterThan(2);
    const { http, metrics, redis } = loadWith(configText, SECRETS, names);
    expect([http?.host, metrics?.host]).toEqual(['0.0.0.0', '0.0.0.0']);
    expect([portOf('http'), portOf('metrics')]).toEqual([http?.port, metrics?.port]);
    expect(redis?.sentinels).toHaveLength(1);
    const [{ port, targetPort } = { port: 0, targetPort: '' }] = find('Service').spec.ports;
    expect([port, portOf(targetPort)]).toEqual([http?.port, http?.port]);
  });

  test('probe paths that the health server has', async () => {
    const { port, close } = await startHealthServer(
      { host: '127.0.0.1', port: 0 },
      { readiness: async () => READY, metrics: async () => '' },
    );
    onTestFinished(() => close());
    const { startupProbe, livenessProbe, readinessProbe } = container;
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      expect(httpGet.port).toBe('metrics');
      const { statusCode, body } = await request(`http://127.0.0.1:${port}${httpGet.path}`);
      await body.dump();
      expect([httpGet.path, statusCode]).toEqual([httpGet.path, 200]);
    }
    // A Redis that is away is no reason to start the process again.
    expect([startupProbe, livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual(['/livez', '/livez']);
    expect(readinessProbe.httpGet.path).toBe('/readyz');
  });

  test('leave time for a stop, and never all pods at once', () => {
    expect(pod.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(STOP_MS);
    expect(find('Deployment').spec.replicas).toBeGreaterThan(find('PodDisruptionBudget').spec.minAvailable);
  });

  test('run the image of the Dockerfile as its user, who may change nothing', () => {
    expect(container.image.endsWith(`/waybill:${VERSION}`)).toBe(true);
    expect(container.args.slice(0, 3)).toEqual(['start', '--config', CONFIG_FILE]);
    expect(readRepository('Dockerfile')).toMatch(/^USER node$/m);
    expect(pod.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('mount the configuration and the secrets as directories, which follow changes', () => {
    const mounts = new Map(container.volumeMounts.map((mount) => [mount.name, mount]));
    for (const { name, configMap, secret } of pod.spec.volumes) {
      expect(mounts.get(name)).toMatchObject({ mountPath: secret === undefined ? '/etc/waybill' : SECRETS });
      expect(mounts.get(name)?.subPath).toBeUndefined();
      expect(configMap?.name ?? secret?.secretName).toBe('waybill');
    }
    expect(container.env).toEqual([
      {
        name: 'WAYBILL_SECRET_KEY',
        valueFrom: { secretKeyRef: { name: 'waybill', key: 'secret-key' } },
      },
    ]);
  });
});
