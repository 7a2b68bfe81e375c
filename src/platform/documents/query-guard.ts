import type { Connection } from 'mongoose';
import { COMMAND_FIELDS, GENERIC_FIELDS } from './embedded/allowed.js';
import { notSupported, transactionRefused } from './embedded/errors.js';
import { checkCommand } from './embedded/command-check.js';
import { type Doc, decode, encode } from './embedded/values.js';

/** What the driver sends on its own to speak to a server at all. */
const OF_THE_DRIVER = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'buildInfo', 'endSessions', 'killSessions', 'killCursors', 'getMore', 'saslStart', 'saslContinue', 'authenticate', 'getnonce']);
/** What it adds for replica sets: numbers for retries, clock readings, a declared API version. */
const ADDED_BY_THE_DRIVER = new Set(['txnNumber', 'apiVersion', 'apiStrict', 'apiDeprecationErrors', '$audit']);

/**
 * In development and tests each command to MongoDB is checked against the subset that the embedded store understands, so that neither can do what the other cannot.
 * A command outside it is not sent: the call that caused it fails with the reason. The connection must have been made with `monitorCommands`.
 */
export function guardQueries(connection: Connection): void {
  connection.getClient().on('commandStarted', ({ commandName, command }) => {
    if (!OF_THE_DRIVER.has(commandName)) refuseOutsideSubset(commandName, decode(encode(command)));
  });
}

/** @throws CommandError when a command, or an operator, stage or option in it, lies outside the subset. */
export function refuseOutsideSubset(name: string, command: Doc): void {
  const fields = Object.hasOwn(COMMAND_FIELDS, name) ? COMMAND_FIELDS[name] : undefined;
  if (!fields) throw notSupported(`the command ${name}`);
  if (command['startTransaction'] !== undefined || command['autocommit'] !== undefined) throw transactionRefused('Tidegate uses no multi-document transactions: the embedded document store has none.');
  for (const field of Object.keys(command)) {
    if (field === name || GENERIC_FIELDS.has(field) || ADDED_BY_THE_DRIVER.has(field) || fields.includes(field) || command[field] === false) continue;
    throw notSupported(`the field ${field} of ${name}`);
  }
  checkCommand(name, command);
}
