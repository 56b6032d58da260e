import type { EventType } from '../../../src/core/event-type.ts';
import { outboundAsn } from '../../../src/core/event-types/outbound-asn.ts';
import { type Fields, holdToContract } from './hold-to-contract.ts';

const address: Fields = {
  open: true,
  fields: {
    name: 'text',
    street: 'text',
    city: 'text',
    state: 'text',
    zip: 'text',
    'company?': 'text',
    'street2?': 'text',
  },
};

const detail: Fields = {
  open: true,
  fields: {
    line_identifier: 'text',
    program_identifier: 'text',
    unit_identifier: 'text',
    sku: 'text',
    quantity: 'integer',
    condition: { oneOf: ['N', 'A', 'R', 'B', 'TT', 'C', 'X'] },
    'client_unit_identifier?': 'text',
    'inbound_received_asn?': 'text',
    'upc?': 'text',
    'vendor_identifier?': 'text',
    'serial_number?': 'text',
    'merchant?': 'text',
    'eligibility_flags?': { listOf: 'text' },
  },
};

const carton: Fields = {
  open: true,
  fields: {
    details: { listOf: detail },
    'identifier?': 'text',
    'reference?': {
      open: true,
      fields: {
        type: { oneOf: ['StockTransferOrder', 'RA', 'RMA', 'ForwardOrder', 'ReturnsPortalOrder'] },
        identifier: 'text',
        'alternate_identifier?': 'text',
      },
    },
    'sorting_template_name?': 'text',
  },
};

holdToContract(outboundAsn as EventType, {
  path: '/outbound_asn',
  unit: ['asn_number'],
  payload: {
    open: true,
    fields: {
      from: { open: true, fields: { identifier: 'text', type: 'text' } },
      to: { open: true, fields: { identifier: 'text', type: 'text', 'address?': address } },
      asn_number: {
        pattern: /^[A-Za-z0-9_-]{1,255}$/,
        refused: ['', 'A'.repeat(256), 'SO 1', 'SO.1', 'SO/1', 'SÖ1', 'SO1\n'],
      },
      channel: 'text',
      shipment_identifier: 'text',
      ship_date: 'date-time',
      status: { oneOf: ['pending', 'shipped', 'delivered', 'canceled'] },
      details_type: { oneOf: ['unit'] },
      cartons: { listOf: carton },
      'tracking_number?': { orNull: 'text' },
      'carrier?': { orNull: 'text' },
      'carrier_payment_type?': { orNull: { oneOf: ['prepaid', 'collect'] } },
      'bol_number?': { orNull: 'text' },
      'timestamp?': 'date-time',
    },
  },
});
