import { defineEventType } from '../event-type.ts';
import { condition, integer, listOf, oneOf, openObject, text, textLike, timestamp } from './fields.ts';

const detail = openObject({
  line_identifier: text,
  program_identifier: text,
  unit_identifier: text,
  sku: text,
  quantity: integer,
  condition,
  client_unit_identifier: text.optional(),
  inbound_received_asn: text.optional(),
  upc: text.optional(),
  vendor_identifier: text.optional(),
  serial_number: text.optional(),
  merchant: text.optional(),
  eligibility_flags: listOf(text).optional(),
});

const carton = openObject({
  details: listOf(detail),
  identifier: text.optional(),
  reference: openObject({
    type: oneOf(['StockTransferOrder', 'RA', 'RMA', 'ForwardOrder', 'ReturnsPortalOrder']),
    identifier: text,
    alternate_identifier: text.optional(),
  }).optional(),
  sorting_template_name: text.optional(),
});

const address = openObject({
  name: text,
  street: text,
  city: text,
  state: text,
  zip: text,
  company: text.optional(),
  street2: text.optional(),
});

/** Contract, part 2. */
export const outboundAsn = defineEventType({
  name: 'outbound_asn',
  summary:
    'A shipment left the warehouse. A large one is split over several events, each with its own asn_number.',
  path: '/outbound_asn',
  schema: openObject({
    from: openObject({ identifier: text, type: text }),
    to: openObject({ identifier: text, type: text, address: address.optional() }),
    asn_number: textLike(/^[A-Za-z0-9_-]{1,255}$/, '1 to 255 letters, digits, - and _'),
    channel: text,
    shipment_identifier: text,
    ship_date: timestamp,
    status: oneOf(['pending', 'shipped', 'delivered', 'canceled']),
    details_type: oneOf(['unit']),
    cartons: listOf(carton),
    tracking_number: text.nullable().optional(),
    carrier: text.nullable().optional(),
    carrier_payment_type: oneOf(['prepaid', 'collect']).nullable().optional(),
    bol_number: text.nullable().optional(),
    timestamp: timestamp.optional(),
  }),
  unitField: 'asn_number',
  sample: {
    from: { identifier: '22', type: 'Warehouse' },
    to: {
      identifier: '1352',
      type: 'Store',
      address: {
        name: 'Store 42',
        company: 'Acme Outlet',
        street: '42 Main Street',
        street2: 'Dock 7',
        city: 'Anytown',
        state: 'MA',
        zip: '01234',
      },
    },
    asn_number: 'SHIP-1001-1',
    channel: 'outlets',
    shipment_identifier: 'SHIP-1001',
    ship_date: '2018-03-20T00:00:00Z',
    status: 'shipped',
    details_type: 'unit',
    tracking_number: '1Z9999999999999999',
    carrier: 'Acme Parcel',
    carrier_payment_type: 'prepaid',
    bol_number: 'BOL-0042',
    timestamp: '2018-03-20T00:00:00Z',
    cartons: [
      {
        identifier: 'CARTON-7',
        reference: { type: 'ForwardOrder', identifier: 'FO-1001', alternate_identifier: 'ORDER-1001' },
        sorting_template_name: 'Template 3',
        details: [
          {
            line_identifier: '1',
            program_identifier: 'parcel_returns',
            unit_identifier: 'LPAA1234567',
            sku: 'S123456',
            quantity: 1,
            condition: 'A',
            client_unit_identifier: 'Unit A',
            inbound_received_asn: 'SO00001234',
            upc: '012345678905',
            vendor_identifier: 'V-17',
            serial_number: 'SN-00042',
            merchant: 'Acme',
            eligibility_flags: ['resale'],
          },
        ],
      },
    ],
  },
});
