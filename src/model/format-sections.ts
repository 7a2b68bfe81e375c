import { z } from 'zod';

/** The settings that belong to one output type alone (`output.cef`, `output.leef`, ...). */

/** Text of a constant header field that is parted by pipes. */
const headerText = (max: number) => z.string().min(1).max(max).regex(/^[^\\|\r\n\p{Cc}]+$/u, 'no backslash, pipe, line break or control character (receivers misread them in a header)');

export const cefSection = z.strictObject({
  version: z.union([z.literal(0), z.literal(1)]).default(0).meta({ help: 'CEF:0 or CEF:1.' }),
  vendor: headerText(63).default('Tidegate').meta({ help: 'Device vendor; with the product it picks the parser on the receiver.' }),
  product: headerText(63).default('Tidegate').meta({ help: 'Device product.' }),
  deviceVersion: headerText(31).default('1').meta({ help: 'Device version.' }),
});

/** `tab`, or one printable character that no key, number, id, type or address of ours holds. */
const DELIMITER = /^(?:tab|[!#$%&*+;<>?@^`{}~])$/;

export const leefSection = z.strictObject({
  version: z.enum(['1.0', '2.0']).default('1.0').meta({ help: 'LEEF:1.0, whose attributes are parted by the tab, or LEEF:2.0, which names its delimiter.' }),
  delimiter: z.string().regex(DELIMITER, 'tab, or one of ! # $ % & * + ; < > ? @ ^ ` { } ~').default('tab').meta({ help: 'What parts the attributes of LEEF 2.0: tab, or one character such as ^. Relays that rewrite control characters (rsyslog by default) spoil the tab.' }),
  vendor: headerText(63).default('Tidegate').meta({ help: 'Vendor; with the product it picks the log source type on the receiver.' }),
  product: headerText(63).default('Tidegate').meta({ help: 'Product.' }),
  deviceVersion: headerText(31).default('1').meta({ help: 'Product version.' }),
});

export const ocsfSection = z.strictObject({
  version: z.enum(['1.4.0', '1.5.0', '1.6.0', '1.7.0', '1.8.0']).default('1.8.0').meta({ help: 'Version of the schema that the receiver expects.' }),
  vendor: z.string().min(1).max(100).default('Tidegate').meta({ help: 'metadata.product.vendor_name.' }),
  product: z.string().min(1).max(100).default('Tidegate').meta({ help: 'metadata.product.name.' }),
});

export const ecsSection = z.strictObject({
  version: z.enum(['8.17.0', '9.0.0', '9.1.0', '9.2.0', '9.3.0', '9.4.0']).default('9.4.0').meta({ help: 'ecs.version. The fields that are used have been the same since 8.17.' }),
  dataset: z.string().regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/, 'lower-case words of letters, digits and underscores, joined by dots').max(100).default('tidegate.audit').meta({ help: 'event.dataset.' }),
});
