import { z } from 'zod';

/** The answer of the Test button (engine-command.schema.ts). */
const stage = z.enum(['resolve', 'policy', 'connect', 'tls', 'send', 'close']);
export const testResultView = z.object({
  ok: z.boolean(),
  engineId: z.string(),
  eventId: z.string().meta({ description: 'Id of the test event, to look for in the SIEM.' }),
  stages: z.array(z.object({ stage, ok: z.boolean(), ms: z.number(), detail: z.string() })),
  failure: z.object({ code: z.string(), stage, cause: z.string(), fix: z.string(), needsPerson: z.boolean() }).nullable(),
  evidence: z.string().nullable().meta({ description: 'What the success shows: sent, read, accepted, stored, found.' }),
  caveat: z.string().nullable().meta({ description: 'What it cannot show, in plain words.' }),
  rendered: z.string().nullable(),
  bytes: z.number(),
  ms: z.number(),
});
