import { forEachClient } from '../../check/check-clients.ts';
import { type CheckFinding, type Remark, remark } from '../../check/finding.ts';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { findEventType } from '../../core/event-types.ts';
import { shortSpan } from '../../core/quantity-text.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { type SampleSent, sendSamples } from '../../loadtest/senders/sample-sender.ts';
import { openOperator } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { oneLine } from '../terminal.ts';

/** What of an answer is shown. */
const SHOWN_LENGTH = 200;

/**
 * Sends samples to clients, many side by side.
 *
 * @param isUnreachable names the clients for which trying would only say the same again
 */
export async function sendToClients(
  { file, secretKey }: Config,
  clients: readonly ResolvedClient[],
  isUnreachable: (client: string) => boolean,
): Promise<{ readonly findings: CheckFinding[]; readonly samples: readonly SampleSent[] }> {
  const samples: SampleSent[] = [];
  // Without Redis tokens are not shared, and the check of Redis says why.
  const operator = await openOperator(file).catch(() => undefined);
  try {
    const findings = await withProgress('clients sent to', clients.length, (update) =>
      forEachClient(clients, update, async (client) => {
        if (isUnreachable(client.name)) return [remark('note', NOT_SENT, 'not_sent')];
        try {
          const sent = await sendSamples({ client, redis: operator?.redis, secretKey, now: Date.now });
          samples.push(...sent);
          return sent.map(describeSample);
        } catch (error) {
          // A request that cannot be written is this client's alone.
          if (!(error instanceof WaybillError)) throw error;
          return [remark('error', error.message)];
        }
      }),
    );
    return { findings, samples };
  } finally {
    await operator?.close();
  }
}

const NOT_SENT = 'no sample event was sent: see the errors';
const NOT_TAKEN = 'it does not take this payload; that may be right for a unit that it does not know';

/** What a status mostly means, for who has to mend it. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: NOT_TAKEN,
  401: 'it does not accept the credentials: check auth',
  403: 'it does not allow the request: a permission, an address list, or a key of its gateway is missing',
  404: 'there is nothing at this path: check baseUrl and the path of the endpoint',
  405: 'it takes no POST at this path: check the path of the endpoint',
  409: NOT_TAKEN,
  411: 'it wants a Content-Length, which the request has: something in between takes it away',
  413: 'the request is too large for it',
  415: 'it wants another Content-Type',
  422: NOT_TAKEN,
  429: 'it is sent more than it wants: ask for its limit, and set ratePerSecond',
};

/** Says what a sample event came to. */
function describeSample({ type, status, class: failure, isWebPage, ms, answer }: SampleSent): Remark {
  const begins = answer === '' ? '' : `: ${oneLine(answer).slice(0, SHOWN_LENGTH)}`;
  if (status === 0) {
    const what = failure === 'token' ? 'was not sent' : 'has no answer';
    return remark('error', `a sample event for ${type} ${what}${begins}`, failure ?? undefined);
  }
  const told = `the endpoint for ${type} answered a sample event with ${status} in ${shortSpan(ms)}`;
  if (isWebPage) {
    const means = 'which is a web page: the URL may lead to a login';
    return remark('warning', `${told}, ${means}${begins}`, 'web_page');
  }
  if (failure === null) {
    if (status !== findEventType(type)?.alreadyReceivedStatus) return remark('ok', `${told}${begins}`);
    const means = `${status} says that it had the unit already, which is new`;
    return remark('note', `${told}, and ${means}: 201 says so${begins}`, 'receipts');
  }
  const meaning = meaningOf(status);
  // A made-up unit may be refused by an endpoint that is well.
  return remark(meaning === NOT_TAKEN ? 'warning' : 'error', `${told}, ${meaning}${begins}`, failure);
}

function meaningOf(status: number): string {
  const known = MEANINGS[status];
  if (known !== undefined) return known;
  if (status < 400) return 'a redirect, which is not followed: set the URL that it leads to';
  return status < 500 ? 'which refuses it' : 'which says that it fails';
}
