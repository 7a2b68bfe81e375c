import { Global, Module } from '@nestjs/common';
import { Leases } from './leases.js';

/** Scheduled work and leases for everybody. */
@Global()
@Module({ providers: [Leases], exports: [Leases] })
export class JobsModule {}
