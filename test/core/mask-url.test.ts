import { expect, test } from 'vitest';
import { maskUrl } from '../../src/core/mask-url.ts';

const BASE = 'https://acme.example:8443/d?key=secret';

test.each([
  ['https://acme.example/new', undefined, 'https://acme.example/new'],
  [
    'https://user:secret@acme.example/new?key=secret&flag&b=#secret',
    undefined,
    'https://acme.example/new?key=***&***&b=***',
  ],
  ['/login?next=secret', BASE, 'https://acme.example:8443/login?next=***'],
  ['//other.example/', BASE, 'https://other.example/'],
  ['?secret', BASE, 'https://acme.example:8443/d?***'],
  ['http://[broken/new?key=secret', BASE, 'http://[broken/new'],
  ['javascript:alert(1)//x?secret', BASE, 'javascript:alert(1)//x'],
  ['ftp://user:secret@acme.example/x', BASE, 'ftp://acme.example/x'],
  [`https://acme.example/${'x'.repeat(600)}`, undefined, `https://acme.example/${'x'.repeat(479)}`],
])('%s, relative to %s, is shown as %s', (text, base, shown) => {
  expect(maskUrl(text, base)).toBe(shown);
});
