/** How the status line of an interim answer begins. */
const INTERIM = /^HTTP\/1\.\d 1\d\d/;
const STATUS_AT = 'HTTP/1.1 '.length;
const STATUS_END = STATUS_AT + '100'.length;
const HEAD_END = '\r\n\r\n';
const [ONE, TWO] = [0x31, 0x32];

/**
 * Works around undici 7.30.2, lib/dispatcher/client-h1.js, line 602 (`statusCode === 100`): undici closes the
 * connection on an unasked 100 Continue. A client has to read over it (RFC 9110, section 15.2), and
 * some servers send it to every POST: each of their deliveries would count as failed. undici reads over all other
 * interim answers, so it is shown a 102 instead. Delete this file once undici reads over 100 too.
 */
export class PassContinue {
  /** What has come of the head of an interim answer; undefined: the answer is a final one, or none is expected. */
  #head: string | undefined;

  /** An answer begins with the next byte. */
  expectAnswer(): void {
    this.#head = '';
  }

  /** Makes each status 100 in these bytes, which undici is about to read, a 102. */
  change(bytes: Buffer): void {
    if (this.#head === undefined) return;
    // Nearly every answer is a final one, and its status line comes in one piece.
    const isFinal = this.#head === '' && bytes.length > STATUS_AT && bytes[STATUS_AT] !== ONE;
    this.#head = isFinal ? undefined : this.#changeHeads(this.#head, bytes);
  }

  #changeHeads(begun: string, bytes: Buffer): string | undefined {
    let head = begun + bytes.toString('latin1');
    let startsAt = -begun.length;
    while (head.length >= STATUS_END) {
      if (!INTERIM.test(head)) return undefined;
      const lastDigit = startsAt + STATUS_END - 1;
      if (lastDigit >= 0 && head.startsWith('100', STATUS_AT)) bytes[lastDigit] = TWO;
      const end = head.indexOf(HEAD_END);
      if (end === -1) return head;
      startsAt += end + HEAD_END.length;
      head = head.slice(end + HEAD_END.length);
    }
    return head;
  }
}
