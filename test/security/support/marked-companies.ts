import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Company, CompanyOptions } from '../../../src/sandbox/company.ts';
import type { Script } from '../../../src/sandbox/scripts.ts';
import { encrypted } from '../../http/certificates.ts';
import { startProxy } from '../../support/proxies.ts';
import { testSandbox } from '../../support/sandbox.ts';
import { AWS_KEY } from '../../support/signatures.ts';
import { testCertificates } from '../../support/tls.ts';

/** Companies that send back what they were sent, the secrets that lead to them, and the settings of their clients. */
export interface MarkedCompanies {
  readonly all: ReadonlyMap<string, Company>;
  /** The environment that the configuration takes the secrets from. */
  readonly env: Readonly<Record<string, string>>;
  readonly clients: Readonly<Record<string, unknown>>;
  /** The environment's secrets, and the keys of TLS. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The tokens that token services have handed out so far. */
  tokens(): Readonly<Record<string, string>>;
}

/** A secret that is found wherever it comes out. */
export function marked(name: string): string {
  return `marked-${name}-"${randomUUID()}"/+&`;
}

const echo =
  (status: number): Script =>
  ({ headers, body, path }) => {
    const errors = [{ field: `$.${headers.authorization ?? headers['x-api-key']}`, code: 'invalid' }];
    return { status, body: JSON.stringify({ message: 'refused', errors, headers, body, path }) };
  };

/** A token service that blames its caller, and quotes it. */
const echoAsReason: Script = ({ headers, body }) => ({
  status: 400,
  body: JSON.stringify({ error: 'invalid_client', error_description: `${headers.authorization} ${body}` }),
});

const SESSION = `session-token-${randomUUID()}`;

/** Logs in at /login, and sends back what it was sent elsewhere; `status` is that of the login. */
const withLogin =
  (status: number): Script =>
  (request) => {
    if (request.path.startsWith('/login')) {
      const { headers, body, path } = request;
      const message = `${JSON.stringify(headers)} ${body} ${path}`;
      return { status, body: JSON.stringify({ data: { token: SESSION }, message }) };
    }
    const token = String(request.headers['x-session']).replace('session=', '');
    const echoed = JSON.stringify({ headers: request.headers, token });
    return { status: 500, body: echoed };
  };

/** Settings for a token service of the company's own making, with a secret wherever one can stand. */
function customAuth(company: Company, name: string, secret: (name: string) => string) {
  return {
    type: 'token_service' as const,
    url: `${company.baseUrl}/login?key=${encodeURIComponent(secret(`${name}_query`))}`,
    headers: { 'X-Login-Key': secret(`${name}_header`), Authorization: `Token ${secret(`${name}_scheme`)}` },
    body: { user: 'waybill', nested: [{ password: secret(`${name}_body`) }] },
    tokenPointer: '/data/token',
    header: 'X-Session',
    prefix: 'session=',
  };
}

/** Settings that sign each request, with a secret wherever one can stand. */
function signed(env: Record<string, string>, secret: (name: string) => string) {
  env['SECRET_SIGNING'] = `whsec_${Buffer.from(marked('signing')).toString('base64')}`;
  const secretAccessKey = secret('aws_key');
  return {
    auth: { ...AWS_KEY, secretAccessKey, sessionToken: secret('aws_session') },
    signing: { secrets: [env['SECRET_SIGNING']] },
  };
}

/** Starts one company for each way to authenticate, and each way in which that can fail. */
export async function startMarkedCompanies(directory: string): Promise<MarkedCompanies> {
  const env: Record<string, string> = {};
  const secret = (name: string): string => {
    env[`SECRET_${name.toUpperCase()}`] = marked(name);
    return env[`SECRET_${name.toUpperCase()}`] ?? '';
  };
  // Visible ASCII, as a header needs it.
  const companies: Record<string, CompanyOptions> = {
    bearer: { auth: { type: 'bearer', token: secret('bearer') }, script: echo(500) },
    basic: {
      auth: { type: 'basic', username: 'waybill', password: secret('basic') },
      script: echo(422),
    },
    'api-key': { auth: { type: 'api_key', header: 'X-Api-Key', key: secret('api_key') }, script: echo(500) },
    tokens: { auth: { type: 'oauth2', clientSecret: secret('tokens') }, script: echo(401) },
    'no-token-json': {
      auth: { type: 'oauth2', clientSecret: secret('json'), styles: ['json'] },
      tokenScript: echoAsReason,
    },
    'no-token-form': {
      auth: { type: 'oauth2', clientSecret: secret('form'), styles: ['form'] },
      tokenScript: echoAsReason,
    },
    'no-token-basic': {
      auth: { type: 'oauth2', clientSecret: secret('basic_style'), styles: ['basic'] },
      tokenScript: echoAsReason,
    },
    aws: { script: echo(403) },
    custom: { script: withLogin(200) },
    'no-token-custom': { script: withLogin(400) },
    headers: { script: echo(500) },
    'no-token-parameters': { auth: { type: 'oauth2' }, tokenScript: echoAsReason },
    proxied: { script: echo(500) },
  };
  const sandbox = testSandbox();
  const entries = Object.entries(companies).map(
    async ([name, options]) => [name, await sandbox.company(name, options)] as const,
  );
  const all = new Map(await Promise.all(entries));
  const { secureClient, tlsSecrets } = await startSecureCompany(
    directory,
    all,
    sandbox,
    secret('passphrase'),
  );
  // Quotes would be escaped again and again where an answer is kept, and not found.
  env['SECRET_HEADER'] = marked('header').replaceAll('"', '');
  const password = marked('proxy');
  env['SECRET_PROXY'] = encodeURIComponent(password);
  const proxy = await startEchoingProxy();
  const others: Record<string, object> = {
    aws: signed(env, secret),
    headers: { headers: { 'X-Tenant': env['SECRET_HEADER'] } },
    'no-token-parameters': {
      auth: {
        ...all.get('no-token-parameters')?.clientSettings().auth,
        parameters: { key: secret('parameter') },
      },
    },
    proxied: { proxy },
  };
  const clients = [...all].map(([name, company]) => {
    const isCustom = name.endsWith('custom');
    const changes = isCustom
      ? { auth: customAuth(company, name.replaceAll('-', '_'), secret) }
      : (others[name] ?? {});
    return [name, withReferences(company.clientSettings(changes), env)];
  });
  return {
    all,
    env,
    clients: { ...Object.fromEntries(clients), secure: secureClient },
    secrets: { ...env, ...tlsSecrets, proxy: password },
    tokens: () => tokensOf(all),
  };
}

/** Refuses all tunnels, and repeats what it was sent. @returns the setting that leads to it */
async function startEchoingProxy(): Promise<string> {
  const { port } = await startProxy(({ authorization }) => {
    const [, pair = ''] = authorization?.split(' ') ?? [];
    const text = Buffer.from(pair, 'base64').toString();
    return `HTTP/1.1 502 ${text}\r\nX-Echo: ${authorization}\r\n\r\n${text}`;
  });
  return `http://waybill:\${SECRET_PROXY}@127.0.0.1:${port}`;
}

/** One that asks for a certificate, and answers 500. */
async function startSecureCompany(
  directory: string,
  all: Map<string, Company>,
  sandbox: ReturnType<typeof testSandbox>,
  passphrase: string,
) {
  const { ca, valid, client } = await testCertificates();
  const company = await sandbox.company('secure', {
    script: echo(500),
    tls: { ...valid, ca, requestCert: true, rejectUnauthorized: true },
  });
  all.set('secure', company);
  const files = { ca, cert: client.cert, key: encrypted(client.key, passphrase) };
  for (const [name, pem] of Object.entries(files)) writeFileSync(join(directory, `${name}.pem`), pem);
  const tls = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem', passphrase: '${SECRET_PASSPHRASE}' };
  const settings = company.clientSettings({ tls });
  const [, middle = ''] = client.key.split('\n');
  return {
    secureClient: { ...settings, retry: { retries: 0 }, pace: { holdMs: 0 } },
    tlsSecrets: { tlsKey: middle },
  };
}

/** Settings as a configuration has them: each secret as the name of its variable. */
function withReferences(settings: object, env: Readonly<Record<string, string>>): unknown {
  const names = new Map(Object.entries(env).map(([name, value]) => [value, name]));
  const text = JSON.stringify(
    { ...settings, retry: { retries: 0 }, pace: { holdMs: 0 } },
    (_key, value: unknown) => {
      const name = typeof value === 'string' ? names.get(value) : undefined;
      return name === undefined ? value : `\${${name}}`;
    },
  );
  return JSON.parse(text);
}

function tokensOf(all: ReadonlyMap<string, Company>): Record<string, string> {
  const headers = (all.get('tokens')?.requests ?? []).map((request) => String(request.headers.authorization));
  const tokens = [...new Set(headers)].map((header) => header.replace('Bearer ', ''));
  const issued = tokens.map((token, index) => [`token ${index + 1}`, token]);
  return { ...Object.fromEntries(issued), session: SESSION };
}
