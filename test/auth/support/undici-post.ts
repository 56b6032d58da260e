import { Agent, request } from 'undici';
import type { TokenPost } from '../../../src/auth/token-post.ts';

/** A plain way to send token requests, with connections of its own. */
export interface UndiciPost {
  readonly post: TokenPost;
  close(): Promise<void>;
}

/** Makes one. */
export function createUndiciPost(): UndiciPost {
  const agent = new Agent();
  return {
    post: async ({ url, headers, body, signal }) => {
      try {
        const options = { headers: [...headers], body, signal, dispatcher: agent };
        const response = await request(url, { method: 'POST', ...options });
        const bytes = await response.body.bytes();
        const [retryAfter] = [response.headers['retry-after']].flat();
        const answer = {
          kind: 'answer',
          status: response.statusCode,
          body: '',
          whole: { bytes, complete: true },
        } as const;
        return retryAfter === undefined ? answer : { ...answer, retryAfter };
      } catch (error) {
        if (signal.aborted) return { kind: 'aborted' };
        return { kind: 'no_answer', failureClass: 'refused', detail: `connection failed (${String(error)})` };
      }
    },
    close: () => agent.destroy(),
  };
}
