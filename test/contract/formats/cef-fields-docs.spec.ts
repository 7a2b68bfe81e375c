import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { CEF_FIELDS, TRUNCATED_FIELD } from '../../../src/outward/formats/cef/cef-fields.js';

it('documents every CEF key with its label, limit and meaning, in the order of the wire', () => {
  const page = readFileSync(new URL('../../../docs/reference/formats.md', import.meta.url), 'utf8');
  const rows = [...Object.values(CEF_FIELDS), TRUNCATED_FIELD].map(({ key, label, maxOctets, meaning }) => `| \`${key}\` | ${label ?? ''} | ${maxOctets} | ${meaning} |`);
  expect(page).toContain(rows.join('\n'));
});
