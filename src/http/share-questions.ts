import type { LookupAddress, LookupAllOptions } from 'node:dns';

/** Resolves a name to all its addresses; `dns.lookup` is one. */
export type Lookup = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

type Found = Parameters<Lookup>[2];

interface Question {
  readonly askers: Found[];
  /** Whether it has been waited for long enough. */
  late: boolean;
}

/** How long the resolver is waited for if an earlier answer is known. */
const LATE_MS = 500;
/** For how long an answer counts as known. */
const KNOWN_MS = 600_000;

/**
 * Lets those who ask for the same name at the same time share one question, so that a name that does not
 * resolve does not take all of the resolver's threads. Node has two of them for names: while they wait for other
 * clients' name servers, ten seconds or more, a name that was found lately is taken as it was.
 */
export function shareQuestions(lookup: Lookup): Lookup {
  const questions = new Map<string, Question>();
  /** `at`: in milliseconds of the monotonic clock. */
  const answers = new Map<string, { readonly addresses: LookupAddress[]; readonly at: number }>();

  function knownLately(key: string): LookupAddress[] | undefined {
    const { addresses, at = Number.NEGATIVE_INFINITY } = answers.get(key) ?? {};
    return performance.now() - at < KNOWN_MS ? addresses : undefined;
  }

  function ask(key: string, hostname: string, options: Parameters<Lookup>[1]): Question {
    const question: Question = { askers: [], late: false };
    questions.set(key, question);
    const timer = setTimeout(() => {
      question.late = true;
      const known = knownLately(key);
      if (known !== undefined) for (const found of question.askers.splice(0)) found(null, known);
    }, LATE_MS).unref();
    lookup(hostname, options, (error, addresses) => {
      clearTimeout(timer);
      questions.delete(key);
      if (error === null) answers.set(key, { addresses, at: performance.now() });
      else answers.delete(key);
      for (const found of question.askers) found(error, addresses);
    });
    return question;
  }

  return (hostname, options, found) => {
    const key = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const question = questions.get(key);
    const known = question?.late ? knownLately(key) : undefined;
    if (known !== undefined) process.nextTick(found, null, known);
    else (question ?? ask(key, hostname, options)).askers.push(found);
  };
}
