import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { FILE, MINIMAL, problemsOf } from '../support/config-problems.ts';

test('channels have a format, and what their format needs', () => {
  expect(parseConfig(MINIMAL, FILE, {}).incidents).toEqual({
    notify: [],
    lookEveryMs: 5_000,
    downAfterMs: 60_000,
  });
  const text = `${MINIMAL}
incidents:
  notify:
    - { format: slack, url: "\${HOOK}" }
    - { format: pagerduty, routingKey: key }
`;
  const common = { headers: {}, timeoutMs: 10_000, allowPrivateNetwork: false };
  expect(parseConfig(text, FILE, { HOOK: 'https://hooks.acme.example/a' }).incidents.notify).toEqual([
    { format: 'slack', url: 'https://hooks.acme.example/a', ...common },
    { format: 'pagerduty', url: 'https://events.pagerduty.com/v2/enqueue', routingKey: 'key', ...common },
  ]);
  expect(
    problemsOf(`${MINIMAL}
incidents:
  notify:
    - { format: pagerduty }
    - { format: smoke, url: https://hooks.acme.example }
    - { format: text, url: https://user:secret@hooks.acme.example }
    - { format: json, url: https://hooks.acme.example, header: {} }
`),
  ).toEqual([
    expect.stringMatching(/\$\.incidents\.notify\[0\]\.routingKey is required$/),
    expect.stringMatching(
      /\$\.incidents\.notify\[1\]\.format must be one of slack, teams, json, text, pagerduty, email$/,
    ),
    expect.stringMatching(/\$\.incidents\.notify\[2\]\.url must not hold credentials/),
    expect.stringMatching(
      /\$\.incidents\.notify\[3\]\.header is not a known setting: did you mean "headers"\?$/,
    ),
  ]);
});
