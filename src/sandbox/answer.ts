const WITHOUT_STATUS = ['hang', 'reset', 'close', 'garbage', 'slow_headers', 'huge_headers'] as const;
const WITH_STATUS = ['reset_after_headers', 'close_after_headers', 'endless_body', 'slow_body'] as const;

/**
 * What a company can do instead of answering as HTTP asks.
 *
 * Without a status: `hang` reads the request and stays silent; `reset` sends a TCP reset, `close` an orderly
 * end, both before any answer; `garbage` answers in another protocol; `slow_headers` never ends its headers;
 * `huge_headers` sends 64 KiB of them.
 *
 * With a status (200 unless told otherwise), then a body that goes wrong: `reset_after_headers` and
 * `close_after_headers` break off in the middle of it, `endless_body` pours as fast as it is read,
 * `slow_body` trickles; neither of the last two ever ends.
 */
export const BEHAVIOURS = [...WITHOUT_STATUS, ...WITH_STATUS] as const;

/** One of {@link BEHAVIOURS}. */
export type Behaviour = (typeof BEHAVIOURS)[number];

/** A whole HTTP answer. */
export interface PlainAnswer {
  /** Left out: the answer that the contract gives to this request (a token, 200, or 201 for a new receipt). */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: a small JSON object that fits the status. */
  readonly body?: string;
  /** Waited before the answer, in milliseconds. */
  readonly delayMs?: number;
}

/** An answer that breaks the rules. */
export interface BadAnswer extends Pick<PlainAnswer, 'delayMs'> {
  readonly behaviour: Behaviour;
  /** For the behaviours that get as far as a status; left out: 200. */
  readonly status?: number;
}

/** What a company does with one request. */
export type Answer = PlainAnswer | BadAnswer;

/** An answer, or a short form of one: a status, or the name of a behaviour. */
export type AnswerLike = Answer | Behaviour | number;

/** The answer that the contract gives to a request. */
export const AS_CONTRACTED: Answer = {};

/** Spells out a short form. */
export function toAnswer(like: AnswerLike): Answer {
  if (typeof like === 'number') return { status: like };
  if (typeof like === 'string') return { behaviour: like };
  return like;
}

/** Tells a rule-breaking answer from a plain one. */
export function isBad(answer: Answer): answer is BadAnswer {
  return 'behaviour' in answer;
}

/** The behaviours that get as far as a status. */
export const FAULTS_WITH_STATUS: ReadonlySet<Behaviour> = new Set(WITH_STATUS);

/** The status that a client gets to see from a rule-breaking answer; 0: none. */
export function visibleStatus(answer: BadAnswer): number {
  return FAULTS_WITH_STATUS.has(answer.behaviour) ? (answer.status ?? 200) : 0;
}
