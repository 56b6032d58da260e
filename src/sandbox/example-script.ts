/** What `waybill sandbox --example` prints: valid as it stands, every setting explained. */
export const EXAMPLE_SCRIPT = `# A script for "waybill sandbox": what a client is to answer. YAML, or the same as JSON.
#
# Each list of answers is read from the top for every request, and the first one whose conditions all hold is
# given. Where none holds, the sandbox answers as the contract says: 200, 201 for a receipt that is new to it,
# 422 for a body that is off, 404 for a path that it does not know.
#
# Conditions, which can be combined; without any, an answer is always given:
#   times: 3              until it was given so often
#   perEvent: 2           to the first so many requests of each event (by Idempotency-Key)
#   chance: 0.05          to this share of the requests, 0 to 1
#   unit: LPAA1234567     to the events about one unit
#   untilNewToken: true   as long as the Authorization header is the first one that came here; status 401
#                         unless told otherwise
# Answers; what is left out is as the contract says:
#   status: 503           200 to 599
#   delayMs: 250          waited before the answer, in milliseconds
#   retryAfter: 10        the Retry-After header: seconds, or a date
#   headers: { X-Y: z }   further headers
#   body: "text"          or a section, which is sent as JSON
#   fault: reset          no orderly answer: hang, reset, close, garbage, slow_headers, huge_headers; or, after a
#                         status: reset_after_headers, close_after_headers, endless_body, slow_body

# The same seed makes the same series of chances. Left out: another one at each start.
seed: 42

# What a request has to carry; anything else gets a 401. Default: type none. The other types:
#   { type: bearer, token: play-token }
#   { type: basic, username: waybill, password: play-password }
#   { type: api_key, header: X-Api-Key, key: play-key }
# These are the sandbox's own: put no secret here that opens anything else.
auth:
  type: oauth2                    # tokens at POST /oauth/token, credentials as json, form or basic
  clientId: waybill
  clientSecret: not-much-of-a-secret
  expiresInSeconds: 3600
  oneTokenAtATime: false          # true: a new token ends the one before it

# What token requests get; conditions: times and chance.
token:
  answers:
    - { times: 1, status: 503 }

endpoints:
  disposition_update:
    path: /dispositions
    answers:
      - { untilNewToken: true, times: 5 }
      - { perEvent: 1, chance: 0.2, status: 429, retryAfter: 2 }
      - { chance: 0.05, status: 500, body: { message: out of order }, delayMs: 100 }
      - { chance: 0.02, fault: reset }

  inventory_receipt:
    path: /inventory_receipt
    answers:
      # Out of order at first. If events keep coming for ten seconds, the endpoint counts as down: new events wait,
      # and retries and a probe now and then find out when it is back.
      - { times: 40, fault: reset }
      - unit: LPAA0000013
        status: 422
        body:
          message: Validation failed
          errors: [{ field: $.sku, code: invalid }]
      - { chance: 0.01, fault: hang }
`;
