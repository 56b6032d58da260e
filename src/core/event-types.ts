import type { z } from 'zod';
import type { EventType } from './event-type.ts';
import { dispositionUpdate } from './event-types/disposition-update.ts';
import { dropShipmentCancellation } from './event-types/drop-shipment-cancellation.ts';
import { dropShipmentConfirmation } from './event-types/drop-shipment-confirmation.ts';
import { dropShipmentPartialCancellation } from './event-types/drop-shipment-partial-cancellation.ts';
import { finalDisposition } from './event-types/final-disposition.ts';
import { inventoryReceipt } from './event-types/inventory-receipt.ts';
import { outboundAsn } from './event-types/outbound-asn.ts';

/** Every event type that Waybill delivers. */
export const EVENT_TYPES = [
  dispositionUpdate,
  inventoryReceipt,
  finalDisposition,
  outboundAsn,
  dropShipmentConfirmation,
  dropShipmentCancellation,
  dropShipmentPartialCancellation,
] as const;

/** The name of an event type. */
export type EventTypeName = (typeof EVENT_TYPES)[number]['name'];
/** Every event type under its name. */
export type EventTypes = { [Type in (typeof EVENT_TYPES)[number] as Type['name']]: Type };
/** What a producer submits for a type: numbers may stand for strings. */
export type PayloadOf<Name extends EventTypeName> = z.input<EventTypes[Name]['schema']>;
/** What goes out to the client for a type. */
export type SentPayloadOf<Name extends EventTypeName> = z.output<EventTypes[Name]['schema']>;

/** The names of all event types, in the order of the contract. */
export const EVENT_TYPE_NAMES: readonly EventTypeName[] = EVENT_TYPES.map((type) => type.name);

/** What there is beside a type that there is not: the end of a sentence. */
export const KNOWN_TYPES = `there are: ${EVENT_TYPE_NAMES.join(', ')}`;

const byName: ReadonlyMap<string, EventType> = new Map(EVENT_TYPES.map((type) => [type.name, type]));

/** The event type of that name; undefined if there is none. */
export function findEventType<Name extends EventTypeName>(name: Name): EventTypes[Name];
export function findEventType(name: string): EventType | undefined;
export function findEventType(name: string): EventType | undefined {
  return byName.get(name);
}
