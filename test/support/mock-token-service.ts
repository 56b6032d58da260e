import type { IncomingMessage, ServerResponse } from 'node:http';
import { type MutableResponse, OAuth2Server } from 'oauth2-mock-server';
import { onTestFinished } from 'vitest';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import { uniqueClientName } from './redis.ts';

/** Changes an answer before it is sent: status and body by the first, headers by the second. */
export type ChangeAnswer = (answer: MutableResponse, response: ServerResponse) => void;

/** An `oauth2-mock-server` of a test's own: it issues a signed token to whoever asks. */
export interface MockTokenService {
  readonly tokenUrl: string;
  readonly auth: OAuth2Config;
  /** The tokens of its answers, as far as they have one. */
  readonly issued: readonly string[];
  /** How many requests for a token it has answered. */
  readonly answers: number;
}

/** Starts one on a free port of 127.0.0.1; it is closed when the test is over. */
export async function startMockTokenService(change: ChangeAnswer = () => {}): Promise<MockTokenService> {
  const server = new OAuth2Server();
  // Its signatures differ each time: no two tokens are the same, even of one second.
  await server.issuer.keys.generate('ES256');
  await server.start(0, '127.0.0.1');
  onTestFinished(() => server.stop());
  const issued: string[] = [];
  let answers = 0;
  server.service.on('beforeResponse', (answer: MutableResponse, request: IncomingMessage) => {
    answers += 1;
    // Express keeps the response there.
    change(answer, (request as IncomingMessage & { readonly res: ServerResponse }).res);
    if (answer.body !== '' && typeof answer.body.access_token === 'string') {
      issued.push(answer.body.access_token);
    }
  });
  const tokenUrl = `http://127.0.0.1:${server.address().port}/token`;
  return {
    tokenUrl,
    // Tokens are shared through Redis under the client id.
    auth: {
      type: 'oauth2',
      tokenUrl,
      clientId: uniqueClientName(),
      clientSecret: 'not looked at',
      style: 'form',
    },
    issued,
    get answers() {
      return answers;
    },
  };
}
