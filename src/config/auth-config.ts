import { z } from 'zod';
import {
  anyCredential,
  bearerToken,
  credential,
  headerName,
  headerValue,
  httpUrl,
  textFor,
} from './http-fields.ts';
import { awsSigV4Schema } from './signing-config.ts';
import { tokenServiceSchema, tokenSettings } from './token-service-config.ts';

/** How a token request carries the credentials (RFC 6749, section 2.3.1; json: services like the sender's own). */
export const TOKEN_STYLES = ['form', 'basic', 'json'] as const;

const OWN_PARAMETERS: readonly string[] = ['grant_type', 'client_id', 'client_secret', 'scope'];

const parameterName = textFor((name) => {
  if (name === '') return 'must not be empty';
  if (!OWN_PARAMETERS.includes(name.toLowerCase())) return undefined;
  return `must not be ${name}: that parameter has a setting of its own`;
});

/** How requests to a client are authorized, by type. */
export const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('bearer'),
    token: bearerToken.describe('Sent as "Authorization: Bearer <token>".'),
  }),
  z.strictObject({
    type: z.literal('basic'),
    // RFC 7617, section 2: the first colon ends the user name, and neither part holds control characters.
    username: credential(/^[^:\p{Cc}]*$/u, 'must not hold a colon or a control character').describe(
      'The user name.',
    ),
    password: credential(/^\P{Cc}*$/u, 'must not hold a control character').describe('The password.'),
  }),
  z.strictObject({
    type: z.literal('api_key'),
    header: headerName.describe('The header that carries the key.'),
    key: headerValue.describe('The key.'),
  }),
  z.strictObject({
    type: z.literal('oauth2'),
    tokenUrl: httpUrl.describe('The token endpoint.'),
    clientId: anyCredential.describe('The name that the token service knows Waybill by.'),
    clientSecret: anyCredential.describe('Its secret.'),
    scope: anyCredential.optional().describe('What to ask for.'),
    style: z
      .enum(TOKEN_STYLES)
      .default('form')
      .describe(
        'How the credentials are sent: form, basic or json. "waybill check" names the one that works.',
      ),
    parameters: z
      .record(parameterName, anyCredential)
      .optional()
      .describe(
        'Further parameters of the token request, such as audience or resource. What came from ${…} is masked if the service repeats it.',
      ),
    ...tokenSettings,
  }),
  tokenServiceSchema,
  awsSigV4Schema,
]);
