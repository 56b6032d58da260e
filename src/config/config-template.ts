import { wrapText } from '../core/wrap-text.ts';
import { describeAuth, describeSettings, type SettingText } from './describe-settings.ts';

/*
 * A comment that is the path of a setting stands for the text in its schema: alone in its line for all of it, and
 * behind a value for its first sentence. The list of settings in src/docs has its examples from here.
 */
export const TEMPLATE = `# Waybill's configuration. "waybill check" says what is wrong with it, all at once.
#
# \${NAME} in a value is replaced by the environment variable NAME; keep secrets there, not here.
# \${file:/run/secrets/x} is replaced by the content of that file, without the line break at its end.
# A literal \${ is written $\${. Names that end in Ms are in milliseconds (1000 = one second).
# Remove the "# " before a setting to use it. "waybill docs schema" prints a JSON Schema for editors.

# {redis}
# redis:
#   url: redis://localhost:6379             # {redis.url}
#   sentinels: [redis-1:26379, redis-2:26379, redis-3:26379]   # {redis.sentinels}
#   name: waybill-master
#   cluster: [redis-1:6379, redis-2:6379]   # {redis.cluster}
#   username: waybill
#   password: "\${REDIS_PASSWORD}"
#   sentinelUsername: waybill
#   sentinelPassword: "\${SENTINEL_PASSWORD}"
#   tls: { ca: redis-ca.pem, cert: waybill.pem, key: waybill.key, passphrase: "\${KEY_PASSPHRASE}", minVersion: "1.3" }   # {redis.tls}
#   natMap: { "10.0.0.1:6379": "redis-1.example:7001" }   # {redis.natMap}
#   acknowledgedBy: 1                       # {redis.acknowledgedBy}

# {dataDir}
# dataDir: .waybill

# {deadLetters}
deadLetters:
  keepDays: 30                              # {deadLetters.keepDays}

# {incidents}
# incidents:
#   # {incidents.notify}
#   notify:
#     - { format: slack, url: "\${SLACK_WEBHOOK_URL}" }
#     - { format: pagerduty, routingKey: "\${PAGERDUTY_KEY}", url: https://events.eu.pagerduty.com/v2/enqueue }   # {incidents.notify[].routingKey}
#     - { format: json, url: https://hooks.acme.example/waybill, headers: { X-Api-Key: "\${HOOK_KEY}" } }
#     - { format: text, url: http://10.0.0.7/notes, timeoutMs: 2000, allowPrivateNetwork: true }
#     - { format: email, to: [night@acme.example] }   # {incidents.notify[].to}
#   lookEveryMs: 5000                       # {incidents.lookEveryMs}
#   downAfterMs: 60000                      # {incidents.downAfterMs}

# {smtp}
# smtp:
#   host: mail.acme.example                 # {smtp.host}
#   port: 587                               # {smtp.port}
#   # {smtp.secure}
#   secure: false
#   user: waybill                           # {smtp.user}
#   password: "\${SMTP_PASSWORD}"           # {smtp.password}
#   from: Waybill <waybill@acme.example>    # {smtp.from}
#   timeoutMs: 30000                        # {smtp.timeoutMs}

# {keepDeliveredHours}
# keepDeliveredHours: 24

# {metrics}
# metrics:
#   host: 127.0.0.1                         # {metrics.host}
#   port: 9464                              # {metrics.port}
#   oldestWaitingMs: 3600000                # {metrics.oldestWaitingMs}
#   untakenMs: 60000                        # {metrics.untakenMs}

# {shutdownGraceMs}
shutdownGraceMs: 10000

# {http}
# http:
#   # {http.host}
#   host: 127.0.0.1
#   port: 8425                              # {http.port}
#   console: true                           # {http.console}
#   bodyLimitBytes: 16777216                # {http.bodyLimitBytes}
#   requestTimeoutMs: 30000                 # {http.requestTimeoutMs}
#   # {http.keys}
#   keys:
#     - { name: orders, sha256: 0123..., scopes: [submit], clients: [acme] }   # {http.keys[].scopes}

# {defaults}
# defaults:
#   concurrency: 16
#   retry: { retries: 4 }
#   contact: { name: Integration team }

# {clients}
clients:
  acme:
    # {clients.<name>.baseUrl}
    baseUrl: https://returns.acme.example

    # {clients.<name>.endpoints}
    endpoints:
      disposition_update: /dispositions
      inventory_receipt: /inventory_receipt
      # inventory_receipt: { path: /inventory_receipt, headers: { X-Queue: receipts }, concurrency: 8,
      #   ratePerSecond: 50, timeoutMs: 5000, pace: { mode: adaptive, holdMs: 60000, minPerSecond: 5 }, maxAgeHours: 24,
      #   retry: { retries: 3, baseDelayMs: 1000, factor: 2, maxDelayMs: 60000, jitter: 0.2 } }

    # {clients.<name>.headers}
    # headers: { X-Tenant: returns, Ocp-Apim-Subscription-Key: "\${ACME_GATEWAY_KEY}" }

    # {clients.<name>.auth} The other types:
    #   { type: bearer, token: "\${ACME_TOKEN}" }
    #   { type: basic, username: waybill, password: "\${ACME_PASSWORD}" }
    #   { type: api_key, header: X-Api-Key, key: "\${ACME_KEY}" }
    #   { type: aws_sigv4, region: us-east-1, service: execute-api, accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: "\${AWS_KEY}", sessionToken: "\${AWS_SESSION}" }
    # and, for a token service that does not speak OAuth 2:
    #   type: token_service
    #   url: https://auth.acme.example/login  # {auth.token_service.url}
    #   method: POST                        # {auth.token_service.method}
    #   headers: { X-Tenant: "42" }         # {auth.token_service.headers}
    #   body: { user: waybill, password: "\${ACME_PASSWORD}" }   # {auth.token_service.body}
    #   tokenPointer: /data/token           # {auth.token_service.tokenPointer}
    #   expiresInPointer: /data/ttl         # {auth.token_service.expiresInPointer}
    #   expiresInSeconds: 3600              # {auth.token_service.expiresInSeconds}
    #   header: Authorization               # {auth.token_service.header}
    #   prefix: "Bearer "                   # {auth.token_service.prefix}
    #   timeoutMs: 10000                    # {auth.token_service.timeoutMs}
    #   renewOn: [419]                      # {auth.token_service.renewOn}
    #   tls: { ca: ./idp-ca.pem, cert: ./idp-client.pem, key: ./idp-key.pem, passphrase: "\${IDP_KEY_PASSPHRASE}", minVersion: "1.2" }   # {auth.token_service.tls}
    auth:
      type: oauth2                          # client credentials (RFC 6749, section 4.4)
      tokenUrl: https://auth.acme.example/oauth/token
      clientId: waybill
      clientSecret: \${ACME_CLIENT_SECRET}
      # scope: "read write"                 # {auth.oauth2.scope}
      style: form                           # {auth.oauth2.style}
      # parameters: { audience: https://returns.acme.example }   # {auth.oauth2.parameters}
      # timeoutMs: 10000                    # {auth.oauth2.timeoutMs}
      # renewOn: [419]                      # {auth.oauth2.renewOn}
      # {auth.oauth2.tls}
      # tls: { ca: ./idp-ca.pem, cert: ./idp-client.pem, key: ./idp-key.pem, passphrase: "\${IDP_KEY_PASSPHRASE}", minVersion: "1.2" }

    # {clients.<name>.signing}
    # signing:
    #   secrets: ["\${ACME_SIGNING_SECRET}"]   # {clients.<name>.signing.secrets}

    # {clients.<name>.concurrency}
    concurrency: 32

    # {clients.<name>.ratePerSecond}
    # ratePerSecond: 200

    # {clients.<name>.pace}
    # pace: { mode: adaptive, holdMs: 600000, minPerSecond: 5 }

    # {clients.<name>.timeoutMs}
    timeoutMs: 15000

    # {clients.<name>.connectionMaxAgeMs}
    connectionMaxAgeMs: 30000

    # {clients.<name>.retry}
    retry:
      retries: 5                            # {clients.<name>.retry.retries}
      baseDelayMs: 15000                    # {clients.<name>.retry.baseDelayMs}
      factor: 5                             # {clients.<name>.retry.factor}
      maxDelayMs: 14400000                  # {clients.<name>.retry.maxDelayMs}
      jitter: 0.1                           # {clients.<name>.retry.jitter}

    # {clients.<name>.maxAgeHours}
    # maxAgeHours: 72

    # {clients.<name>.batchSize}
    batchSize: 50

    # {clients.<name>.allowPrivateNetwork}
    allowPrivateNetwork: false

    # {clients.<name>.proxy}
    # proxy: http://waybill:\${PROXY_PASSWORD}@proxy.internal:3128

    # {clients.<name>.loadtest}
    # loadtest:
    #   allowed: true                       # {clients.<name>.loadtest.allowed}
    #   maxRatePerSecond: 200               # {clients.<name>.loadtest.maxRatePerSecond}
    #   maxRequests: 100000                 # {clients.<name>.loadtest.maxRequests}

    # {clients.<name>.tls}
    # tls:
    #   ca: ./acme-ca.pem                   # {clients.<name>.tls.ca}
    #   cert: ./waybill.pem                 # {clients.<name>.tls.cert}
    #   key: ./waybill-key.pem              # {clients.<name>.tls.key}
    #   passphrase: "\${ACME_KEY_PASSPHRASE}"   # {clients.<name>.tls.passphrase}
    #   minVersion: "1.2"                   # {clients.<name>.tls.minVersion}

    # {clients.<name>.contact}
    contact:
      name: Tech support
      email: tech@acme.example
      # notify: true                        # {clients.<name>.contact.notify}
`;

const PATH = /^(?<start> *#? *)(?<value>.*)# \{(?<path>[a-z][\w.<>[\]]*)\}(?<rest>.*)$/;
const LINE_WIDTH = 110;

/** The `waybill.yaml` that `waybill init` writes: valid as it stands once ACME_CLIENT_SECRET is set. */
export function configTemplate(): string {
  const texts = new Map(describeSettings().map((setting) => [setting.path, setting]));
  for (const [type, settings] of describeAuth()) {
    for (const setting of settings) texts.set(`auth.${type}.${setting.path}`, setting);
  }
  return TEMPLATE.split('\n')
    .flatMap((line) => explained(line, texts))
    .join('\n');
}

/** A line of the template, or the lines of the comment that it stands for. @throws Error if it names no setting */
function explained(line: string, texts: ReadonlyMap<string, SettingText>): string[] {
  const { start = '', value = '', path, rest = '' } = PATH.exec(line)?.groups ?? {};
  if (path === undefined) return [line];
  const setting = texts.get(path);
  if (setting === undefined) throw new Error(`the template names "${path}", which is no setting`);
  const { description, allows } = setting;
  if (value !== '') return [`${start}${value}# ${firstSentence(description)}`];
  const text = `${description}${defaultOf(allows)}${rest}`;
  return wrapText(text, LINE_WIDTH - start.length - 2).map((each) => `${start}# ${each}`);
}

/** ` Default: 32 (1 to 1000).`, or nothing if there is none to tell. */
function defaultOf(allows = 'required'): string {
  const [value = '', ...range] = allows.split(', ');
  if (/^(?:required|optional|[[{])/.test(value)) return '';
  return range.length === 0 ? ` Default: ${value}.` : ` Default: ${value} (${range.join(', ')}).`;
}

function firstSentence(text: string): string {
  return text.split(/\.(?: |$)/)[0] ?? '';
}
