/** The `waybill.yaml` that `waybill init` writes: valid as it stands once ACME_CLIENT_SECRET is set. */
export const CONFIG_TEMPLATE = `# Waybill's configuration. "waybill check" says what is wrong with it, all at once.
#
# \${NAME} in a value is replaced by the environment variable NAME; keep secrets there, not here.
# \${file:/run/secrets/x} is replaced by what that file holds, without the line break at its end.
# A literal \${ is written $\${. Keys ending in Ms are in milliseconds (1000 = one second).
# Remove the "# " before a setting to use it.

# Where events wait. Leave it out, and Waybill runs a private Redis of its own in dataDir.
# redis:
#   url: redis://localhost:6379             # redis:, rediss: (TLS), or the path of a unix socket

# The directory for Waybill's own state, relative to this file. Default: .waybill
# dataDir: .waybill

# Events that were given up on. Leave keepDays out to keep them until they are replayed or discarded.
deadLetters:
  keepDays: 30                              # days

# Whom to tell when an endpoint's events are given up on, when that grows tenfold, and when it is over.
# The log says it in any case. Formats: slack, teams (a Workflows webhook), json, text, pagerduty.
# incidents:
#   notify:
#     - { format: slack, url: "\${SLACK_WEBHOOK_URL}" }
#     - { format: pagerduty, routingKey: "\${PAGERDUTY_KEY}" }   # Events API v2
#     - { format: json, url: https://hooks.acme.example/waybill, headers: { X-Api-Key: "\${HOOK_KEY}" } }
#   lookEveryMs: 5000                       # how often is looked for what is to be told

# How long "waybill event" can tell that an event was delivered, and when. 0 remembers nothing; default: 24
# keepDeliveredHours: 24

# Serves /livez, /readyz and, for Prometheus, /metrics. Leave it out, and nothing is served.
# metrics:
#   host: 127.0.0.1                         # the address to listen on; default: this machine only
#   port: 9464
#   oldestWaitingMs: 3600000                # /readyz fails where an event waits for longer. Default: an hour
#   untakenMs: 60000                        # … or if no worker takes waiting events for so long. Default: a minute

# How long a stopping service waits for the requests under way. Default: 10000
shutdownGraceMs: 10000

# The HTTP API: events in, and operating the service. Leave it out, and nothing listens.
# "waybill key NAME --scope submit --scope operate" makes a key and prints its line.
# http:
#   host: 127.0.0.1                         # beyond loopback, put a TLS proxy in front: keys travel in the clear
#   port: 8425
#   bodyLimitBytes: 16777216                # of one request; default: 16 MiB
#   requestTimeoutMs: 30000                 # how long one request may take
#   keys:
#     - { name: orders, sha256: 0123..., scopes: [submit] }

# Who receives events. A name holds a to z, 0 to 9 and hyphens, 63 characters at most.
clients:
  acme:
    # Where the client's endpoints are; the paths below are appended to it.
    baseUrl: https://returns.acme.example

    # A path or a full URL for each type of event that this client receives. Each has a queue of its own. In a section
    # it may have settings of its own beside its path: concurrency, timeoutMs and retry instead of the client's (of
    # retry those that it names), and a ratePerSecond beside the client's.
    endpoints:
      disposition_update: /dispositions
      inventory_receipt: /inventory_receipt
      # inventory_receipt: { path: /inventory_receipt, concurrency: 8, timeoutMs: 5000, retry: { retries: 3 } }

    # How requests are authorized. Default: type none. The other types:
    #   { type: bearer, token: \${ACME_TOKEN} }
    #   { type: basic, username: waybill, password: \${ACME_PASSWORD} }
    #   { type: api_key, header: X-Api-Key, key: \${ACME_KEY} }
    # and, for a token service that does not speak OAuth 2:
    #   type: token_service
    #   url: https://auth.acme.example/login
    #   method: POST                        # or GET, PUT. Default: POST
    #   headers: { X-Tenant: "42" }         # Default: none but Accept and Content-Type
    #   body: { user: waybill, password: "\${ACME_PASSWORD}" }   # sent as JSON. Default: none
    #   tokenPointer: /data/token           # where in the answer the token stands (JSON pointer, RFC 6901)
    #   expiresInPointer: /data/ttl         # where its lifetime stands, in seconds. Default: nowhere
    #   expiresInSeconds: 3600              # its lifetime where the answer tells none. Default: 3600
    #   header: Authorization               # the header that carries it. Default: Authorization
    #   prefix: "Bearer "                   # what stands before it there. Default: "Bearer "
    auth:
      type: oauth2                          # client credentials (RFC 6749, section 4.4)
      tokenUrl: https://auth.acme.example/oauth/token
      clientId: waybill
      clientSecret: \${ACME_CLIENT_SECRET}
      # scope: "read write"                 # what to ask for; default: nothing in particular
      style: form                           # how the credentials are sent: form (default), basic, json
      # timeoutMs: 10000                    # how long a token request may take, with two more tries. Default: timeoutMs below
      # renewOn: [419]                      # statuses that lead to a new token, beside 401. Default: none

    # Requests in flight at once, for each endpoint and in each worker process. 1 to 1000, default: 32
    concurrency: 32

    # At most so many events a second, over all endpoints and processes. Default: no limit
    # ratePerSecond: 200

    # How long one request may take, from connecting to the last byte. Default: 15000
    timeoutMs: 15000

    # How long a connection may be used for further requests; a new one asks again where the name leads. Default: 30000
    connectionMaxAgeMs: 30000

    # When a failed event is tried again: after baseDelayMs, then each time factor times later, but never
    # more than maxDelayMs. The defaults span three hours: 15 s, 75 s, 6 min, 31 min, 2.6 h.
    retry:
      retries: 5                            # after the first attempt; then it is a dead letter. 0 to 20
      baseDelayMs: 15000                    # 15 seconds
      factor: 5                             # 1 to 100
      maxDelayMs: 14400000                  # 4 hours
      jitter: 0.1                           # varies each delay by so much either way: 0 to 1, 0.1 is 10 %

    # How many events may share one job in the queue. 1 to 500, default: 50
    batchSize: 50

    # Whether endpoints may have loopback and private addresses. Default: false
    allowPrivateNetwork: false

    # Whether "waybill loadtest" may load these endpoints, and how hard at most. Ask the client before you allow it.
    # Default: not allowed, but for endpoints on loopback with allowPrivateNetwork; 50 a second; 100000 requests
    # loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 100000 }

    # PEM files, relative to this one: authorities to trust instead of the public ones, and Waybill's own
    # certificate and key for clients that ask for one. Default: none
    # tls:
    #   ca: ./acme-ca.pem
    #   cert: ./waybill.pem
    #   key: ./waybill-key.pem

    # Whom to tell when the endpoint keeps failing. Default: nobody
    contact:
      name: Tech support
      email: tech@acme.example
`;
