import { z } from 'zod';

/** Fields of bodies that several kinds of records share. */

const printable = /^[^\p{Cc}\p{Cs}]*$/u;
/** Text without control characters and half characters, and not blank. */
export const text = (maxLength: number, help: string) =>
  z.string().max(maxLength).regex(printable, 'no control characters').refine((value) => value.trim() !== '', 'must not be blank').meta({ description: help });
export const optionalText = (maxLength: number, help: string) => text(maxLength, help).nullable().optional();
export const reference = (what: string) => text(255, `Name or id of ${what}.`).nullable().optional();
/** RFC 3339 with its offset, or a date alone, which counts as its first moment in UTC. */
export const time = (help: string) => z.union([z.iso.datetime({ offset: true }), z.iso.date()], 'a time as 2026-01-31T12:00:00Z, or a date').transform((value) => new Date(value)).nullable().optional().meta({ description: help });
export const flag = (help: string) => z.boolean().nullable().optional().meta({ description: help });
export const counter = (help: string) => z.int().min(0).max(1_000_000_000).nullable().optional().meta({ description: help });
export const textList = (maxItems: number, maxLength: number, help: string) => z.array(text(maxLength, 'One of them.')).max(maxItems).nullable().optional().meta({ description: help });
/** Names of attributes in connected systems, for example `memberOf`, `userCertificate;binary`. They are keys of documents: no dot, no dollar. */
export const attributeName = z.string().regex(/^[A-Za-z][\w;:-]{0,127}$/, 'a name of letters, digits and - _ ; : that starts with a letter');
