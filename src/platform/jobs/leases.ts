import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DocumentStore } from '../documents/document-store.js';
import { leaseSchema, type LeaseDocument } from './lease.schema.js';

/** The right to do one named piece of work until it ends, expires or is lost. */
export interface Lease {
  readonly name: string;
  /** Checked by whoever stores something in the name of this lease. */
  readonly token: string;
  /** Prolongs it by its full time from now. False: it is lost (expired, and perhaps taken by another); stop the work. */
  renew(): Promise<boolean>;
  /** Frees it for the next; does nothing when it was lost. */
  release(): Promise<void>;
}

/**
 * Leases by name in documents, so that one replica does a piece of work at a time. Expiry compares the clocks of the replicas: they must agree to well within `leaseMs`.
 * A lease is a courtesy that saves work, not a proof: what is done under it must also be harmless when done twice.
 */
@Injectable()
export class Leases {
  private readonly leases: Model<LeaseDocument>;
  private readonly holder = `${hostname()}:${process.pid}`;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock) {
    this.leases = store.model<LeaseDocument>('lease', leaseSchema);
  }

  /** One atomic step; undefined when another holds it. */
  async claim(name: string, leaseMs: number): Promise<Lease | undefined> {
    const token = randomUUID();
    const now = this.clock.now();
    const holding = { token, holder: this.holder, claimedAt: new Date(now), expiresAt: new Date(now + leaseMs) };
    try {
      // A held lease does not match the filter, so the upsert tries to insert and fails on the id.
      await this.leases.collection.findOneAndUpdate({ _id: name as never, expiresAt: { $lte: new Date(now) } }, { $set: holding }, { upsert: true });
    } catch (error) {
      if (isDuplicateKey(error)) return undefined;
      throw error;
    }
    return { name, token, renew: () => this.renew(name, token, leaseMs), release: () => this.release(name, token) };
  }

  /** Who holds the names now, for pages and answers. */
  async holders(names: readonly string[]): Promise<Map<string, LeaseDocument>> {
    const found = await this.leases.find({ _id: { $in: [...names] }, expiresAt: { $gt: new Date(this.clock.now()) } }).lean<LeaseDocument[]>();
    return new Map(found.map((lease) => [lease._id, lease]));
  }

  private async renew(name: string, token: string, leaseMs: number): Promise<boolean> {
    const now = this.clock.now();
    // An expired lease that nobody took is lost too: another may be claiming it at this moment.
    const result = await this.leases.updateOne({ _id: name, token, expiresAt: { $gt: new Date(now) } }, { $set: { expiresAt: new Date(now + leaseMs) } });
    return result.matchedCount === 1;
  }

  private async release(name: string, token: string): Promise<void> {
    await this.leases.deleteOne({ _id: name, token });
  }
}

function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 11000;
}
