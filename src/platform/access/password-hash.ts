import { availableParallelism } from 'node:os';
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';

/** OWASP's least parameters for Argon2id (RFC 9106): 19 MiB, two passes, one lane; about 30 ms. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Hashing runs on the threads that also look up names and read files: it never takes more than half of the machine. */
const SIDE_BY_SIDE = Math.max(1, Math.min(2, Math.floor(availableParallelism() / 2)));
const WAITING = 64;

/** Password hashes with Argon2id. Work is bounded: a flood of logins is answered `busy` instead of taking the machine. */
@Injectable()
export class PasswordHash {
  private running = 0;
  private readonly queue: Array<() => void> = [];
  private nobody: Promise<string> | undefined;

  /** The hash to store, in PHC form with its salt and cost. */
  async hash(password: string): Promise<string> {
    await this.takeTurn();
    try {
      return await hash(prepared(password), COST);
    } finally {
      this.giveTurn();
    }
  }

  /**
   * Whether the password is the one of the hash. Without a hash (no such user) it works as long as with one and answers false, so that the time tells nobody who exists.
   * `busy` when too many wait already.
   */
  async matches(passwordHash: string | undefined, password: string): Promise<boolean | 'busy'> {
    if (this.queue.length >= WAITING) return 'busy';
    this.nobody ??= hash(randomBytes(32), COST);
    const against = passwordHash || (await this.nobody);
    await this.takeTurn();
    try {
      return (await verify(against, prepared(password))) && passwordHash !== undefined && passwordHash !== '';
    } finally {
      this.giveTurn();
    }
  }

  private async takeTurn(): Promise<void> {
    if (this.running >= SIDE_BY_SIDE) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.running += 1;
  }

  /** The turn goes to the next that waits, else it is free. */
  private giveTurn(): void {
    const next = this.queue.shift();
    if (next) next();
    else this.running -= 1;
  }
}

/** RFC 8265, 4.2 (OpaqueString): the same password typed on another keyboard is the same octets. */
function prepared(password: string): string {
  return password.normalize('NFC');
}
