import { describe, expect, it } from '@jest/globals';
import { confidenceScore, type ScoredIdentity } from './confidence-score.js';

const NOW = Date.parse('2026-11-02T10:00:00Z');
const daysAgo = (days: number) => NOW - days * 86_400_000 - 1000;
const old = daysAgo(400);
const nobody: ScoredIdentity = { roles: 0, accounts: 0, requestsSubmitted: 0, requestsTargeting: 0, modifiedAtMs: old, lastLoginAtMs: old };
const score = (change: Partial<ScoredIdentity>) => confidenceScore({ ...nobody, ...change }, NOW) * 5 - 15;

describe('the confidence score', () => {
  it.each([[0, 0], [1, 30], [2, 60], [3, 90], [4, 100], [40, 100]])('counts %i roles as %i, and accounts alike', (count, points) => {
    expect([score({ roles: count }), score({ accounts: count })]).toEqual([points, points]);
  });

  it.each([[0, 0, 0], [1, 0, 10], [5, 0, 50], [6, 0, 50], [5, 5, 100], [6, 6, 100], [0, 3, 30]])('counts %i requests by and %i for an identity as %i', (requestsSubmitted, requestsTargeting, points) => {
    expect(score({ requestsSubmitted, requestsTargeting })).toBe(points);
  });

  it.each([[0, 100], [1, 90], [9, 10], [10, 0], [11, 10], [500, 10], [-1, 100]])('counts a login %i days ago as %i, and a change half as much', (days, points) => {
    expect(score({ lastLoginAtMs: daysAgo(days) }) + 10).toBe(points);
    expect(score({ modifiedAtMs: daysAgo(days) }) + 5).toBe(points / 2);
  });

  it('counts never logged in as nothing, and never modified as long ago', () => {
    expect(score({ lastLoginAtMs: null })).toBe(-10);
    expect(score({ modifiedAtMs: null })).toBe(0);
  });

  it('reaches the 30 and the 11 of the sample', () => {
    const reached = new Set<number>();
    for (let roles = 0; roles <= 4; roles += 1) for (let accounts = 1; accounts <= 4; accounts += 1) for (const days of [0, 1, 5, 10, 11]) for (const login of [null, daysAgo(0), daysAgo(3)]) reached.add(confidenceScore({ ...nobody, roles, accounts, modifiedAtMs: daysAgo(days), lastLoginAtMs: login }, NOW));
    expect([...reached]).toEqual(expect.arrayContaining([30, 11]));
  });

  it('is a whole number from 6 to 90 for every class of input of somebody with an account', () => {
    const scores: number[] = [];
    const days = [...Array(13).keys()];
    for (let roles = 0; roles <= 4; roles += 1) for (let accounts = 1; accounts <= 4; accounts += 1) for (let submitted = 0; submitted <= 6; submitted += 1) for (let targeting = 0; targeting <= 6; targeting += 1)
      for (const modified of days) for (const login of [null, ...days]) scores.push(confidenceScore({ roles, accounts, requestsSubmitted: submitted, requestsTargeting: targeting, modifiedAtMs: daysAgo(modified), lastLoginAtMs: login === null ? null : daysAgo(login) }, NOW));
    expect([scores.every(Number.isInteger), scores.reduce((a, b) => Math.min(a, b)), scores.reduce((a, b) => Math.max(a, b))]).toEqual([true, 6, 90]);
  });
});
