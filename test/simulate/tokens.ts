import { blockedMs, extendBlock, NO_BLOCK } from '../../src/auth/renewal-block.ts';
import type { Agenda } from './agenda.ts';

/** How long the service takes to answer, and how long its tokens are good. */
const ANSWER_MS = 100;
const LIFETIME_MS = 300_000;

/** The tokens that all processes and clients of one set of credentials share, and their service. One request at a time. */
export class SimulatedTokens {
  requests = 0;
  readonly #agenda: Agenda;
  readonly #isDown: (now: number) => boolean;
  #goodUntil = 0;
  #block = NO_BLOCK;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(agenda: Agenda, isDown: (now: number) => boolean) {
    this.#agenda = agenda;
    this.#isDown = isDown;
  }

  /** When to ask again for a token; undefined: there is one. */
  missingUntil(): number | undefined {
    const { now } = this.#agenda;
    if (now < this.#goodUntil) return undefined;
    const blocked = blockedMs(this.#block, now);
    if (blocked > 0) return now + blocked;
    if (this.#askedAt < now - ANSWER_MS) this.#request(now);
    return this.#askedAt + ANSWER_MS + 1;
  }

  #request(now: number): void {
    this.#askedAt = now;
    this.requests += 1;
    this.#agenda.at(now + ANSWER_MS, () => {
      const answeredAt = this.#agenda.now;
      if (this.#isDown(answeredAt)) this.#block = extendBlock(this.#block, answeredAt);
      else {
        this.#block = NO_BLOCK;
        this.#goodUntil = answeredAt + LIFETIME_MS;
      }
    });
  }
}
