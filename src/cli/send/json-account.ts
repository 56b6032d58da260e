import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Account, RefusedLine } from './account.ts';

/** Writes the account as one JSON object, the refused events as they come: there may be millions of them. */
export class JsonAccount {
  readonly #out: Writable;
  #text = '{"refused":[';
  #isFirst = true;

  constructor(out: Writable) {
    this.#out = out;
  }

  readonly add = (refused: RefusedLine): void => {
    this.#text += (this.#isFirst ? '' : ',') + JSON.stringify(refused);
    this.#isFirst = false;
  };

  /** Writes what was added, and waits until it is taken. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text === '' || this.#out.write(text)) return;
    // Where it cannot be written any more, whoever listens for that ends the sending.
    await once(this.#out, 'drain').catch(() => {});
  }

  /** Ends the object; where events have idempotency keys, it tells how many were known. */
  async end({ accepted, repeated, unknown }: Account, hasKeys: boolean): Promise<void> {
    const again = hasKeys ? `"repeated":${repeated},` : '';
    this.#text += `],"accepted":${accepted},${again}"unknown":${unknown}}\n`;
    await this.flush();
  }
}
