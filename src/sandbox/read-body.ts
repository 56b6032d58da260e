import type { IncomingMessage } from 'node:http';

/** Hands over the body as text once all of it has come; never, where the sender breaks off. */
export function readBody(message: IncomingMessage, whenRead: (body: string) => void): void {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const [first] = chunks;
    const whole = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    whenRead(whole.toString('utf8'));
  });
}
