import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DirectoryService } from '../../directory/directory.service.js';
import { confidenceScore } from './confidence-score.js';

export interface IdentityInfo {
  nativeIdentity: string;
  results: Array<{ name: string; confidence: number }>;
}

/** Who may be meant by the name of an account. */
@Injectable()
export class IdentityInfoService {
  constructor(private readonly directory: DirectoryService, @Inject(CLOCK) private readonly clock: Clock) {}

  /** Over all applications; one that is sure has 100, several are scored, the likeliest first. Accounts without an owner tell nobody. */
  async find(nativeIdentity: string): Promise<IdentityInfo> {
    const accounts = await this.directory.accountsByNativeIdAnywhere(nativeIdentity);
    const ids = [...new Set(accounts.flatMap(({ identityId }) => identityId ?? []))];
    const identities = (await Promise.all(ids.map((id) => this.directory.identity(id)))).filter((identity) => identity !== null);
    const now = this.clock.now();
    const results = await Promise.all(
      identities.map(async ({ _id, name, roles, requestsSubmitted, requestsTargeting, modifiedAt, lastLoginAt }) => {
        if (identities.length === 1) return { name, confidence: 100 };
        const { length } = await this.directory.accountsOfIdentity(_id);
        const confidence = confidenceScore({ roles: roles.length, accounts: length, requestsSubmitted, requestsTargeting, modifiedAtMs: modifiedAt?.getTime() ?? null, lastLoginAtMs: lastLoginAt?.getTime() ?? null }, now);
        return { name, confidence };
      }),
    );
    results.sort((a, b) => b.confidence - a.confidence || (a.name < b.name ? -1 : 1));
    return { nativeIdentity, results };
  }
}
