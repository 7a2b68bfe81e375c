import { describe, expect, it } from '@jest/globals';
import { settingsFrom } from '../../../config/settings.js';
import { poolGroup } from './kafka-pool-member.js';

describe('the Kafka group of a pool', () => {
  it('is named for the pool alone on the topic of the default settings', () => {
    expect(poolGroup(settingsFrom().kafka.topic, 'engines')).toBe('tidegate.pool.engines');
  });

  it('has any other topic in its name', () => {
    expect(poolGroup('other.events', 'engines')).toBe('tidegate.pool.engines.other.events');
  });
});
