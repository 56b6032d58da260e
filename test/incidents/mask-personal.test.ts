import { expect, test } from 'vitest';
import { maskAnswer, maskFieldErrors, maskPayload } from '../../src/incidents/mask-personal.ts';
import { sampleEvent } from '../support/events.ts';

test('user logins and e-mail addresses are taken out of a payload, wherever they stand', () => {
  const payload = {
    ...sampleEvent('inventory_receipt'),
    return_reason: 'ask jane.roe+x@acme.example about it',
    history: [{ user: { UserLogin: 42, since: 'May' } }, { carrier_email: ['a@b.example'] }],
    empty_login: '',
  };
  const { payload: masked, logins } = maskPayload(payload);
  expect(masked).toEqual({
    ...payload,
    ot_user_login: '***',
    return_reason: 'ask *** about it',
    history: [{ user: { UserLogin: '***', since: 'May' } }, { carrier_email: ['***'] }],
    empty_login: '***',
  });
  expect(logins).toEqual(['jdoe@email.com', '42', 'a@b.example']);
});

test('a postal address is taken out whole, and its telling parts are looked for in the answer', () => {
  const { order } = sampleEvent('drop_shipment_cancellation');
  const { payload, logins } = maskPayload({ order });
  const masked = Object.fromEntries(Object.keys(order.billing_address).map((field) => [field, '***']));
  expect(payload).toEqual({ order: { ...order, billing_address: masked, shipping_address: masked } });
  const telling = [order.billing_address, order.shipping_address].flatMap(
    ({ name, company, street, street2, telephone_number, zip_code }) =>
      [name, company, telephone_number, street, street2, zip_code].map(String),
  );
  expect([...logins].sort()).toEqual([...new Set(telling)].sort());
  expect(maskAnswer('Jane Doe of Anytown, MA, is not known: code 23', logins)).toBe(
    '*** of Anytown, MA, is not known: code 23',
  );
});

test('a field error keeps its path and code, however short or common the parts of an address are', () => {
  const order = {
    billing_address: { street2: '1', name: 'order', company: 'invalid' },
    order_items: [{}, {}],
  };
  const payload = { order, user_login: 'jane_roe' };
  const errors = [
    { field: '$.order.billing_address.name', code: 'invalid' },
    { field: '$.order.order_items[1]', code: 'missing_field' },
    { field: '$.users.jane_roe', code: 'unknown user jane_roe' },
  ];
  expect(maskFieldErrors(errors, payload)).toEqual([
    ...errors.slice(0, 2),
    { field: '$.users.***', code: 'unknown user ***' },
  ]);
  expect(maskPayload(payload).logins).toEqual(['order', 'invalid', 'jane_roe']);
});

test.each([
  ['no user jane_roe', 'no user ***'],
  ['no user JANE_ROE, and no Jane_Roe; "Bo", "jane.roe"', 'no user ***, and no ***; "***", "jane.roe"'],
  ['jane%5Froe, jane\\u005froe, amFuZV9yb2U=', '***, ***, ***U='],
  ['{"login":"bo","about":"a book"}', '{"login":"***","about":"a book"}'],
  ['the user bo is unknown; {\\"user\\":\\"bo\\"}', 'the user *** is unknown; {\\"user\\":\\"***\\"}'],
  ['write to help.desk@acme.example or help%40acme.example', 'write to *** or ***'],
  ['a@b, @, a@.example and 5 @ 3.50 stay', 'a@b, @, a@.example and 5 @ 3.50 stay'],
])('an answer is rid of them: %s', (answer, masked) => {
  expect(maskAnswer(answer, ['jane_roe', 'bo'])).toBe(masked);
});

test('a login may hold what means something in a pattern', () => {
  expect(maskAnswer('ACME\\(J.R) or acmexjxr', ['acme\\(j.r)'])).toBe('*** or acmexjxr');
});
