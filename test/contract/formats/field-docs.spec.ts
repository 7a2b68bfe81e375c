import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { LEEF_FIELDS, PART_FIELDS as LEEF_PART_FIELDS, TRUNCATED_FIELD as LEEF_TRUNCATED_FIELD } from '../../../src/outward/formats/leef/leef-fields.js';
import { CEF_FIELDS, PART_FIELDS, TRUNCATED_FIELD } from '../../../src/outward/formats/cef/cef-fields.js';

it('documents every CEF key with its label, limit and meaning, in the order of the wire', () => {
  const page = readFileSync(new URL('../../../docs/reference/formats.md', import.meta.url), 'utf8');
  const rows = [...Object.values(CEF_FIELDS), TRUNCATED_FIELD, ...PART_FIELDS].map(({ key, label, maxOctets, meaning }) => `| \`${key}\` | ${label ?? ''} | ${maxOctets} | ${meaning} |`);
  expect(page).toContain(rows.join('\n'));
});

it('documents every LEEF key with its limit and meaning, in the order of the wire', () => {
  const page = readFileSync(new URL('../../../docs/reference/formats.md', import.meta.url), 'utf8');
  const rows = [...Object.values(LEEF_FIELDS), LEEF_TRUNCATED_FIELD, ...LEEF_PART_FIELDS].map(({ key, maxOctets, meaning }) => `| \`${key}\` | ${maxOctets} | ${meaning} |`);
  expect(page).toContain(rows.join('\n'));
});
