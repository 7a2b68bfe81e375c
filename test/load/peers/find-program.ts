import { delimiter, join } from 'node:path';
import { executable } from '../../support/peer-ground.js';

/** The path of a forwarder: what the environment variable says, else the first of its name in PATH. */
export function findProgram(variable: string, name: string): string | undefined {
  const named = process.env[variable];
  const paths = named ? [named] : (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  return executable(paths) ?? undefined;
}

/** Why it cannot be run here. */
export function programMissing(variable: string, name: string): string | undefined {
  if (findProgram(variable, name) !== undefined) return undefined;
  return process.env[variable] ? `${variable} names no program` : `${name} is not in PATH, and ${variable} is not set`;
}
